"""POST /v1/state/search: find what is kept by namespace and members."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.state.http import READ_ANSWERS, Values
from backend.state.schemas import StatePage, StateSearch
from backend.tenancy.http import Reader

app = create_app()


@app.post("/v1/state/search", response_model=StatePage, responses=READ_ANSWERS)
def search_state(body: StateSearch, caller: Reader, values: Values) -> JSONResponse:
    """Find what is kept in all namespaces that begin alike, by members of the values."""
    return values.search(caller, body)


handler = serve(app)
