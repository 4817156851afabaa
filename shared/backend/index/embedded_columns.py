"""Columns of numbers in as few bytes as hold them, and documents grouped by keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Rows = NDArray[np.int32]
Keys = NDArray[np.uint64]
Column = NDArray[Any]
"""Whole numbers of any size."""

_NOWHERE = slice(0, 0)

_FEW = 128
_SMALL_BYTES = 1 << 16


def passing_array(length: int, kind: type[np.generic]) -> NDArray[Any]:
    """Return an array for a while, whose memory goes back to the system as soon as it is dropped.

    What is large for an allocator, but not very large, it keeps when it gets it back: of an owner of 100,000 memories 60 MB.
    """
    size = length * np.dtype(kind).itemsize
    if size < _SMALL_BYTES:
        return np.empty(length, dtype=kind)
    return np.frombuffer(mmap(-1, size, flags=MAP_PRIVATE | MAP_ANONYMOUS), dtype=kind)


class Growing:
    """A column while it grows."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._kind = kind
        self._held = passing_array(0, kind)
        self._length = 0

    def __len__(self) -> int:
        """Return how long it is."""
        return self._length

    def add(self, values: Column) -> None:
        """Append these."""
        end = self._length + len(values)
        if end > len(self._held):
            larger = passing_array(max(end, 2 * len(self._held)), self._kind)
            larger[: self._length] = self.whole
            self._held = larger
        self._held[self._length : end] = values
        self._length = end

    @property
    def whole(self) -> Column:
        """What was appended; dropped with the column."""
        return self._held[: self._length]


def narrowed(column: Column) -> Column:
    """Return a copy of the numbers in as few bytes as hold them; kept once where all are equal, as open bounds mostly are.

    Of few numbers a plain copy: looking at them takes longer than it saves.
    """
    if len(column) < _FEW:
        return column.copy()
    low, high = int(column.min()), int(column.max())
    if low == high:
        return np.broadcast_to(np.int64(low), column.shape)
    kinds = (np.int8, np.int16, np.int32)
    fitting = (kind for kind in kinds if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return column.astype(next(fitting, np.int64))


def kept_bytes(column: Column) -> int:
    """Return how much memory a column takes."""
    return column.itemsize if column.strides == (0,) else column.nbytes


def in_ranges(starts: NDArray[np.intp], lengths: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the numbers of all these ranges, one range after the other."""
    ends = np.cumsum(lengths)
    if not len(ends):
        return np.empty(0, dtype=np.intp)
    found: NDArray[np.intp] = np.arange(ends[-1]) + np.repeat(starts - ends + lengths, lengths)
    return found


@dataclass(frozen=True, slots=True)
class Groups:
    """Documents by key: those of `keys[k]`, which ascend, are `rows[starts[k]:starts[k + 1]]`."""

    keys: Keys
    starts: NDArray[np.int32]
    rows: Rows

    @classmethod
    def of(cls, keys: Keys, rows: Rows) -> Groups:
        """Return the groups of rows whose keys stand in order."""
        firsts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.empty(0, dtype=np.intp)
        return cls(keys[firsts], np.append(firsts, len(keys)).astype(np.int32), rows)

    def find(self, keys: Sequence[int]) -> list[slice]:
        """Return where the rows of each key stand."""
        places, there = self._places(np.array(keys, dtype=np.uint64))
        begins, ends = self.starts[places[there]].tolist(), self.starts[places[there] + 1].tolist()
        known = map(slice, begins, ends)
        return [next(known) if is_there else _NOWHERE for is_there in there.tolist()]

    def members(self, keys: Keys) -> Rows:
        """Return the rows of these keys, which ascend and of which some may be unknown here, group after group."""
        places, there = self._places(keys)
        starts = self.starts[places[there]].astype(np.intp)
        return self.rows[in_ranges(starts, self.starts[places[there] + 1] - starts)]

    def _places(self, keys: Keys) -> tuple[NDArray[np.intp], Mask]:
        """Return where each key stands among the groups', and whether it does."""
        places = self.keys.searchsorted(keys)
        there = places < len(self.keys)
        there[there] = self.keys[places[there]] == keys[there]
        return places, there

    @property
    def nbytes(self) -> int:
        """How much memory the columns take."""
        return self.keys.nbytes + self.starts.nbytes + self.rows.nbytes


@dataclass(frozen=True, slots=True)
class Postings:
    """Which documents hold a key, ascending, and how often."""

    groups: Groups
    counts: Column

    @classmethod
    def sort(cls, keys: Keys, rows: Rows, counts: Column) -> Postings:
        """Return entries, in the order of their documents, by their keys."""
        order = np.argsort(keys, kind="stable")
        return cls(Groups.of(_taken(keys, order), rows[order]), narrowed(_taken(counts, order)))

    @property
    def rows(self) -> Rows:
        """The documents of all keys, group after group."""
        return self.groups.rows

    def find(self, keys: Sequence[int]) -> list[slice]:
        """Return where each key stands in the columns."""
        return self.groups.find(keys)

    def kept(self, alive: Mask, numbers: Rows) -> tuple[Keys, Rows, Column]:
        """Return the columns of the living documents, under their new numbers."""
        chosen = alive[self.rows]
        keys = np.repeat(self.groups.keys, np.diff(self.groups.starts))
        return keys[chosen], numbers[self.rows[chosen]], self.counts[chosen]

    @property
    def nbytes(self) -> int:
        """How much memory the columns take."""
        return self.groups.nbytes + kept_bytes(self.counts)


def _taken(values: Column, order: NDArray[np.int64]) -> Column:
    """Return the values in this order, for a while."""
    taken = passing_array(len(order), values.dtype.type)
    # Without `clip` numpy would take a copy first, in case a number were outside.
    return np.take(values, order, out=taken, mode="clip")
