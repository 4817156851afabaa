"""PATCH /memory/{id}: change what is known about a memory."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.edit_http import PATCH_ANSWERS, Edits, OnTerms
from backend.memories.edit_schemas import MemoryChanged, MemoryPatch
from backend.memories.http import OTHER_ROUTES, MemoryId
from backend.tenancy.http import Writer

app = create_app(OTHER_ROUTES)


@app.patch("/memory/{id}", response_model=MemoryChanged, responses=PATCH_ANSWERS)
def update_memory(memory_id: MemoryId, body: MemoryPatch, caller: Writer, terms: OnTerms, memories: Edits) -> JSONResponse:
    """Change tags, importance, metadata, source, type or validity, as a new revision."""
    return memories.patch(caller, memory_id, body, terms)


handler = serve(app)
