"""Documents as columns: what a search adds, multiplies and compares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from backend.index.embedded_columns import Column, Groups, Keys, Mask, Postings, Rows, kept_bytes, narrowed
from backend.index.embedded_rows import FILED, LARGEST, Fact, Row
from backend.index.model import ACTIVE
from backend.index.ordering import ordered

_TERM = np.dtype([("key", "<u8"), ("count", "<u4")])
_AT_A_TIME = 1024
"""Rows that are taken apart together: what a whole owner's take as Python objects is several times what is kept of them."""

_OBJECT_BYTES = 6000
"""Roughly what the columns of a segment take beside their numbers."""

Kind = tuple[str | None, int]
"""The model of vectors and their size in bytes."""


@dataclass(frozen=True, slots=True)
class Vectors:
    """The vectors of one model and size: `matrix[i]` is that of document `rows[i]`."""

    rows: Rows
    matrix: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Names:
    """What documents are called. `ids` are UTF-8, `keys` equal where ids are equal; `tiers` are numbers of `tier_names`."""

    ids: NDArray[np.bytes_]
    keys: NDArray[np.int64]
    tiers: Column
    tier_names: tuple[str, ...]

    def of(self, row: int) -> str:
        """Return the memory that a document is of."""
        name: bytes = self.ids[row]
        return name.decode()


@dataclass(frozen=True)
class Segment:
    """Some documents of one scope key, never changed once made. `facts[f][i]` is fact `f` of document `i`."""

    names: Names
    facts: tuple[Column, ...]
    terms: Postings
    facets: Postings
    vectors: dict[Kind, Vectors]

    @cached_property
    def current(self) -> Mask:
        """Which documents default searches see and word statistics are made of."""
        open_ended: Mask = self.facts[Fact.KNOWN_UNTIL] == LARGEST
        open_ended &= self.facts[Fact.STATE] == FILED[ACTIVE]
        return open_ended

    @cached_property
    def sessions(self) -> Groups:
        """The documents of each session in the order in which things were said, as `places.in_session` has it."""
        inside = np.flatnonzero(self.facts[Fact.SESSION]).astype(np.int32)
        said, created, session = (self.facts[fact][inside] for fact in (Fact.SAID_AT, Fact.CREATED_AT, Fact.SESSION))
        rows = inside[ordered((created, said, session), lambda some: self.identities(inside[some].tolist()))]
        return Groups.of(self.facts[Fact.SESSION][rows].astype(np.uint64), rows)

    def identities(self, rows: Sequence[int]) -> list[tuple[bytes, int, int]]:
        """Return memory id (UTF-8, which orders as text does), revision and chunk of these documents."""
        chosen = np.array(rows, dtype=np.intp)
        columns = (self.names.ids, self.facts[Fact.REVISION], self.facts[Fact.CHUNK])
        return list(zip(*(column[chosen].tolist() for column in columns), strict=True))

    def __len__(self) -> int:
        """How many documents."""
        return len(self.names.ids)

    @cached_property
    def nbytes(self) -> int:
        """Roughly how much memory it takes, with what is made of it when it is searched."""
        matrices = sum(each.rows.nbytes + each.matrix.nbytes for each in self.vectors.values())
        names = self.names.ids.nbytes + self.names.keys.nbytes + kept_bytes(self.names.tiers)
        facts = sum(map(kept_bytes, self.facts))
        made = 16 * len(self) + _OBJECT_BYTES
        return facts + self.terms.nbytes + self.facets.nbytes + matrices + names + made


@dataclass(slots=True)
class _Building:
    """Columns in pieces, of rows that were taken apart so far; `room` is how many there are going to be."""

    room: int
    length: int = 0
    ids: list[NDArray[np.bytes_]] = field(default_factory=list)
    keys: list[NDArray[np.int64]] = field(default_factory=list)
    tiers: list[Column] = field(default_factory=list)
    tier_names: dict[str, int] = field(default_factory=dict)
    facts: list[NDArray[np.int64]] = field(default_factory=list)
    terms: list[tuple[Keys, Rows, Column]] = field(default_factory=list)
    facets: list[tuple[Keys, Rows]] = field(default_factory=list)
    vectors: dict[Kind, tuple[list[int], NDArray[np.float32]]] = field(default_factory=dict)

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows apart."""
        self.ids.append(np.array([row.memory_id.encode() for row in rows]))
        self.keys.append(np.fromiter((hash(row.memory_id) for row in rows), dtype=np.int64, count=len(rows)))
        tiers = [self.tier_names.setdefault(row.tier, len(self.tier_names)) for row in rows]
        self.tiers.append(np.array(tiers, dtype=np.int32))
        facts = np.frombuffer(b"".join(row.facts for row in rows), dtype="<i8").reshape(len(rows), len(Fact))
        self.facts.append(facts[:, : Fact.LEAD].T.copy())
        parts = [row.parts for row in rows]
        numbers = np.arange(self.length, self.length + len(rows), dtype=np.int32)
        terms = np.frombuffer(b"".join(each[0] for each in parts), dtype=_TERM)
        counts = narrowed(terms["count"].astype(np.int64))
        self.terms.append((terms["key"].copy(), np.repeat(numbers, facts[:, Fact.TERMS] // _TERM.itemsize), counts))
        facets = np.frombuffer(b"".join(each[1] for each in parts), dtype="<u8")
        self.facets.append((facets, np.repeat(numbers, facts[:, Fact.FACETS] // 8)))
        groups: dict[Kind, list[int]] = {}
        for number, (row, each) in enumerate(zip(rows, parts, strict=True)):
            if each[2]:
                groups.setdefault((row.model, len(each[2])), []).append(number)
        for kind, some in groups.items():
            if kind not in self.vectors:
                # Memory that is never written to takes none: the system gives it page by page.
                self.vectors[kind] = [], np.empty((self.room - self.length, kind[1] // 4), dtype=np.float32)
            held, matrix = self.vectors[kind]
            joined = b"".join(parts[number][2] for number in some)
            matrix[len(held) : len(held) + len(some)] = np.frombuffer(joined, dtype="<f4").reshape(len(some), -1)
            held.extend(self.length + number for number in some)
        self.length += len(rows)

    def made(self) -> Segment:
        """Return the columns whole."""
        facets, owners = (np.concatenate(columns) for columns in zip(*self.facets, strict=True))
        return Segment(
            names=Names(*map(np.concatenate, (self.ids, self.keys)), narrowed(np.concatenate(self.tiers)), tuple(self.tier_names)),
            facts=tuple(narrowed(np.concatenate(columns)) for columns in zip(*self.facts, strict=True)),
            terms=Postings.sort(*(np.concatenate(columns) for columns in zip(*self.terms, strict=True))),
            facets=Postings.sort(facets, owners, np.ones(len(facets), dtype=np.int64)),
            vectors={
                kind: Vectors(np.array(held, dtype=np.int32), matrix[: len(held)])
                for kind, (held, matrix) in self.vectors.items()
            },
        )


def segment_of(rows: Iterable[Row], count: int) -> Segment:
    """Return these rows, `count` and at least one, as columns, in their order."""
    building = _Building(count)
    left = iter(rows)
    while some := list(islice(left, _AT_A_TIME)):
        building.add(some)
    return building.made()


def merged(parts: Sequence[tuple[Segment, Mask]]) -> Segment:
    """Return one segment of the living documents of several, in order."""
    tier_names = {name: None for segment, _ in parts for name in segment.names.tier_names}
    codes = {name: code for code, name in enumerate(tier_names)}
    names: list[tuple[NDArray[np.bytes_], NDArray[np.int64], Column]] = []
    facts: list[list[Column]] = []
    terms: list[tuple[Keys, Rows, Column]] = []
    facets: list[tuple[Keys, Rows, Column]] = []
    vectors: dict[Kind, list[Vectors]] = {}
    length = 0
    for segment, alive in parts:
        numbers = (np.cumsum(alive, dtype=np.int32) - 1 + length).astype(np.int32)
        length += int(np.count_nonzero(alive))
        recoded = np.array([codes[name] for name in segment.names.tier_names], dtype=np.int32)
        names.append((segment.names.ids[alive], segment.names.keys[alive], recoded[segment.names.tiers[alive]]))
        facts.append([column[alive] for column in segment.facts])
        terms.append(segment.terms.kept(alive, numbers))
        facets.append(segment.facets.kept(alive, numbers))
        for kind, held in segment.vectors.items():
            chosen = alive[held.rows]
            vectors.setdefault(kind, []).append(Vectors(numbers[held.rows[chosen]], held.matrix[chosen]))
    ids, keys, tiers = (np.concatenate(columns) for columns in zip(*names, strict=True))
    return Segment(
        names=Names(ids, keys, narrowed(tiers), tuple(tier_names)),
        facts=tuple(narrowed(np.concatenate(columns)) for columns in zip(*facts, strict=True)),
        terms=Postings.sort(*(np.concatenate(columns) for columns in zip(*terms, strict=True))),
        facets=Postings.sort(*(np.concatenate(columns) for columns in zip(*facets, strict=True))),
        vectors={
            kind: Vectors(np.concatenate([each.rows for each in held]), np.concatenate([each.matrix for each in held]))
            for kind, held in vectors.items()
        },
    )
