"""GET /v1/memory/{tenant}/{user}/list: list the memories of the end user that the path names."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.memories.list_parameters import Listed
from backend.memories.schemas import MemoryPage
from backend.tenancy.http import Reader
from backend.turns.http import OwnerNamed, TurnsDoor

app = create_app()


@app.get("/v1/memory/{tenant}/{user}/list", response_model=MemoryPage, responses=refusals())
def list_memories_of(owner: OwnerNamed, caller: Reader, turns: TurnsDoor, asked: Listed) -> JSONResponse:
    """List the memories of the end user that the path names, newest first."""
    return turns.listed(caller, owner, asked)


handler = serve(app)
