"""POST /v1/history/delete: drop a conversation, or one message of it."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.http import IdempotencyKey
from backend.tenancy.http import Deleter
from backend.transcripts.http import WRITE_ANSWERS, History
from backend.transcripts.schemas import HistoryDelete, HistoryDeleted

app = create_app()


@app.post("/v1/history/delete", response_model=HistoryDeleted, responses=WRITE_ANSWERS)
def delete_history(body: HistoryDelete, caller: Deleter, key: IdempotencyKey, history: History) -> JSONResponse:
    """Drop a conversation, or one message of it, for good."""
    return history.delete(caller, body, key)


handler = serve(app)
