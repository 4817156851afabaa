"""POST /memory/{id}/archive: put a memory aside."""

from typing import Annotated

from fastapi import Body
from fastapi.responses import JSONResponse

from backend.kit.http import create_app, serve
from backend.memories.edit_http import CHANGE_ANSWERS, Edits, OnTerms
from backend.memories.edit_schemas import MemoryArchive, MemoryChanged
from backend.memories.http import MemoryId
from backend.tenancy.http import Writer

app = create_app()
Asked = Annotated[MemoryArchive, Body(default_factory=MemoryArchive)]


@app.post("/memory/{id}/archive", response_model=MemoryChanged, responses=CHANGE_ANSWERS)
def archive_memory(memory_id: MemoryId, body: Asked, caller: Writer, terms: OnTerms, memories: Edits) -> JSONResponse:
    """Archive a memory: it is read by its id, and found only on demand."""
    return memories.archive(caller, memory_id, body, terms)


handler = serve(app)
