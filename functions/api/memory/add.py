"""POST /memory/add: store what the caller wants remembered."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.http import ADD_ANSWERS, IdempotencyKey, Memories
from backend.memories.schemas import MemoryAdd, MemoryAdded
from backend.tenancy.http import Writer

app = create_app()


@app.post("/memory/add", status_code=HTTPStatus.CREATED, response_model=MemoryAdded, responses=ADD_ANSWERS)
def add_memory(body: MemoryAdd, caller: Writer, key: IdempotencyKey, memories: Memories) -> JSONResponse:
    """Store what the caller wants remembered, or find that it is known already."""
    return memories.add(caller, body, key)


handler = serve(app)
