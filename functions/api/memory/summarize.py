"""POST /memory/summarize: what several memories say together."""

from fastapi.responses import JSONResponse

from backend.composing.answer_http import SUMMARIZE_ANSWERS, Answers
from backend.composing.answer_schemas import MemoriesSummarized, MemorySummarize
from backend.kit.http import create_app, serve
from backend.memories.http import IdempotencyKey
from backend.tenancy.http import Reader

app = create_app()


@app.post("/memory/summarize", response_model=MemoriesSummarized, responses=SUMMARIZE_ANSWERS)
def summarize_memories(body: MemorySummarize, caller: Reader, key: IdempotencyKey, answers: Answers) -> JSONResponse:
    """Summarise memories by their ids, and keep the summary as a memory where that is wanted."""
    return answers.summarize(caller, body, key)


handler = serve(app)
