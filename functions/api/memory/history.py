"""GET /memory/{id}/history: how a memory came to be what it is."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.memories.edit_http import Edits
from backend.memories.edit_schemas import MemoryHistory
from backend.memories.http import MemoryId
from backend.memories.list_parameters import DEFAULT_LIMIT, Cursor, Limit
from backend.tenancy.http import Reader

app = create_app()


@app.get("/memory/{id}/history", response_model=MemoryHistory, responses=refusals())
def read_history(
    memory_id: MemoryId, caller: Reader, memories: Edits, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> JSONResponse:
    """List a memory's revisions, newest first: when, by whom, why, and what each changed."""
    return memories.history(caller, memory_id, limit, cursor)


handler = serve(app)
