"""POST /v1/history/append: put messages behind those of a conversation."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.http import IdempotencyKey
from backend.tenancy.http import Writer
from backend.transcripts.http import APPEND_ANSWERS, History
from backend.transcripts.schemas import HistoryAppend, HistoryAppended

app = create_app()


@app.post("/v1/history/append", status_code=HTTPStatus.CREATED, response_model=HistoryAppended, responses=APPEND_ANSWERS)
def append_history(body: HistoryAppend, caller: Writer, key: IdempotencyKey, history: History) -> JSONResponse:
    """Keep messages of a conversation, in their order and without gaps."""
    return history.append(caller, body, key)


handler = serve(app)
