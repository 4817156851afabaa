"""Documents as columns: what a search adds, multiplies and compares."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from backend.index.embedded_rows import FILED, LARGEST, Fact, Row
from backend.index.model import ACTIVE

Mask = NDArray[np.bool_]
Rows = NDArray[np.int32]
Keys = NDArray[np.uint64]

_TERM = np.dtype([("key", "<u8"), ("count", "<u4")])
_TEXT_BYTES = 160
"""Roughly what Python keeps for the id and tier of one document."""


@dataclass(frozen=True, slots=True)
class Postings:
    """Which documents hold a key, and how often: three columns sorted by key."""

    keys: Keys
    rows: Rows
    counts: NDArray[np.uint32]

    @classmethod
    def sort(cls, keys: Keys, rows: Rows, counts: NDArray[np.uint32]) -> Postings:
        """Return the columns in order of their keys."""
        order = np.argsort(keys, kind="stable")
        return cls(keys[order], rows[order], counts[order])

    def find(self, keys: Sequence[int]) -> list[slice]:
        """Return where each key stands in the columns."""
        asked = np.array(keys, dtype=np.uint64)
        firsts = self.keys.searchsorted(asked, side="left")
        ends = self.keys.searchsorted(asked, side="right")
        return [slice(first, end) for first, end in zip(firsts.tolist(), ends.tolist(), strict=True)]

    def kept(self, alive: Mask, numbers: Rows) -> tuple[Keys, Rows, NDArray[np.uint32]]:
        """Return the columns of the living documents, under their new numbers."""
        chosen = alive[self.rows]
        return self.keys[chosen], numbers[self.rows[chosen]], self.counts[chosen]

    @property
    def nbytes(self) -> int:
        """How much memory the columns take."""
        return self.keys.nbytes + self.rows.nbytes + self.counts.nbytes


@dataclass(frozen=True, slots=True)
class Vectors:
    """The vectors of one model and size: `matrix[i]` is that of document `rows[i]`."""

    rows: Rows
    matrix: NDArray[np.float32]


@dataclass(frozen=True)
class Segment:
    """Some documents of one scope key, never changed once made. `facts[f, i]` is fact `f` of document `i`."""

    memory_ids: list[str]
    tiers: list[str]
    facts: NDArray[np.int64]
    terms: Postings
    facets: Postings
    vectors: dict[tuple[str | None, int], Vectors]

    @cached_property
    def current(self) -> Mask:
        """Which documents default searches see and word statistics are made of."""
        open_ended: Mask = self.facts[Fact.KNOWN_UNTIL] == LARGEST
        open_ended &= self.facts[Fact.STATE] == FILED[ACTIVE]
        return open_ended

    def __len__(self) -> int:
        """How many documents."""
        return len(self.memory_ids)

    @cached_property
    def nbytes(self) -> int:
        """Roughly how much memory it takes."""
        matrices = sum(each.rows.nbytes + each.matrix.nbytes for each in self.vectors.values())
        return self.facts.nbytes + self.terms.nbytes + self.facets.nbytes + matrices + len(self) * (_TEXT_BYTES + 1)


def segment_of(rows: Sequence[Row]) -> Segment:
    """Return the rows as columns, in their order."""
    facts = np.frombuffer(b"".join(row.facts for row in rows), dtype="<i8").reshape(len(rows), len(Fact)).T
    parts = [row.parts for row in rows]
    terms = np.frombuffer(b"".join(each[0] for each in parts), dtype=_TERM)
    facets = np.frombuffer(b"".join(each[1] for each in parts), dtype="<u8")
    groups: dict[tuple[str | None, int], list[int]] = {}
    for number, (row, each) in enumerate(zip(rows, parts, strict=True)):
        if each[2]:
            groups.setdefault((row.model, len(each[2])), []).append(number)
    return Segment(
        memory_ids=[row.memory_id for row in rows],
        tiers=[row.tier for row in rows],
        facts=np.ascontiguousarray(facts),
        terms=Postings.sort(terms["key"], _owners([len(each[0]) // _TERM.itemsize for each in parts]), terms["count"]),
        facets=Postings.sort(facets, _owners([len(each[1]) // 8 for each in parts]), np.ones(len(facets), dtype=np.uint32)),
        vectors={
            (model, size): Vectors(
                np.array(numbers, dtype=np.int32),
                np.frombuffer(b"".join(parts[number][2] for number in numbers), dtype="<f4").reshape(-1, size // 4),
            )
            for (model, size), numbers in groups.items()
        },
    )


def merged(parts: Sequence[tuple[Segment, Mask]]) -> Segment:
    """Return one segment of the living documents of several, in order."""
    memory_ids: list[str] = []
    tiers: list[str] = []
    facts: list[NDArray[np.int64]] = []
    terms: list[tuple[Keys, Rows, NDArray[np.uint32]]] = []
    facets: list[tuple[Keys, Rows, NDArray[np.uint32]]] = []
    vectors: dict[tuple[str | None, int], list[Vectors]] = {}
    for segment, alive in parts:
        numbers = (np.cumsum(alive, dtype=np.int32) - 1 + len(memory_ids)).astype(np.int32)
        living = np.flatnonzero(alive).tolist()
        memory_ids.extend(segment.memory_ids[row] for row in living)
        tiers.extend(segment.tiers[row] for row in living)
        facts.append(segment.facts[:, alive])
        terms.append(segment.terms.kept(alive, numbers))
        facets.append(segment.facets.kept(alive, numbers))
        for kind, held in segment.vectors.items():
            chosen = alive[held.rows]
            vectors.setdefault(kind, []).append(Vectors(numbers[held.rows[chosen]], held.matrix[chosen]))
    return Segment(
        memory_ids=memory_ids,
        tiers=tiers,
        facts=np.concatenate(facts, axis=1),
        terms=Postings.sort(*(np.concatenate(columns) for columns in zip(*terms, strict=True))),
        facets=Postings.sort(*(np.concatenate(columns) for columns in zip(*facets, strict=True))),
        vectors={
            kind: Vectors(np.concatenate([each.rows for each in held]), np.concatenate([each.matrix for each in held]))
            for kind, held in vectors.items()
        },
    )


def _owners(counts: list[int]) -> Rows:
    """Return the number of the row that each of the joined entries belongs to."""
    return np.repeat(np.arange(len(counts), dtype=np.int32), counts)
