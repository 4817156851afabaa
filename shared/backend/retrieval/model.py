"""Ranking: how the scores of the fields become one order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from backend.extraction.model import Span
from backend.index.model import Hit, IndexFilter, Range, SearchResult
from backend.memories.model import Memory

DENSE_WEIGHT = 2.0
LEXICAL_WEIGHT = 1.0
TIER_BANDS = ("hot", "warm", "cold")
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
class Ranked:
    """A hit with its fused relevance in [0, 1], relative to the best and worst of the same owner's memories."""

    hit: Hit
    relevance: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A memory that answers, and why it stands where it stands. `piece` is what of a long text was found."""

    memory: Memory
    relevance: float
    dense: float | None
    lexical: float
    piece: Span | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The answers in order; `degraded` names what could not be asked, `missing` what the table no longer had."""

    answers: tuple[Answer, ...]
    degraded: tuple[str, ...]
    asked_at: datetime


def rank(result: SearchResult) -> list[Ranked]:
    """Return the hits, best first: tier band, then the weighted sum of min-max scores, then the newer one.

    Each field is scaled over everything that passed the filters, not over the hits alone, so that a list's length changes
    no order (measured against reciprocal rank fusion: docs/decisions.md). A memory keeps its best chunk only.
    """
    best: dict[str, Ranked] = {}
    for hit in result.hits:
        relevance = _relevance(hit, result)
        kept = best.get(hit.memory_id)
        # Of equals the newest revision's first chunk is kept, in whatever order the hits came.
        if kept is None or (relevance, hit.revision, -hit.chunk) > (kept.relevance, kept.hit.revision, -kept.hit.chunk):
            best[hit.memory_id] = Ranked(hit, relevance)
    return sorted(best.values(), key=_order)


def _order(ranked: Ranked) -> tuple[int, float, int, str]:
    tier = ranked.hit.tier
    band = TIER_BANDS.index(tier) if tier in TIER_BANDS else len(TIER_BANDS)
    return band, -ranked.relevance, -ranked.hit.created_at, ranked.hit.memory_id


def _relevance(hit: Hit, result: SearchResult) -> float:
    total = LEXICAL_WEIGHT * _scaled(hit.lexical, result.lexical)
    if hit.dense is not None:
        total += DENSE_WEIGHT * _scaled(hit.dense, result.dense)
    return total / (DENSE_WEIGHT + LEXICAL_WEIGHT)


def _scaled(value: float, span: Range) -> float:
    """Return where the value stands between the lowest and the highest; where all are equal, 1 for any sign of relevance."""
    if span.high <= span.low:
        return 1.0 if value > 0 else 0.0
    return min(1.0, max(0.0, (value - span.low) / (span.high - span.low)))
