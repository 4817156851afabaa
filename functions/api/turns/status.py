"""GET /v1/memory/status/{id}: say how far a turn is."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.tenancy.http import Reader
from backend.turns.http import TurnId, TurnsDoor
from backend.turns.schemas import TurnRead

app = create_app()


@app.get("/v1/memory/status/{id}", response_model=TurnRead, responses=refusals())
def get_turn(turn_id: TurnId, caller: Reader, turns: TurnsDoor) -> JSONResponse:
    """Say how far a turn is, and what became of its messages."""
    return turns.status(caller, turn_id)


handler = serve(app)
