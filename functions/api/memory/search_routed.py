"""POST /memory/search/routed: answer a question by what kind of question it is."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.kit.http import create_app, refusals, serve
from backend.retrieval.routed_http import RoutedSearch
from backend.retrieval.routed_schemas import MemoryRouted, RoutedQuery
from backend.tenancy.http import Reader

app = create_app()


@app.post("/memory/search/routed", response_model=MemoryRouted, responses=refusals(HTTPStatus.UNSUPPORTED_MEDIA_TYPE))
def search_routed(body: RoutedQuery, caller: Reader, searching: RoutedSearch) -> JSONResponse:
    """Find by what kind of question it is, say which, count and reckon with dates, or refuse rather than guess."""
    return searching.search(caller, body)


handler = serve(app)
