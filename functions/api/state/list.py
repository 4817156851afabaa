"""POST /v1/state/list: list what is kept in a namespace."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.state.http import READ_ANSWERS, Values
from backend.state.schemas import StateList, StatePage
from backend.tenancy.http import Reader

app = create_app()


@app.post("/v1/state/list", response_model=StatePage, responses=READ_ANSWERS)
def list_state(body: StateList, caller: Reader, values: Values) -> JSONResponse:
    """List what is kept in one namespace."""
    return values.values(caller, body)


handler = serve(app)
