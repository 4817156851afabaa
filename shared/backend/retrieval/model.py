"""What is asked, and what is answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.extraction.model import Span
from backend.index.model import Hit, IndexFilter, SearchResult
from backend.memories.model import Memory
from backend.retrieval.reading import Reading
from backend.usage.model import UNUSED, Usage

DEFAULT_K = 5
LARGEST_K = 200
ANSWER_TEXT_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the words, how many answers, and what they must be."""

    text: str
    k: int
    filter: IndexFilter


@dataclass(frozen=True, slots=True)
class Candidates:
    """All that may answer a question, how it was read, and the stems that were asked for; `degraded` is as in `Found`."""

    result: SearchResult
    reading: Reading
    terms: tuple[str, ...]
    degraded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranked:
    """A hit with its relevance in [0, 1]: 1 for the best of all that was found, 0 for the worst."""

    hit: Hit
    relevance: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A memory that answers, and why it stands where it stands. `piece` is what of a long text was found.

    `usage` is that of the queries before.
    """

    memory: Memory
    relevance: float
    dense: float | None
    lexical: float
    piece: Span | None = None
    usage: Usage = UNUSED


@dataclass(frozen=True, slots=True)
class Found:
    """The answers in order; `degraded` names what could not be asked, `missing` what the table no longer had."""

    answers: tuple[Answer, ...]
    degraded: tuple[str, ...]
    asked_at: datetime
