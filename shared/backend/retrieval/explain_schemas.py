"""What `POST /memory/explain` takes and answers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from backend.kit.errors import Fault, ValidationFailedError
from backend.kit.wire import NOT_BLANK, Clean, Name
from backend.retrieval.gates import Gate, Likeness
from backend.retrieval.model import Question
from backend.retrieval.schemas import MAX_QUERY_BYTES, MemoryQuery

EXPLAIN_EXAMPLE: JsonDict = {
    "query": "Where does she live now?",
    "user_id": "u1",
    "memory_id": "mem_01M7ZPER6HPTDYK3G4SGNJ4YPJ",
    "k": 5,
    "filters": {"sources": ["chat"]},
}


_UNUSED = ("full_text", "traversal_depth")


def _expected(text: str) -> str:
    if not text.strip():
        msg = "Must not be blank; send what the memory should say."
        raise ValueError(msg)
    if len(text.encode()) > MAX_QUERY_BYTES:
        msg = f"Must not be longer than {MAX_QUERY_BYTES} bytes of UTF-8; send the statement that should be found."
        raise ValueError(msg)
    return text


class MemoryExplain(MemoryQuery):
    """Body of `POST /memory/explain`: a question as it was asked, and what should have answered, by id or by its text."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXPLAIN_EXAMPLE]})

    memory_id: Name | None = Field(default=None, description="The memory that should answer. Either this or `text`.")
    text: Annotated[
        Clean | None,
        Field(
            default=None,
            description="What the memory that should answer says.",
            json_schema_extra={"pattern": NOT_BLANK, "maxLength": MAX_QUERY_BYTES},
        ),
        AfterValidator(lambda text: text if text is None else _expected(text)),
    ]

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.memory_id is None) == (self.text is None):
            fault = Fault("/memory_id", "Send either 'memory_id' or 'text': exactly one of the two.")
            msg = "What should have answered is named by its id or by its text."
            raise ValidationFailedError(msg, faults=(fault,))
        return self

    def question(self, now: datetime) -> Question:
        """Return what is asked; what an answer would lead to shows nothing of why it is one."""
        return replace(super().question(now), traversal_depth=0)

    def warnings(self) -> list[str]:
        """Say what was not used."""
        unused = [f"'{name}' has no effect here: no text is shown." for name in _UNUSED if getattr(self, name)]
        return super().warnings() + unused


class CheckView(BaseModel):
    """One gate. `pointer` is what of the request asks for it; a header reads `header:NAME`."""

    gate: Gate
    passed: bool
    detail: str
    pointer: str | None


class Outranking(BaseModel):
    """A memory that stands before it: its tier comes before its score, which is that of an answer."""

    id: str
    tier: str
    score: float


class MatchView(BaseModel):
    """A memory that says the text."""

    id: str
    likeness: Likeness
    state: str


class MemoryExplained(BaseModel):
    """Answer of `POST /memory/explain`. `gate` is the first check that is not passed, null where the memory answers."""

    found: bool
    memory_id: str | None
    rank: int | None
    score: float | None
    gate: Gate | None
    checks: list[CheckView]
    outranked_by: list[Outranking]
    matches: list[MatchView]
    degraded: list[str]
    warnings: list[str]
    request_id: str
