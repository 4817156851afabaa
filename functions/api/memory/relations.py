"""GET /memory/{id}/relations: what a memory is to others."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.memories.edit_http import Edits
from backend.memories.edit_schemas import MemoryRelations
from backend.memories.http import MemoryId
from backend.tenancy.http import Reader

app = create_app()


@app.get("/memory/{id}/relations", response_model=MemoryRelations, responses=refusals())
def read_relations(memory_id: MemoryId, caller: Reader, memories: Edits) -> JSONResponse:
    """List what the memory superseded, what superseded it, and what it contradicts."""
    return memories.relations(caller, memory_id)


handler = serve(app)
