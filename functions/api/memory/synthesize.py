"""POST /memory/synthesize: an answer from memory, every sentence cited, or none."""

from http import HTTPStatus

from fastapi.responses import JSONResponse

from backend.composing.answer_http import Answers
from backend.composing.answer_schemas import AnswerSynthesized, MemorySynthesize
from backend.kit.http import create_app, refusals, serve
from backend.tenancy.http import Reader

app = create_app()


@app.post("/memory/synthesize", response_model=AnswerSynthesized, responses=refusals(HTTPStatus.UNSUPPORTED_MEDIA_TYPE))
def synthesize_answer(body: MemorySynthesize, caller: Reader, answers: Answers) -> JSONResponse:
    """Answer a question from what is remembered, with citations, or say that nothing there answers it."""
    return answers.synthesize(caller, body)


handler = serve(app)
