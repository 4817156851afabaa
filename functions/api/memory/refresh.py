"""POST /memory/refresh: read memories with the rules of today, in the background."""

from http import HTTPStatus
from typing import Annotated

from fastapi import Body
from fastapi.responses import JSONResponse

from backend.jobs.http import BEGIN_ANSWERS, Work
from backend.jobs.schemas import JobBegun, MemoryRefresh
from backend.kit.http import create_app, serve
from backend.memories.http import IdempotencyKey
from backend.tenancy.http import Writer

app = create_app()
Asked = Annotated[MemoryRefresh, Body(default_factory=MemoryRefresh)]


@app.post("/memory/refresh", status_code=HTTPStatus.ACCEPTED, response_model=JobBegun, responses=BEGIN_ANSWERS)
def refresh_memories(body: Asked, caller: Writer, key: IdempotencyKey, work: Work) -> JSONResponse:
    """Begin to read the end user's memories anew, and to embed them where the model is another now."""
    return work.refresh(caller, body, key)


handler = serve(app)
