"""GET /memory/{id}/evidence: where a memory comes from."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.memories.edit_http import Edits
from backend.memories.edit_schemas import MemoryEvidence
from backend.memories.http import MemoryId
from backend.memories.list_parameters import DEFAULT_LIMIT, Cursor, Limit
from backend.tenancy.http import Reader

app = create_app()


@app.get("/memory/{id}/evidence", response_model=MemoryEvidence, responses=refusals())
def read_evidence(
    memory_id: MemoryId, caller: Reader, memories: Edits, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> JSONResponse:
    """List a memory's evidence, oldest first, and say how much there is in all."""
    return memories.evidence(caller, memory_id, limit, cursor)


handler = serve(app)
