"""GET /v1/memory/{tenant}/{user}/list: list the memories of the end user that the path names."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.memories.http import DEFAULT_LIMIT, Cursor, Limit
from backend.memories.list_parameters import Listed, NaiveInList
from backend.memories.schemas import MemoryPage
from backend.tenancy.http import Reader
from backend.turns.http import OwnerNamed, TurnsDoor

app = create_app()


@app.get("/v1/memory/{tenant}/{user}/list", response_model=MemoryPage, responses=refusals())
def list_memories_of(  # noqa: PLR0913, PLR0917 - one word for each thing that a list can be asked for
    owner: OwnerNamed,
    caller: Reader,
    turns: TurnsDoor,
    listing: Listed,
    naive: NaiveInList,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> JSONResponse:
    """List the memories of the end user that the path names, newest first."""
    return turns.listed(caller, owner, listing, limit, cursor, naive)


handler = serve(app)
