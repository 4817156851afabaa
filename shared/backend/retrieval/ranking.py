"""How what was found becomes one order: features, weighed and added; tier bands first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from backend.index.model import Hit
from backend.retrieval.features import Column, Documents, columns, scaled
from backend.retrieval.model import Candidates, Ranked, band
from backend.retrieval.weights import ALWAYS, LONG, SHORT


def rank(candidates: Candidates, *, explained: bool = False) -> list[Ranked]:
    """Return the memories found, best first: by tier band, then by the sum of weighted features, then the newer one.

    What stands around a hit is judged too: it passed the same filters. A memory keeps its best piece only. Explained, each
    says what its features added.
    """
    documents = Documents(candidates.result)
    if not documents.hits:
        return []
    features = columns(candidates.reading, candidates.terms, documents)
    scores = relevance(features, documents.shortness)
    best: dict[str, tuple[Ranked, int]] = {}
    for row, (hit, score) in enumerate(zip(documents.hits, scores.tolist(), strict=True)):
        kept, _ = best.get(hit.memory_id, (None, 0))
        # Of equals the newest revision's first piece is kept, in whatever order the hits came.
        if kept is None or (score, hit.revision, -hit.chunk) > (kept.relevance, kept.hit.revision, -kept.hit.chunk):
            best[hit.memory_id] = Ranked(hit, score), row
    ranked = list(best.values())
    if explained:
        added = weighted(features, documents.shortness)
        ranked = [(replace(each, features=_of_row(added, row)), row) for each, row in ranked]
    return sorted((each for each, _ in ranked), key=_order)


def relevance(features: Mapping[str, Column], shortness: float) -> Column:
    """Return the sum of the features by their weights, scaled to [0, 1]; 1 where all are equal."""
    sums = np.asarray(sum(weighted(features, shortness).values()))
    return scaled(sums) if np.ptp(sums) > 0 else np.ones(len(sums))


def weighted(features: Mapping[str, Column], shortness: float) -> dict[str, Column]:
    """Return what each feature adds to the sum, by name. A feature of two tables adds by both."""
    added: dict[str, Column] = {}
    for share, table in ((shortness, SHORT), (1 - shortness, LONG), (1.0, ALWAYS)):
        for name, weight in table.items():
            column = share * weight * features[name]
            added[name] = added[name] + column if name in added else column
    return added


def _of_row(added: Mapping[str, Column], row: int) -> dict[str, float]:
    return {name: value for name, column in added.items() if (value := float(column[row]))}


def _order(ranked: Ranked) -> tuple[int, float, int, str]:
    hit: Hit = ranked.hit
    return band(hit.tier), -ranked.relevance, -hit.created_at, hit.memory_id
