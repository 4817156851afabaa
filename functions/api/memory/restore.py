"""POST /memory/{id}/restore: bring a memory back from the archive, or undo a supersession."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.edit_http import CHANGE_ANSWERS, Edits, OnTerms
from backend.memories.edit_schemas import MemoryChanged
from backend.memories.http import MemoryId
from backend.tenancy.http import Writer

app = create_app()


@app.post("/memory/{id}/restore", response_model=MemoryChanged, responses=CHANGE_ANSWERS)
def restore_memory(memory_id: MemoryId, caller: Writer, terms: OnTerms, memories: Edits) -> JSONResponse:
    """Bring an archived memory back; let one that was superseded hold as it did before."""
    return memories.restore(caller, memory_id, terms)


handler = serve(app)
