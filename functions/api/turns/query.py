"""POST /v1/memory/query: find memories by meaning and by word."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.retrieval.http import Retrieval
from backend.retrieval.schemas import MemoriesFound, MemoryQuery
from backend.tenancy.http import Reader

app = create_app()


@app.post("/v1/memory/query", response_model=MemoriesFound, responses=refusals(HTTPStatus.UNSUPPORTED_MEDIA_TYPE))
def query_turns(body: MemoryQuery, caller: Reader, retrieval: Retrieval) -> JSONResponse:
    """Find memories by meaning and by word, best first; the same as POST /memory/query."""
    return retrieval.query(caller, body)


handler = serve(app)
