"""POST /v1/state/put: keep a value under a key."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.http import IdempotencyKey
from backend.state.http import PUT_ANSWERS, Values, VersionsMeant
from backend.state.schemas import StatePut, StateRead
from backend.tenancy.http import Writer

app = create_app()


@app.post("/v1/state/put", response_model=StateRead, responses=PUT_ANSWERS)
def put_state(body: StatePut, caller: Writer, key: IdempotencyKey, meant: VersionsMeant, values: Values) -> JSONResponse:
    """Keep a value under a key, in the place of what is there."""
    return values.put(caller, body, key, meant)


handler = serve(app)
