"""Ids and randomness, injected."""

from __future__ import annotations

import hashlib
import secrets
from threading import Lock
from typing import Protocol

from backend.kit.clock import Clock, epoch_ms

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = [first + second for first in _CROCKFORD for second in _CROCKFORD]
_ULID_LENGTH = 26
_ORDER_LENGTH = 14
"""Characters of an id that order it: 10 of time, 4 of the count within a millisecond."""
_PLACE_LENGTH = 2
"""Characters behind them for the place of what is derived in order: 1,024 places."""
_LAST_PLACE = 32**_PLACE_LENGTH - 1
_COUNT_BITS = 20
_REST_BITS = 60


class Ids(Protocol):
    """Where new ids come from."""

    def new(self, prefix: str) -> str:
        """Return `prefix_ULID`: sorts after those that were made before it, in this process to the last one."""

    def derived(self, prefix: str, origin: str, *parts: str, place: int | None = None) -> str:
        """Return the id that these always give: what a retry must repeat. It sorts as the id `origin` does.

        Of one origin those with a `place` (from 0) sort by it; from the 1,024th on in no order.
        """


def encode_ulid(value: int) -> str:
    """Return 128 bits in Crockford's base 32, 26 characters (the ULID specification's text form)."""
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in range(5 * (_ULID_LENGTH - 2), -1, -10)])


class UlidIds:
    """ULIDs of the injected clock: 48 bits of milliseconds, 20 bits that count within one, 60 bits of randomness.

    The count begins anywhere in the lower half of its range, so that two processes seldom use the same.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = Lock()
        self._last = (0, 0)

    def new(self, prefix: str) -> str:
        """Return a new id."""
        with self._guard:
            moment, count = self._last
            now = max(epoch_ms(self._clock.now()), moment)  # A clock that was set back must not turn the order round.
            count = count + 1 if now == moment else secrets.randbits(_COUNT_BITS - 1)
            self._last = (now, count)
        ordered = (now << _COUNT_BITS) + count
        return f"{prefix}_{encode_ulid(ordered << _REST_BITS | secrets.randbits(_REST_BITS))}"

    def derived(self, prefix: str, origin: str, *parts: str, place: int | None = None) -> str:
        """Return what orders the origin, the place, and a SHA-256 over the parts."""
        return derived_id(prefix, origin, *parts, place=place)


class FakeIds:
    """Ids that count: mem_1, mem_2, ..."""

    def __init__(self) -> None:
        self._made = 0

    def new(self, prefix: str) -> str:
        """Return the next number."""
        self._made += 1
        return f"{prefix}_{self._made:026d}"

    def derived(self, prefix: str, origin: str, *parts: str, place: int | None = None) -> str:
        """Return what orders the origin, the place, and a SHA-256 over the parts."""
        return derived_id(prefix, origin, *parts, place=place)


def derived_id(prefix: str, origin: str, *parts: str, place: int | None = None) -> str:
    """Return `prefix_`, the 14 characters that order the id `origin`, and 12 made of origin and parts.

    Each part is hashed with its length before it, so that no two lists of parts give one id. With a place two of the twelve
    are the place's.
    """
    digest = hashlib.sha256()
    for part in (origin, *parts):
        data = part.encode()
        digest.update(len(data).to_bytes(4))
        digest.update(data)
    order = origin.rpartition("_")[2][:_ORDER_LENGTH]
    if place is not None:
        order += encode_ulid(min(place, _LAST_PLACE))[-_PLACE_LENGTH:]
    return f"{prefix}_{order}{encode_ulid(int.from_bytes(digest.digest()[:8]))[len(order) :]}"
