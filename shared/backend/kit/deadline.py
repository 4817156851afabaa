"""How much time the request has left. The gateway cuts at 30 s; we answer for ourselves before that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from backend.kit.errors import DeadlineExceededError

REQUEST_SECONDS = 25.0


@dataclass(frozen=True, slots=True)
class _Deadline:
    end: float
    timer: Callable[[], float]


_current: ContextVar[_Deadline | None] = ContextVar("deadline", default=None)


@contextmanager
def deadline(seconds: float, timer: Callable[[], float] = time.monotonic) -> Iterator[None]:
    """Give what runs inside this many seconds of the timer, or what an outer deadline leaves if that is less."""
    token = _current.set(_Deadline(timer() + min(seconds, remaining(seconds)), timer))
    try:
        yield
    finally:
        _current.reset(token)


def remaining(default: float = REQUEST_SECONDS) -> float:
    """Return the seconds left, `default` outside any deadline. Never negative."""
    current = _current.get()
    return default if current is None else max(0.0, current.end - current.timer())


def check() -> None:
    """Raise `DeadlineExceededError` when the time is used up."""
    if remaining() <= 0:
        msg = "The request took longer than it may; nothing was lost, try again."
        raise DeadlineExceededError(msg, retry_after=1)
