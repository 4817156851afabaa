"""DELETE /memory/{id}: forget one memory at once."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.memories.http import OTHER_ROUTES, IdempotencyKey, IfMatch, Memories, MemoryId
from backend.memories.schemas import MemoryForgotten
from backend.tenancy.http import Deleter

app = create_app(OTHER_ROUTES)


@app.delete(
    "/memory/{id}",
    response_model=MemoryForgotten,
    responses=refusals(HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED),
)
def forget_memory(memory_id: MemoryId, caller: Deleter, key: IdempotencyKey, meant: IfMatch, memories: Memories) -> JSONResponse:
    """Make a memory unreadable and unfindable at once."""
    return memories.forget(caller, memory_id, key, meant)


handler = serve(app)
