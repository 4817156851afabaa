"""GET /memory: list an end user's memories, newest first."""

from fastapi import Depends
from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.memories.http import Memories
from backend.memories.list_parameters import Listed, only_known_parameters
from backend.memories.schemas import MemoryPage
from backend.tenancy.http import Reader

app = create_app()


@app.get("/memory", dependencies=[Depends(only_known_parameters)], response_model=MemoryPage, responses=refusals())
def list_memories(caller: Reader, memories: Memories, asked: Listed) -> JSONResponse:
    """List the end user's memories, newest first."""
    return memories.page(caller, asked)


handler = serve(app)
