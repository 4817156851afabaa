"""POST /v1/history/list: read the messages of a conversation."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.tenancy.http import Reader
from backend.transcripts.http import READ_ANSWERS, History
from backend.transcripts.schemas import HistoryList, HistoryPage

app = create_app()


@app.post("/v1/history/list", response_model=HistoryPage, responses=READ_ANSWERS)
def list_history(body: HistoryList, caller: Reader, history: History) -> JSONResponse:
    """List the messages of a conversation, oldest or newest first."""
    return history.messages(caller, body)


handler = serve(app)
