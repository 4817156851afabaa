"""Waiting for another process: it is asked until something holds, with a pause between, and never for longer than is said."""

from __future__ import annotations

import time
from collections.abc import Callable

from backend.kit.clock import SystemClock

PAUSE_SECONDS = 0.1
"""Without one whoever asks takes the processor from whom it waits for."""


def until(holds: Callable[[], bool], seconds: float = 60.0, pause: float = PAUSE_SECONDS) -> None:
    """Ask until it holds. Raises `AssertionError` when that many seconds went by."""
    ends = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < ends, f"It did not come to hold in {seconds:.0f} seconds."
        SystemClock().sleep(pause)
