"""GET /memory: list an end user's memories, newest first."""

from fastapi import Depends
from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.memories.http import DEFAULT_LIMIT, Cursor, Limit, Memories
from backend.memories.list_parameters import Listed, NaiveInList, only_known_parameters
from backend.memories.schemas import MemoryPage
from backend.tenancy.http import Reader

app = create_app()


@app.get("/memory", dependencies=[Depends(only_known_parameters)], response_model=MemoryPage, responses=refusals())
def list_memories(  # noqa: PLR0913, PLR0917 - one word for each thing that a list can be asked for
    caller: Reader, memories: Memories, listing: Listed, naive: NaiveInList, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> JSONResponse:
    """List the end user's memories, newest first."""
    return memories.page(caller, listing, limit, cursor, naive)


handler = serve(app)
