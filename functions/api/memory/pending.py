"""GET /memory/pending: what is stored and not found by meaning yet."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.memories.edit_http import Edits
from backend.memories.edit_schemas import MemoryPending
from backend.tenancy.http import Reader

app = create_app()


@app.get("/memory/pending", response_model=MemoryPending, responses=refusals())
def read_pending(caller: Reader, memories: Edits) -> JSONResponse:
    """Count the end user's memories that wait for a vector or for the index, and tell since when."""
    return memories.pending(caller)


handler = serve(app)
