"""The last order: what was found relevant is weighed beside what else speaks for a memory. Tier first, as everywhere.

The factors are worked out of the rows that were read (a batch), each within [0, 1] and relative to that batch: what all have
alike moves nothing. Relevance is scaled between the lowest and the highest of the batch, so that it keeps its say where all
fit well; every other factor is divided by its highest, so that a small difference stays small (of `usage` by `OFTEN` at least).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from types import MappingProxyType

import numpy as np

from backend.embedding.model import Vector
from backend.extraction.model import Category
from backend.kit.clock import as_utc
from backend.memories.model import Memory
from backend.retrieval.duplicates import duplicates, matrix_of
from backend.retrieval.features import Column, scaled
from backend.retrieval.model import BOOSTS, STALE_SHARE, Ranked, Weighed, Weights, band
from backend.usage.model import UNUSED, Usage

BATCH = 20
"""Rows that are read for a question that asks for fewer. Twice as many change recall by less than .002 (docs/retrieval.md)."""

CENTROID_OF = 20
"""The most relevant of a batch, whose mean vector all are compared with."""

HALF_LIFE_HOURS: Mapping[Category, float] = MappingProxyType(
    {
        Category.TEMPORAL: 24,
        Category.EMOTIONAL: 24,
        Category.EPISODIC: 72,
        Category.FACTUAL: 168,
        Category.PREFERENCE: 168,
        Category.PROCEDURAL: 168,
    }
)
"""In which time recency halves, by what a question is after: what holds for long ages slowly."""

DECAY_HALF_LIFE_HOURS = 720.0
"""In which time a memory that nobody asks for fades by half: a month."""

OFTEN = 100
"""Times that a memory has to be found before that can count in full (docs/retrieval.md): a few say little of it."""

_DIGITS = 9
"""Digits of a score that decide: the last bits of a sum are the machine's own."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A memory that was found and read, how it has been used, and whether nobody has for long."""

    ranked: Ranked
    memory: Memory
    usage: Usage = UNUSED
    is_stale: bool = False


def weigh(batch: Sequence[Candidate], weights: Weights, intent: Category, model: str) -> list[tuple[Candidate, Weighed]]:
    """Return the batch in its last order: by tier, then by score, then by relevance, then the newer one.

    The score is the mean of the factors by their weights, boosts included; of a stale memory `STALE_SHARE` of it. In each tier
    what repeats a better one word for word stands behind all others, its score lowered to theirs. `model` is the identity of
    the embedding model whose vectors are compared. The order in which the batch comes changes nothing.
    """
    candidates = sorted(batch, key=_by_relevance)
    if not candidates:
        return []
    vectors = [each.memory.vector if each.memory.model == model else None for each in candidates]
    columns = _factors(candidates, vectors, intent)
    counted = asdict(weights) | dict(BOOSTS)
    share = np.where([each.is_stale for each in candidates], STALE_SHARE, 1.0)
    scores = share * sum(weight * columns[name] for name, weight in counted.items()) / sum(counted.values())
    rows = [dict(zip(columns, row, strict=True)) for row in np.stack(list(columns.values()), axis=1).tolist()]
    # The mean of numbers within [0, 1] may pass 1 by its last bit.
    weighed = [Weighed(min(score, 1.0), factors) for score, factors in zip(np.asarray(scores).tolist(), rows, strict=True)]
    bands = [band(each.memory.tier) for each in candidates]
    order = sorted(range(len(candidates)), key=lambda at: (bands[at], -round(weighed[at].score, _DIGITS), at))
    repeated = duplicates([candidates[at].memory for at in order], [vectors[at] for at in order])
    return _behind([(candidates[at], weighed[at]) for at in order], repeated)


def _behind(ordered: Sequence[tuple[Candidate, Weighed]], repeated: Mapping[str, str]) -> list[tuple[Candidate, Weighed]]:
    """Return each tier's candidates with those behind that repeat another."""
    if not repeated:
        return list(ordered)
    last: list[tuple[Candidate, Weighed]] = []
    for number in sorted({band(candidate.memory.tier) for candidate, _ in ordered}):
        mine = [each for each in ordered if band(each[0].memory.tier) == number]
        kept = [each for each in mine if each[0].memory.memory_id not in repeated]
        lowest = min((weighed.score for _, weighed in kept), default=1.0)
        last += kept
        last += [
            (candidate, replace(weighed, score=min(weighed.score, lowest), duplicate_of=repeated[candidate.memory.memory_id]))
            for candidate, weighed in mine
            if candidate.memory.memory_id in repeated
        ]
    return last


def _by_relevance(candidate: Candidate) -> tuple[int, float, float, str, int]:
    memory = candidate.memory
    created = as_utc(memory.created_at).timestamp()
    return band(memory.tier), -candidate.ranked.relevance, -created, memory.memory_id, memory.revision


def _factors(candidates: Sequence[Candidate], vectors: Sequence[Vector | None], intent: Category) -> dict[str, Column]:
    """Return the factors by name, a number for each candidate. The most relevant come first, tier by tier."""
    memories = [each.memory for each in candidates]
    relevance = np.array([each.ranked.relevance for each in candidates])
    created = [as_utc(each.created_at) for each in memories]
    used = [max(at, as_utc(each.usage.last_accessed or at)) for at, each in zip(created, candidates, strict=True)]
    semantic = scaled(relevance) if np.ptp(relevance) > 0 else np.ones(len(relevance))
    return {
        "semantic": semantic,
        "cluster": _cluster(vectors, semantic),
        "recency": _freshness(created, HALF_LIFE_HOURS[intent]),
        "importance": _of_highest([each.importance for each in memories]),
        "usage": _used(np.array([max(0, each.usage.access_count) for each in candidates])),
        "decay": _freshness(used, DECAY_HALF_LIFE_HOURS),
        "quality": _of_highest([each.quality for each in memories]),
        "confidence": np.clip([each.confidence for each in memories], 0.0, 1.0),
    }


def _used(counts: Column) -> Column:
    """Return 0 for what was never found, 1 for what was found most, if that is often enough."""
    used: Column = np.log1p(counts) / np.log1p(max(OFTEN, int(counts.max())))
    return used


def _of_highest(values: Sequence[float] | Column) -> Column:
    column = np.clip(np.asarray(values, dtype=np.float64), 0.0, None)
    highest = float(column.max())
    return column / highest if highest > 0 else column


def _freshness(moments: Sequence[datetime], half_life: float) -> Column:
    """Return 1 for the newest, and half as much for each half-life (in hours) that another is older than that.

    It is 2^(-age / half-life) divided by its highest, without numbers that grow too small to be told from 0.
    """
    newest = max(moments)
    hours = np.array([(newest - each).total_seconds() / 3600 for each in moments])
    faded: Column = np.exp2(-hours / half_life)
    return faded


def _cluster(vectors: Sequence[Vector | None], semantic: Column) -> Column:
    """Return how near each stands to the centre of the first of them: (3 + cosine) / 4, divided by its highest.

    The centre is their mean by relevance, so that what fits badly does not move it. What points the other way still counts
    half: it may be the answer that nothing else resembles. What has no vector stands where the others do in the mean; 0 for
    all where none has.
    """
    there = np.flatnonzero([vector is not None for vector in vectors])
    found = np.zeros(len(vectors))
    if not len(there):
        return found
    matrix = matrix_of([vector for vector in vectors if vector is not None])
    counted = np.where(there < CENTROID_OF, semantic[there], 0.0)
    centroid = counted @ matrix if counted.any() else matrix.mean(axis=0)
    length = float(np.linalg.norm(centroid))
    cosines = matrix @ (centroid / length) if length > 0 else np.zeros(len(matrix))
    alike = (3 + np.clip(cosines, -1.0, 1.0)) / 4
    found[:] = alike.mean()
    found[there] = alike
    return _of_highest(found)
