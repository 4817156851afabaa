"""POST /memory/quarantine/{id}/approve: take a text that waits."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.edit_http import CHANGE_ANSWERS, Edits
from backend.memories.edit_schemas import DecisionTaken
from backend.memories.http import IdempotencyKey, MemoryId
from backend.memories.reviewing import Decision
from backend.tenancy.http import Writer

app = create_app()


@app.post("/memory/quarantine/{id}/approve", response_model=DecisionTaken, responses=CHANGE_ANSWERS)
def approve_memory(memory_id: MemoryId, caller: Writer, key: IdempotencyKey, memories: Edits) -> JSONResponse:
    """Take a text as if it had just been said."""
    return memories.review(caller, memory_id, Decision.APPROVE, key)


handler = serve(app)
