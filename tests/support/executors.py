"""Executors that tests can rely on."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import ParamSpec, TypeVar

_T = TypeVar("_T")
_P = ParamSpec("_P")


class AtOnce(Executor):
    """Does everything at once, in the same thread: the same history twice is the same twice."""

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Return what it came to."""
        future: Future[_T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever waits for the future gets it
            future.set_exception(error)
        return future


class Rounds:
    """How many steps of work stand one after the other: each `step` is one, and what lanes do side by side counts once."""

    def __init__(self) -> None:
        self.now = 0

    def step(self) -> None:
        """Take one step."""
        self.now += 1


class Lanes(Executor):
    """Does everything at once, in the same thread, and counts its steps as if so many threads had done it side by side."""

    def __init__(self, rounds: Rounds, lanes: int) -> None:
        self._rounds = rounds
        self._free = [0] * lanes

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """Do it in the lane that is free first; whoever waits for it waits until it is done there."""
        asked_at = self._rounds.now
        lane = self._free.index(min(self._free))
        self._rounds.now = max(asked_at, self._free[lane])
        future: _Later[_T] = _Later(self._rounds)
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever waits for the future gets it
            future.set_exception(error)
        future.done_at = self._free[lane] = self._rounds.now
        self._rounds.now = asked_at
        return future


class _Later(Future[_T]):
    """What is known, and counts as known once it would be."""

    def __init__(self, rounds: Rounds) -> None:
        super().__init__()
        self._rounds = rounds
        self.done_at = 0

    def result(self, timeout: float | None = None) -> _T:
        """Wait, as it were."""
        self._rounds.now = max(self._rounds.now, self.done_at)
        return super().result(timeout)
