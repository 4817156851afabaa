"""POST /memory/decision/resolve: decide between statements that contradict each other."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.edit_http import CHANGE_ANSWERS, Edits
from backend.memories.edit_schemas import DecisionTaken, Resolve
from backend.memories.http import IdempotencyKey
from backend.tenancy.http import Writer

app = create_app()


@app.post("/memory/decision/resolve", response_model=DecisionTaken, responses=CHANGE_ANSWERS)
def resolve_conflict(body: Resolve, caller: Writer, key: IdempotencyKey, memories: Edits) -> JSONResponse:
    """Let a statement that waits hold from now on, hold beside the other, or be dropped."""
    return memories.resolve(caller, body, key)


handler = serve(app)
