"""What `POST /memory/synthesize` and `POST /memory/summarize` take and answer."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from backend.composing.model import (
    BEST_FOUND,
    MOST_CITED,
    MOST_MEMORIES,
    SENTENCES_OF_A_SUMMARY,
    THRESHOLD,
    Abstained,
    Method,
    Part,
)
from backend.kit.wire import EndUserId, Whole, Wire
from backend.memories.edit_schemas import MemoryIdText
from backend.memories.outcomes import Outcome
from backend.memories.schemas import MemoryView
from backend.retrieval.schemas import Questioning, ScopeDiagnostics

MOST_K = 50
MOST_SENTENCES = 20

SYNTHESIZE_EXAMPLE: JsonDict = {"query": "Where does she live now?", "user_id": "u1", "max_sentences": 2}
SUMMARIZE_EXAMPLE: JsonDict = {"memory_ids": ["mem_01M7ZPER6HPTDYK3G4SGNJ4YPJ"], "user_id": "u1", "max_sentences": 3}

SpanView = Annotated[list[int], Field(min_length=2, max_length=2, description="In characters of the memory's text.")]


class MemorySynthesize(Questioning):
    """Body of `POST /memory/synthesize`."""

    model_config = ConfigDict(json_schema_extra={"examples": [SYNTHESIZE_EXAMPLE]})

    k: Whole = Field(default=BEST_FOUND, ge=1, le=MOST_K, description="How many memories are looked at.")
    max_sentences: Whole = Field(default=MOST_CITED, ge=1, le=MOST_SENTENCES)
    min_confidence: float = Field(default=THRESHOLD, ge=0, le=1, description="Below it there is no answer.")


class CitationView(BaseModel):
    """What an answer stands on: the words of a memory, and where they stand in its text."""

    citation: str
    id: str
    span: SpanView
    quote: str
    cosine: float | None = Field(description="Cosine with the question; null where it was not compared.")
    speaker: str | None
    occurred_at: str | None
    created_at: str


class AnswerSynthesized(BaseModel):
    """Answer of `POST /memory/synthesize`. Without an answer `abstained` is true and `reason` says why."""

    answer: str | None
    abstained: bool
    reason: Abstained | None
    confidence: float
    min_confidence: float
    method: Method
    citations: list[CitationView]
    degraded: list[str]
    warnings: list[str]
    scope_diagnostics: ScopeDiagnostics | None
    request_id: str


class MemorySummarize(Wire):
    """Body of `POST /memory/summarize`."""

    model_config = ConfigDict(json_schema_extra={"examples": [SUMMARIZE_EXAMPLE]})

    memory_ids: list[MemoryIdText] = Field(min_length=1, max_length=MOST_MEMORIES)
    user_id: EndUserId | None = None
    max_sentences: Whole = Field(default=SENTENCES_OF_A_SUMMARY, ge=1, le=MOST_SENTENCES)
    store: bool = Field(default=False, description="Whether the summary becomes a memory; needs `memory:add`.")


class SentenceView(BaseModel):
    """A sentence that the summary is made of, or rests on."""

    id: str
    span: SpanView
    text: str


class SummarySource(BaseModel):
    """A memory that was named, and what became of it."""

    id: str
    status: Part


class MemoriesSummarized(BaseModel):
    """Answer of `POST /memory/summarize`. `memory` is the stored summary, `id` its id; a replay has no `sentences`."""

    id: str | None
    summary: str
    method: Method
    sentences: list[SentenceView]
    sources: list[SummarySource]
    stored: bool
    outcome: Outcome | None = Field(description="What became of the summary, where it was to be stored.")
    rule: str | None
    memory: MemoryView | None
    degraded: list[str]
    warnings: list[str]
    request_id: str
