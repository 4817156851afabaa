"""What is asked, and what is answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from backend.extraction.model import Category, Span
from backend.index.model import Hit, IndexDocument, IndexFilter, SearchResult, Tombstone
from backend.memories.model import Memory
from backend.retrieval.reading import Reading
from backend.usage.model import UNUSED, Usage

DEFAULT_K = 5
LARGEST_K = 200
DEEPEST_TRAVERSAL = 2
ANSWER_TEXT_BYTES = 4096

TIER_BANDS = ("hot", "warm", "cold")

SHOWN = ("semantic", "cluster", "recency", "importance", "usage")
"""The factors that every answer shows; the others are only explained."""

BOOSTS: Mapping[str, float] = MappingProxyType({"confidence": 0.05})
"""What counts beside the weights, always: too little to move what is relevant, enough to decide between equals."""

STALE_SHARE = 0.9
"""What is left of the score of a stale memory: a tenth at most is lost, and stale ones stand among themselves as before."""


def band(tier: str) -> int:
    """Return which band a tier is, 0 for the first; a tier that is not known stands behind all others."""
    return TIER_BANDS.index(tier) if tier in TIER_BANDS else len(TIER_BANDS)


@dataclass(frozen=True, slots=True)
class Weights:
    """How much each factor of `backend.retrieval.factors` counts beside the others; each within [0, 1], not all of them 0."""

    semantic: float = 0.40
    cluster: float = 0.20
    recency: float = 0.15
    importance: float = 0.15
    usage: float = 0.10
    decay: float = 0.0
    quality: float = 0.0


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the words, how many answers, what they must be, what counts, and whether to say why."""

    text: str
    k: int
    filter: IndexFilter
    weights: Weights = Weights()
    explain: bool = False
    traversal_depth: int = 0
    """How many steps from what is found to what it leads to are shown."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """All that may answer a question, how it was read, and the stems that were asked for; `degraded` is as in `Found`.

    `further` is what comes behind all of `result` where one search cannot hold enough, in the order in which it was found.
    `changes` is what was pending when it was asked.
    """

    result: SearchResult
    reading: Reading
    terms: tuple[str, ...]
    degraded: tuple[str, ...] = ()
    further: tuple[SearchResult, ...] = ()
    changes: Sequence[IndexDocument | Tombstone] = ()


@dataclass(frozen=True, slots=True)
class Ranked:
    """A hit with its relevance in [0, 1]: 1 for the best of all that was found, 0 for the worst.

    `features` is what each feature added to it (its value times its weight), where that was asked for.
    """

    hit: Hit
    relevance: float
    features: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Weighed:
    """What a memory's place comes from: its factors by name, the score made of them, and of which memory it is a repetition.

    All numbers are within [0, 1] and relative to the batch that was read.
    """

    score: float = 0.0
    factors: Mapping[str, float] = field(default_factory=dict)
    duplicate_of: str | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """What of a question a memory met: the stems in it and its speaker's name, whether that is the one named, which date fits.

    `is_pending` says that the index had not taken it in yet; `features` is as in `Ranked`.
    """

    stems: frozenset[str]
    is_named: bool
    date: str | None
    is_pending: bool
    features: Mapping[str, float]


class Relation(StrEnum):
    """What a memory is to the one that led to it."""

    SUPERSEDED_BY = "superseded_by"
    SUPERSEDES = "supersedes"
    DISPUTES = "disputes"
    DERIVED_FROM = "derived_from"
    PREVIOUS = "previous_in_session"
    NEXT = "next_in_session"


@dataclass(frozen=True, slots=True)
class Related:
    """A memory that an answer leads to: in how many steps, by what it is to the last one before it, `via`."""

    memory: Memory
    relation: Relation
    depth: int
    via: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A memory that answers, and why it stands where it stands. `piece` is what of a long text was found.

    `usage` is that of the queries before; `why` is there when it was asked for, and so is what it leads to.
    """

    memory: Memory
    relevance: float
    dense: float | None
    lexical: float
    piece: Span | None = None
    usage: Usage = UNUSED
    weighed: Weighed = Weighed()
    why: Why | None = None
    is_stale: bool = False
    related: tuple[Related, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The answers in order; `degraded` names what could not be asked, `changes` is what was pending when it was asked."""

    answers: tuple[Answer, ...]
    degraded: tuple[str, ...]
    asked_at: datetime
    intent: Category = Category.FACTUAL
    changes: Sequence[IndexDocument | Tombstone] = ()
