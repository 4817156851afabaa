"""POST /memory/explain: why a memory does not answer a question."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.retrieval.explain_http import Explanations
from backend.retrieval.explain_schemas import MemoryExplain, MemoryExplained
from backend.tenancy.http import Reader

app = create_app()


@app.post("/memory/explain", response_model=MemoryExplained, responses=refusals(HTTPStatus.UNSUPPORTED_MEDIA_TYPE))
def explain_memory(body: MemoryExplain, caller: Reader, explanations: Explanations) -> JSONResponse:
    """Say why a memory does or does not answer a question: every gate that it has to pass, in order."""
    return explanations.explain(caller, body)


handler = serve(app)
