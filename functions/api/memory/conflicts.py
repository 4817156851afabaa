"""GET /memory/conflicts: statements that wait for a decision."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.memories.edit_http import Edits
from backend.memories.edit_schemas import WaitingPage
from backend.memories.list_parameters import DEFAULT_LIMIT, Cursor, Limit
from backend.memories.model import State
from backend.tenancy.http import Reader

app = create_app()


@app.get("/memory/conflicts", response_model=WaitingPage, responses=refusals())
def list_conflicts(caller: Reader, memories: Edits, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> JSONResponse:
    """List the statements that contradict what holds and wait for a decision, newest first."""
    return memories.waiting(caller, State.DISPUTED, limit, cursor)


handler = serve(app)
