"""POST /v1/memory/add_turn: keep the messages of a turn, and remember what they say."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.http import IdempotencyKey
from backend.tenancy.http import Writer
from backend.turns.http import ADD_TURN_ANSWERS, TurnsDoor
from backend.turns.schemas import AddTurn, TurnAdded

app = create_app()


@app.post("/v1/memory/add_turn", status_code=HTTPStatus.CREATED, response_model=TurnAdded, responses=ADD_TURN_ANSWERS)
def add_turn(body: AddTurn, caller: Writer, key: IdempotencyKey, turns: TurnsDoor) -> JSONResponse:
    """Keep the messages of a turn in its transcript, and remember what they say."""
    return turns.add_turn(caller, body, key)


handler = serve(app)
