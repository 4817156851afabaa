"""POST /memory/quarantine/{id}/reject: drop a text that waits."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.edit_http import CHANGE_ANSWERS, Edits
from backend.memories.edit_schemas import DecisionTaken
from backend.memories.http import IdempotencyKey, MemoryId
from backend.memories.reviewing import Decision
from backend.tenancy.http import Writer

app = create_app()


@app.post("/memory/quarantine/{id}/reject", response_model=DecisionTaken, responses=CHANGE_ANSWERS)
def reject_memory(memory_id: MemoryId, caller: Writer, key: IdempotencyKey, memories: Edits) -> JSONResponse:
    """Drop a text that waits to be looked at."""
    return memories.review(caller, memory_id, Decision.REJECT, key)


handler = serve(app)
