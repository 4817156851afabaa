"""Many rows in one order, by columns of numbers; names decide only where all numbers are equal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]


def ordered(columns: Sequence[NDArray[Any]], names: Callable[[list[int]], Sequence[Any]]) -> Rows:
    """Return the numbers of the rows, ascending by the last column, then by the one before it, and so on.

    `names` returns what decides between rows of which every column says the same: text is slow to compare, and seldom needed.
    """
    order = np.lexsort(columns)
    same = np.logical_and.reduce([column[order][1:] == column[order][:-1] for column in columns])
    if not same.any():
        return order
    tied = order[np.concatenate([[False], same]) | np.concatenate([same, [False]])].tolist()
    found = dict(zip(tied, names(tied), strict=True))
    ranks = np.zeros(len(order), dtype=np.intp)
    ranks[sorted(found, key=found.__getitem__)] = np.arange(len(tied))
    return np.lexsort((ranks, *columns))
