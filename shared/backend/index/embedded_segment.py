"""Documents as columns: what a search adds, multiplies and compares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from backend.index.embedded_columns import Column, Groups, Growing, Keys, Mask, Postings, Rows, kept_bytes, narrowed
from backend.index.embedded_rows import FILED, LARGEST, Fact, Row
from backend.index.model import ACTIVE
from backend.index.ordering import ordered

_TERM = np.dtype([("key", "<u8"), ("count", "<u4")])
_AT_A_TIME = 256
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


class _Entries:
    """Keys, the documents that hold them, and how often, while they are read."""

    def __init__(self) -> None:
        self._columns = Growing(np.uint64), Growing(np.int32), Growing(np.int32)

    def add(self, keys: Keys, rows: Rows, counts: Column) -> None:
        """Append entries."""
        entries: tuple[Column, ...] = (keys, rows, counts)
        for column, values in zip(self._columns, entries, strict=True):
            column.add(values)

    def sorted(self) -> Postings:
        """Return all in order."""
        keys, rows, counts = (column.whole for column in self._columns)
        return Postings.sort(keys, rows, counts)


class _Building:
    """Columns of rows that were taken apart so far; `room` is how many there are going to be."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._length = 0
        self._ids: list[NDArray[np.bytes_]] = []
        self._keys, self._tiers = Growing(np.int64), Growing(np.int32)
        self._tier_names: dict[str, int] = {}
        self._facts = Growing(np.int64)
        self._terms, self._facets = _Entries(), _Entries()
        self._vectors: dict[Kind, tuple[Growing, NDArray[np.float32]]] = {}

    def add(self, rows: Sequence[Row]) -> None:
        """Take rows apart."""
        self._ids.append(np.array([row.memory_id.encode() for row in rows]))
        self._keys.add(np.array([hash(row.memory_id) for row in rows], dtype=np.int64))
        self._tiers.add(np.array([self._tier_names.setdefault(row.tier, len(self._tier_names)) for row in rows]))
        facts = np.frombuffer(b"".join(row.facts for row in rows), dtype="<i8").reshape(len(rows), len(Fact))
        self._facts.add(facts[:, : Fact.LEAD].ravel())
        parts = [row.parts for row in rows]
        numbers = np.arange(self._length, self._length + len(rows), dtype=np.int32)
        terms = np.frombuffer(b"".join(each[0] for each in parts), dtype=_TERM)
        self._terms.add(terms["key"], np.repeat(numbers, facts[:, Fact.TERMS] // _TERM.itemsize), terms["count"])
        facets = np.frombuffer(b"".join(each[1] for each in parts), dtype="<u8")
        self._facets.add(facets, np.repeat(numbers, facts[:, Fact.FACETS] // 8), np.ones(len(facets), dtype=np.int32))
        groups: dict[Kind, list[int]] = {}
        for number, (row, each) in enumerate(zip(rows, parts, strict=True)):
            if each[2]:
                groups.setdefault((row.model, len(each[2])), []).append(number)
        for kind, some in groups.items():
            self._hold(kind, numbers[some], b"".join(parts[number][2] for number in some))
        self._length += len(rows)

    def _hold(self, kind: Kind, rows: Rows, vectors: bytes) -> None:
        if kind not in self._vectors:
            # Memory that is never written to takes none: the system gives it page by page.
            self._vectors[kind] = Growing(np.int32), np.empty((self._room - self._length, kind[1] // 4), dtype=np.float32)
        held, matrix = self._vectors[kind]
        matrix[len(held) : len(held) + len(rows)] = np.frombuffer(vectors, dtype="<f4").reshape(len(rows), -1)
        held.add(rows)

    def made(self) -> Segment:
        """Return the columns whole."""
        ids, tiers = np.concatenate(self._ids), narrowed(self._tiers.whole)
        return Segment(
            names=Names(ids, self._keys.whole.copy(), tiers, tuple(self._tier_names)),
            facts=tuple(narrowed(column) for column in self._facts.whole.reshape(-1, Fact.LEAD).T),
            terms=self._terms.sorted(),
            facets=self._facets.sorted(),
            vectors={kind: Vectors(held.whole.copy(), matrix[: len(held)]) for kind, (held, matrix) in self._vectors.items()},
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
