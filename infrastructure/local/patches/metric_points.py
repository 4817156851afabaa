"""Gap: every call of a function adds four metric points, kept for two weeks and written with each save.

A day of load is millions of points. Alarms look at minutes, so the newest of each metric are enough.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from typing import Any

from ministack.services import cloudwatch

from infrastructure.local.patches.patcher import Patcher

POINTS_KEPT = 2_000


def apply(patcher: Patcher) -> None:
    """Keep between `POINTS_KEPT` and twice as many points of each metric."""
    stock = cloudwatch._metric_bucket

    def bucket(key: tuple[Any, ...]) -> list[Any]:
        points: list[Any] = stock(key)
        if len(points) >= 2 * POINTS_KEPT:
            del points[:-POINTS_KEPT]
        return points

    patcher.attribute(cloudwatch, "_metric_bucket", bucket)
