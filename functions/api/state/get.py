"""POST /v1/state/get: read what is kept under a key."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.state.http import READ_ANSWERS, Values
from backend.state.schemas import StateGet, StateRead
from backend.tenancy.http import Reader

app = create_app()


@app.post("/v1/state/get", response_model=StateRead, responses=READ_ANSWERS)
def get_state(body: StateGet, caller: Reader, values: Values) -> JSONResponse:
    """Read what is kept under a key."""
    return values.value(caller, body)


handler = serve(app)
