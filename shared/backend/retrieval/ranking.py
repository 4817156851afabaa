"""How what was found becomes one order: features, weighed and added; tier bands first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np

from backend.index.columns import Hits
from backend.index.ordering import ordered
from backend.retrieval.features import Column, Documents, columns, scaled
from backend.retrieval.model import Candidates, Ranked, band
from backend.retrieval.weights import ALWAYS, LONG, SHORT


@dataclass(frozen=True, slots=True)
class Ranking(Sequence[Ranked]):
    """Memories in their order. Each is made when it is looked at: a few of thousands are."""

    hits: Hits
    scores: Column
    rows: Sequence[int]
    added: Mapping[str, Column]

    @overload
    def __getitem__(self, at: int) -> Ranked: ...
    @overload
    def __getitem__(self, at: slice) -> list[Ranked]: ...
    def __getitem__(self, at: int | slice) -> Ranked | list[Ranked]:
        """Return one, or some."""
        return self._ranked([self.rows[at]])[0] if isinstance(at, int) else self._ranked(self.rows[at])

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.rows)

    def _ranked(self, rows: Sequence[int]) -> list[Ranked]:
        scores = self.scores[rows].tolist() if rows else []
        added = (_of_row(self.added, row) for row in rows)
        return list(map(Ranked, self.hits.chosen(rows), scores, added))


def rank(candidates: Candidates, *, explained: bool = False) -> Sequence[Ranked]:
    """Return the memories found, best first: by tier band, then by the sum of weighted features, then the newer one.

    What stands around a hit is judged too: it passed the same filters. A memory keeps its best piece only. Explained, each
    says what its features added.
    """
    documents = Documents(candidates.result)
    if not documents.hits:
        return []
    features = columns(candidates.reading, candidates.terms, documents)
    scores = relevance(features, documents.shortness)
    found = documents.hits.columns
    kept = np.array(_best_pieces(documents, scores), dtype=np.intp)
    bands = np.array([band(tier) for tier in documents.hits.tier_names])[found.tiers]
    order = ordered(
        (-found.created_at[kept], -scores[kept], bands[kept]),
        lambda rows: found.ids[kept[rows]].tolist(),
    )
    added = weighted(features, documents.shortness) if explained else {}
    return Ranking(documents.hits, scores, kept[order].tolist(), added)


def rank_all(candidates: Candidates, *, explained: bool = False) -> Sequence[Ranked]:
    """Return `rank` of all that was found. Of one tier, what came by a further search stands behind all of the first."""
    first = rank(candidates, explained=explained)
    if not candidates.further:
        return first
    rest = [rank(replace(candidates, result=each), explained=explained) for each in candidates.further]
    behind = (replace(each, relevance=0.0) for some in rest for each in some)
    return sorted([*first, *behind], key=lambda each: band(each.hit.tier))


def _best_pieces(documents: Documents, scores: Column) -> Sequence[int]:
    """Return the row of each memory's best piece; of equals the newest revision's first, in whatever order the hits came."""
    if documents.are_memories:
        return range(len(documents.hits))
    found = documents.hits.columns
    worth = list(zip(scores.tolist(), found.revisions.tolist(), (-found.chunks).tolist(), strict=True))
    best: dict[bytes, int] = {}
    for row, memory_id in enumerate(found.ids.tolist()):
        if worth[row] > worth[best.setdefault(memory_id, row)]:
            best[memory_id] = row
    return list(best.values())


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
