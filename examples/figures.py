"""Percentiles of what was measured."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: the smallest value that at least `percent` of all do not exceed.

    Raises `ValueError` when there are no values, or `percent` is not above 0 and at most 100.
    """
    if not values or not 0 < percent <= 100:  # noqa: PLR2004 - per cent
        message = "A percentile needs at least one value, and a per cent above 0 and up to 100."
        raise ValueError(message)
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
