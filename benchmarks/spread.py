"""Times of many tries, and how they are told: medians, and ratios to something that ran beside them."""

from __future__ import annotations

import sqlite3
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from examples.figures import percentile


def milliseconds(seconds: Sequence[float], percent: float) -> float:
    """Return a percentile in ms. Raises `ValueError` for no values."""
    return 1000 * percentile(seconds, percent)


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that it took."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def processor_seconds(action: Callable[[], object]) -> float:
    """Return the seconds of processor that this process used for it: what a busy machine changes least."""
    start = time.process_time()
    action()
    return time.process_time() - start


def median_of(rounds: int, measure: Callable[[], float]) -> float:
    """Return the median of several rounds."""
    return statistics.median(measure() for _ in range(rounds))


def raw_commits_per_second(folder: Path, row_bytes: int, count: int) -> float:
    """Return how many rows a bare SQLite file takes one at a time, each on the disk before the next (WAL, FULL)."""
    path = folder / "raw.db"
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS rows (content BLOB)")
        content = bytes(row_bytes)
        seconds = timed(lambda: [connection.execute("INSERT INTO rows VALUES (?)", (content,)) for _ in range(count)])
    finally:
        connection.close()
    for each in folder.glob("raw.db*"):
        each.unlink()
    return count / seconds
