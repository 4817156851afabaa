"""GET /memory/{id}: read one memory."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.memories.http import OTHER_ROUTES, Memories, MemoryId
from backend.memories.list_parameters import At
from backend.memories.schemas import MemoryRead
from backend.tenancy.http import Reader

app = create_app(OTHER_ROUTES)


@app.get("/memory/{id}", response_model=MemoryRead, responses=refusals(HTTPStatus.METHOD_NOT_ALLOWED))
def get_memory(memory_id: MemoryId, caller: Reader, at: At, memories: Memories) -> JSONResponse:
    """Read one memory of the end user, as it is or as it was known at a moment."""
    return memories.get(caller, memory_id, at)


handler = serve(app)
