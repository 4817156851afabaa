"""How what was found becomes one order: features, weighed and added; tier bands first."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from backend.index.model import Hit
from backend.retrieval.features import Column, Documents, columns, scaled
from backend.retrieval.model import Candidates, Ranked
from backend.retrieval.weights import ALWAYS, LONG, SHORT

TIER_BANDS = ("hot", "warm", "cold")


def rank(candidates: Candidates) -> list[Ranked]:
    """Return the memories found, best first: by tier band, then by the sum of weighted features, then the newer one.

    What stands around a hit is judged too: it passed the same filters. A memory keeps its best piece only.
    """
    documents = Documents(candidates.result)
    if not documents.hits:
        return []
    scores = relevance(columns(candidates.reading, candidates.terms, documents), documents.shortness)
    best: dict[str, Ranked] = {}
    for hit, score in zip(documents.hits, scores.tolist(), strict=True):
        kept = best.get(hit.memory_id)
        # Of equals the newest revision's first piece is kept, in whatever order the hits came.
        if kept is None or (score, hit.revision, -hit.chunk) > (kept.relevance, kept.hit.revision, -kept.hit.chunk):
            best[hit.memory_id] = Ranked(hit, score)
    return sorted(best.values(), key=_order)


def relevance(features: Mapping[str, Column], shortness: float) -> Column:
    """Return the sum of the features by their weights, scaled to [0, 1]; 1 where all are equal."""
    total = sum(
        share * weight * features[name]
        for share, table in ((shortness, SHORT), (1 - shortness, LONG), (1.0, ALWAYS))
        for name, weight in table.items()
    )
    sums = np.asarray(total)
    return scaled(sums) if np.ptp(sums) > 0 else np.ones(len(sums))


def _order(ranked: Ranked) -> tuple[int, float, int, str]:
    hit: Hit = ranked.hit
    band = TIER_BANDS.index(hit.tier) if hit.tier in TIER_BANDS else len(TIER_BANDS)
    return band, -ranked.relevance, -hit.created_at, hit.memory_id
