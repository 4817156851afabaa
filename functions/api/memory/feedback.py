"""POST /memory/{id}/feedback: say whether a memory was of use."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.edit_http import CHANGE_ANSWERS, Edits
from backend.memories.edit_schemas import Feedback, MemoryChanged
from backend.memories.http import IdempotencyKey, MemoryId
from backend.tenancy.http import Writer

app = create_app()


@app.post("/memory/{id}/feedback", response_model=MemoryChanged, responses=CHANGE_ANSWERS)
def judge_memory(memory_id: MemoryId, body: Feedback, caller: Writer, key: IdempotencyKey, memories: Edits) -> JSONResponse:
    """Keep what somebody thinks of a memory: its quality follows."""
    return memories.judge(caller, memory_id, body, key)


handler = serve(app)
