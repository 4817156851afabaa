"""What was looked up a moment ago."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, TypeVar

from backend.kit.clock import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class RecentCache(Generic[K, V]):
    """Answers that may be a little old: less than `seconds`, at most `size` of them, the longest unused leave first.

    None is an answer too, so that what does not exist is not looked up for every request. Failures are not kept.
    """

    def __init__(self, clock: Clock, seconds: float, size: int) -> None:
        self._clock = clock
        self._longest = timedelta(seconds=seconds)
        self._size = size
        self._held: OrderedDict[K, tuple[datetime, V]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: K, load: Callable[[], V]) -> V:
        """Return the answer held, or the one that `load` gives now."""
        # Taken before loading: the age counts from when the answer was asked for, the earliest that it can be out of date.
        now = self._clock.now()
        with self._lock:
            held = self._held.get(key)
            # A clock that was set back makes an age negative; such an answer could stay for ever.
            if held and timedelta() <= now - held[0] < self._longest:
                self._held.move_to_end(key)
                return held[1]
        value = load()
        with self._lock:
            self._held[key] = (now, value)
            self._held.move_to_end(key)
            while len(self._held) > self._size:
                self._held.popitem(last=False)
        return value
