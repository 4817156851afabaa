"""Ids and randomness, injected."""

from __future__ import annotations

import hashlib
import secrets
from typing import Protocol

from backend.kit.clock import Clock, epoch_ms

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_LENGTH = 26
_TIME_LENGTH = 10


class Ids(Protocol):
    """Where new ids come from."""

    def new(self, prefix: str) -> str:
        """Return `prefix_ULID`: sortable by the time it was made, to the millisecond."""

    def derived(self, prefix: str, origin: str, *parts: str) -> str:
        """Return the id that these always give: what a retry must repeat. Its time is that of the id `origin`."""


def encode_ulid(value: int) -> str:
    """Return 128 bits in Crockford's base 32, 26 characters (the ULID specification's text form)."""
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(5 * (_ULID_LENGTH - 1), -1, -5))


class UlidIds:
    """ULIDs of the injected clock: 48 bits of milliseconds, 80 bits of randomness."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def new(self, prefix: str) -> str:
        """Return a new id."""
        return f"{prefix}_{encode_ulid(epoch_ms(self._clock.now()) << 80 | secrets.randbits(80))}"

    def derived(self, prefix: str, origin: str, *parts: str) -> str:
        """Return the origin's time and a SHA-256 over the parts."""
        return derived_id(prefix, origin, *parts)


class FakeIds:
    """Ids that count: mem_1, mem_2, ..."""

    def __init__(self) -> None:
        self._made = 0

    def new(self, prefix: str) -> str:
        """Return the next number."""
        self._made += 1
        return f"{prefix}_{self._made:026d}"

    def derived(self, prefix: str, origin: str, *parts: str) -> str:
        """Return the origin's time and a SHA-256 over the parts."""
        return derived_id(prefix, origin, *parts)


def derived_id(prefix: str, origin: str, *parts: str) -> str:
    """Return `prefix_`, the 10 characters of time of the id `origin`, and 16 made of origin and parts.

    Each part is hashed with its length before it, so that no two lists of parts give one id.
    """
    digest = hashlib.sha256()
    for part in (origin, *parts):
        data = part.encode()
        digest.update(len(data).to_bytes(4))
        digest.update(data)
    moment = origin.rpartition("_")[2][:_TIME_LENGTH]
    return f"{prefix}_{moment}{encode_ulid(int.from_bytes(digest.digest()[:10]))[_TIME_LENGTH:]}"
