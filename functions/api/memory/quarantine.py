"""GET /memory/quarantine: texts that wait to be looked at."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.memories.edit_http import Edits
from backend.memories.edit_schemas import WaitingPage
from backend.memories.list_parameters import DEFAULT_LIMIT, Cursor, Limit
from backend.memories.model import State
from backend.tenancy.http import Reader

app = create_app()


@app.get("/memory/quarantine", response_model=WaitingPage, responses=refusals())
def list_quarantine(caller: Reader, memories: Edits, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> JSONResponse:
    """List the texts that look like orders to a language model, newest first."""
    return memories.waiting(caller, State.QUARANTINED, limit, cursor)


handler = serve(app)
