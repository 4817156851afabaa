"""Time, injected: nothing in the product asks the operating system what time it is but `SystemClock`."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What time it is, and how to wait."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


class FakeClock:
    """A clock that stands still until it is told to move; sleeping moves it."""

    def __init__(self, start: datetime = datetime(2026, 1, 5, 9, tzinfo=UTC)) -> None:
        self._now = start
        self.slept: list[float] = []

    def now(self) -> datetime:
        """Return the moment that was set."""
        return self._now

    def sleep(self, seconds: float) -> None:
        """Move on by that much, at once."""
        self.slept.append(seconds)
        self.advance(seconds=seconds)

    def advance(self, **by: float) -> None:
        """Move on by a `timedelta`."""
        self._now += timedelta(**by)


def to_rfc3339(moment: datetime) -> str:
    """Return RFC 3339 in UTC with milliseconds (cut, not rounded) and `Z`: sortable as text."""
    return as_utc(moment).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> datetime:
    """Read what `to_rfc3339` wrote. Raises `ValueError`."""
    return as_utc(datetime.fromisoformat(text))


def as_utc(moment: datetime) -> datetime:
    """Return the moment in UTC; one without an offset is read as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def epoch_ms(moment: datetime) -> int:
    """Return milliseconds since 1970, exactly."""
    return (as_utc(moment) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
