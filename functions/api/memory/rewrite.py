"""PUT /memory/{id}/text: give a memory a new text."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.edit_http import CHANGE_ANSWERS, Edits, OnTerms
from backend.memories.edit_schemas import MemoryChanged, MemoryText
from backend.memories.http import MemoryId
from backend.tenancy.http import Writer

app = create_app()


@app.put("/memory/{id}/text", response_model=MemoryChanged, responses=CHANGE_ANSWERS)
def rewrite_memory(memory_id: MemoryId, body: MemoryText, caller: Writer, terms: OnTerms, memories: Edits) -> JSONResponse:
    """Give a memory a new text, as a new revision."""
    return memories.rewrite(caller, memory_id, body, terms)


handler = serve(app)
