"""How much time the request has left. The gateway cuts at 30 s; we answer for ourselves before that."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from backend.kit.errors import DeadlineExceededError

REQUEST_SECONDS = 25.0
_ends: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Give what runs inside this many seconds, or what an outer deadline leaves if that is less."""
    outer = _ends.get()
    end = time.monotonic() + seconds
    token = _ends.set(end if outer is None else min(end, outer))
    try:
        yield
    finally:
        _ends.reset(token)


def remaining(default: float = REQUEST_SECONDS) -> float:
    """Return the seconds left, `default` outside any deadline. Never negative."""
    end = _ends.get()
    return default if end is None else max(0.0, end - time.monotonic())


def check() -> None:
    """Raise `DeadlineExceededError` when the time is used up."""
    if remaining() <= 0:
        msg = "The request took longer than it may; nothing was lost, try again."
        raise DeadlineExceededError(msg, retry_after=1)
