"""POST /v1/state/namespaces: list the namespaces that hold anything."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.state.http import READ_ANSWERS, Values
from backend.state.schemas import NamespacePage, StateNamespaces
from backend.tenancy.http import Reader

app = create_app()


@app.post("/v1/state/namespaces", response_model=NamespacePage, responses=READ_ANSWERS)
def list_namespaces(body: StateNamespaces, caller: Reader, values: Values) -> JSONResponse:
    """List the namespaces that hold anything, by how they begin and end."""
    return values.namespaces(caller, body)


handler = serve(app)
