"""POST /memory/batch-update: change up to a hundred memories, each for itself."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.edit_http import BATCH_ANSWERS, Edits
from backend.memories.edit_schemas import BatchUpdate, BatchUpdated
from backend.memories.http import IdempotencyKey
from backend.tenancy.http import Writer

app = create_app()


@app.post("/memory/batch-update", status_code=HTTPStatus.MULTI_STATUS, response_model=BatchUpdated, responses=BATCH_ANSWERS)
def update_memories(body: BatchUpdate, caller: Writer, key: IdempotencyKey, memories: Edits) -> JSONResponse:
    """Change several memories; each item has its own answer."""
    return memories.update_many(caller, body, key)


handler = serve(app)
