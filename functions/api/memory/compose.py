"""POST /memory/compose: a prompt of what is remembered, within a budget of tokens."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.composing.http import Prompts
from backend.composing.schemas import MemoryCompose, PromptComposed
from backend.kit.http import create_app, refusals, serve
from backend.tenancy.http import Reader

app = create_app()


@app.post("/memory/compose", response_model=PromptComposed, responses=refusals(HTTPStatus.UNSUPPORTED_MEDIA_TYPE))
def compose_prompt(body: MemoryCompose, caller: Reader, prompts: Prompts) -> JSONResponse:
    """Build a prompt by retrieving memories into a token budget."""
    return prompts.compose(caller, body)


handler = serve(app)
