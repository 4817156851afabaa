"""POST /memory/bulk-add: remember up to fifty things, each for itself."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.edit_http import BATCH_ANSWERS, Edits
from backend.memories.edit_schemas import BulkAdd, BulkAdded
from backend.memories.http import IdempotencyKey
from backend.tenancy.http import Writer

app = create_app()


@app.post("/memory/bulk-add", status_code=HTTPStatus.MULTI_STATUS, response_model=BulkAdded, responses=BATCH_ANSWERS)
def add_memories(body: BulkAdd, caller: Writer, key: IdempotencyKey, memories: Edits) -> JSONResponse:
    """Remember several things; each item has its own outcomes."""
    return memories.add_many(caller, body, key)


handler = serve(app)
