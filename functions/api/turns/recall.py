"""POST /v1/memory/recall: find what matters to a conversation."""

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.retrieval.http import Retrieval
from backend.retrieval.schemas import MemoriesFound
from backend.tenancy.http import Reader
from backend.turns.http import RECALL_ANSWERS
from backend.turns.schemas import MemoryRecall

app = create_app()


@app.post("/v1/memory/recall", response_model=MemoriesFound, responses=RECALL_ANSWERS)
def recall_memories(body: MemoryRecall, caller: Reader, retrieval: Retrieval) -> JSONResponse:
    """Find what matters to a conversation as it stands, best first."""
    return retrieval.query(caller, body)


handler = serve(app)
