"""All that one search needs of one scope key, in memory: kept as columns, brought up to date by what changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock

import numpy as np

from backend.index.embedded_columns import Mask
from backend.index.embedded_rows import Fact, Hasher, Row
from backend.index.embedded_segment import Segment, merged, segment_of
from backend.index.scoring import Statistics

_GROWTH = 4
"""A segment is merged into the one before it unless that is so many times as long: at most log4(n) segments."""

_MOST_DEAD = 0.25
"""A segment with a larger share of replaced or forgotten documents is made anew."""


@dataclass(frozen=True)
class Slice:
    """A segment and which of its documents are still the newest of their id."""

    segment: Segment
    alive: Mask
    overlay: bool = False

    @cached_property
    def current(self) -> Mask:
        """Which documents default searches see and word statistics are made of."""
        return self.alive & self.segment.current


@dataclass(frozen=True)
class Shelf:
    """The documents of one scope key as of one moment of the file; never changed, only followed by another."""

    slices: tuple[Slice, ...] = ()
    tombstones: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Row], count: int, tombstones: Mapping[str, int]) -> Shelf:
        """Return the shelf of all that a file holds of a scope key: `count` rows."""
        return cls((_whole(segment_of(rows, count)),) if count else (), tombstones)

    @cached_property
    def statistics(self) -> Statistics:
        """Word statistics of this scope key alone."""
        return Statistics(
            documents=sum(int(np.count_nonzero(each.current)) for each in self.slices),
            total_length=sum(int(each.segment.facts[Fact.LENGTH][each.current].sum()) for each in self.slices),
        )

    @property
    def nbytes(self) -> int:
        """Roughly how much memory it takes."""
        return sum(each.segment.nbytes for each in self.slices) + 200 * len(self.tombstones)

    def changed(self, rows: Sequence[Row], tombstones: Mapping[str, int], hasher: Hasher, *, overlay: bool = False) -> Shelf:
        """Return the shelf with these changes taken in, except where something newer or as new is there already."""
        graves = dict(self.tombstones)
        for memory_id, row_version in tombstones.items():
            graves[memory_id] = max(row_version, graves.get(memory_id, row_version))
        newest: dict[tuple[str, int, int], Row] = {}
        for row in rows:
            rival = newest.get(row.identity)
            if row.row_version > graves.get(row.memory_id, row.row_version - 1) and (
                rival is None or rival.row_version < row.row_version
            ):
                newest[row.identity] = row
        touched = list(dict.fromkeys([*tombstones, *(row.memory_id for row in newest.values())]))
        slices = [_settled(each, touched, graves, newest, hasher) for each in self.slices]
        if newest:
            slices.append(_whole(segment_of(newest.values(), len(newest)), overlay=overlay))
        return Shelf(tuple(slices), graves)

    def compacted(self) -> Shelf:
        """Return the same shelf in few, living segments."""
        slices: list[Slice] = []
        for each in self.slices:
            slices.append(_trimmed(each))
            while len(slices) > 1 and len(slices[-2].segment) <= _GROWTH * len(slices[-1].segment):
                together = merged([(part.segment, part.alive) for part in slices[-2:]])
                slices[-2:] = [_whole(together)]
        return Shelf(tuple(each for each in slices if len(each.segment)), self.tombstones)


def _settled(
    held: Slice, touched: list[str], graves: Mapping[str, int], newest: dict[tuple[str, int, int], Row], hasher: Hasher
) -> Slice:
    """Return the slice without what the changes replace or hide; takes out of `newest` what they come too late for."""
    dead: list[int] = []
    for memory_id, row in _rows_of(held, touched, hasher):
        revision, chunk, row_version = (int(column[row]) for column in held.segment.facts[: Fact.CREATED_AT])
        if row_version <= graves.get(memory_id, row_version - 1):
            dead.append(row)
            continue
        change = newest.get((memory_id, revision, chunk))
        if change and change.row_version > row_version:
            dead.append(row)
        elif change:
            del newest[memory_id, revision, chunk]
    if not dead:
        return held
    alive = held.alive.copy()
    alive[dead] = False
    return Slice(held.segment, alive, held.overlay)


def _rows_of(held: Slice, memory_ids: list[str], hasher: Hasher) -> Iterator[tuple[str, int]]:
    """Yield each living document of these memories."""
    places = held.segment.facets.find([hasher.memory(memory_id) for memory_id in memory_ids])
    for memory_id, place in zip(memory_ids, places, strict=True):
        if place.start < place.stop:
            for row in held.segment.facets.rows[place].tolist():
                if held.alive[row] and held.segment.names.of(row) == memory_id:
                    yield memory_id, row


def _trimmed(held: Slice) -> Slice:
    living = int(np.count_nonzero(held.alive))
    if len(held.segment) - living <= _MOST_DEAD * len(held.segment):
        return held
    return _whole(merged([(held.segment, held.alive)]))


def _whole(segment: Segment, *, overlay: bool = False) -> Slice:
    return Slice(segment, np.ones(len(segment), dtype=np.bool_), overlay)


@dataclass(frozen=True, slots=True)
class Stamp:
    """As of which moment of the file a shelf is: the scope's number, how often it was made anew, its count of changes."""

    number: int
    rebuilt: int
    changes: int


class ShelfCache:
    """The shelves used last, up to a number of bytes. One for all threads of a process."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._used = 0
        self._held: OrderedDict[tuple[str, str], tuple[Stamp, Shelf, int]] = OrderedDict()
        self._guard = Lock()

    def get(self, key: tuple[str, str]) -> tuple[Stamp, Shelf] | None:
        """Return the shelf of a tenant and scope key, if it is held."""
        with self._guard:
            found = self._held.get(key)
            if found is None:
                return None
            self._held.move_to_end(key)
            return found[0], found[1]

    def put(self, key: tuple[str, str], stamp: Stamp, shelf: Shelf) -> None:
        """Hold a shelf; those unused for longest make room. One that is larger than all the room is not held."""
        size = shelf.nbytes
        with self._guard:
            self._drop(key)
            if size > self._budget:
                return
            self._held[key] = (stamp, shelf, size)
            self._used += size
            while self._used > self._budget:
                self._drop(next(iter(self._held)))

    def drop(self, key: tuple[str, str]) -> None:
        """Forget a shelf."""
        with self._guard:
            self._drop(key)

    @property
    def used(self) -> int:
        """How many bytes are held."""
        return self._used

    def _drop(self, key: tuple[str, str]) -> None:
        dropped = self._held.pop(key, None)
        if dropped:
            self._used -= dropped[2]
