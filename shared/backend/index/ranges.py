"""Ranges of numbers in metadata, asked of an index that holds only hashes.

Beside itself a number stands under each of its prefixes: of the 64 bits that order doubles, all of them, all but the last four,
all but the last eight, and so on. Any range is the union of few such prefixes, at most fifteen at each end of each length: the
numeric terms of Schindler and Diepenbroek ("Generic XML-based framework for metadata portals", 2008), which Lucene used before
it had points.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

_STEP = 4
_LENGTHS = 16
_BLOCK = 1 << _STEP
_SIGN = 1 << 63
_ALL = (1 << 64) - 1


class NumberRange(NamedTuple):
    """Numbers from `low` to `high`, both included, compared as doubles (IEEE 754), as most readers of JSON do."""

    low: float
    high: float

    def holds(self, value: object) -> bool:
        """Tell whether a value of metadata is a number in the range; true and false are none."""
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= float(value) <= self.high

    def covering(self) -> list[str]:
        """Return the prefixes of all numbers in the range, and of no other."""
        found: list[str] = []
        low, high = _ordered(self.low), _ordered(self.high)
        for length in range(_LENGTHS):
            if low > high:
                break
            if length == _LENGTHS - 1 or low // _BLOCK == high // _BLOCK:
                found.extend(_prefix(length, each) for each in range(low, high + 1))
                break
            while low % _BLOCK:
                found.append(_prefix(length, low))
                low += 1
            while (high + 1) % _BLOCK:
                found.append(_prefix(length, high))
                high -= 1
            low, high = low // _BLOCK, high // _BLOCK
        return found


def prefixes(value: object) -> Iterator[str]:
    """Yield the prefixes of a value of metadata: one of each length of a number, none of anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = _ordered(float(value))
        yield from (_prefix(length, number >> _STEP * length) for length in range(_LENGTHS))


def _ordered(value: float) -> int:
    """Return the 64 bits of a double so that they are in its order; minus zero is zero."""
    bits = int.from_bytes(struct.pack(">d", value + 0.0))
    return bits ^ _ALL if bits & _SIGN else bits | _SIGN


def _prefix(length: int, bits: int) -> str:
    return f"{length}:{bits:x}"
