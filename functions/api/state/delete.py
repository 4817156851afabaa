"""POST /v1/state/delete: drop what is kept under a key."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.http import IdempotencyKey
from backend.state.http import DELETE_ANSWERS, Values, VersionsMeant
from backend.state.schemas import StateDelete, StateDeleted
from backend.tenancy.http import Deleter

app = create_app()


@app.post("/v1/state/delete", response_model=StateDeleted, responses=DELETE_ANSWERS)
def delete_state(body: StateDelete, caller: Deleter, key: IdempotencyKey, meant: VersionsMeant, values: Values) -> JSONResponse:
    """Drop what is kept under a key, for good."""
    return values.remove(caller, body, key, meant)


handler = serve(app)
