"""POST /memory/retrieve: another name of POST /memory/query."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.retrieval.http import Retrieval
from backend.retrieval.schemas import MemoriesFound, MemoryQuery
from backend.tenancy.http import Reader

app = create_app()


@app.post("/memory/retrieve", response_model=MemoriesFound, responses=refusals(HTTPStatus.UNSUPPORTED_MEDIA_TYPE))
def retrieve_memories(body: MemoryQuery, caller: Reader, retrieval: Retrieval) -> JSONResponse:
    """Find memories by meaning and by word, best first: what `POST /memory/query` does."""
    return retrieval.query(caller, body)


handler = serve(app)
