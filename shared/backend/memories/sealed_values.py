"""JSON sealed inside an item of the table of conversations and states: it opens for its tenant and in its place only."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

from backend.encryption.model import DecryptionFailedError
from backend.memories.ports import Seals

METRIC = "decryption_failed"
"""Counts what callers see as `decryption_failed`."""


@dataclass(frozen=True, slots=True)
class Unopened:
    """Something that is kept sealed and cannot be opened: where it is, in ids alone, under which key version, and why."""

    target: str
    key_version: int
    reason: str

    @classmethod
    def of(cls, target: str, error: DecryptionFailedError) -> Unopened:
        """Return what an error says of what is kept there."""
        return cls(target, error.version, error.reason)


def place_of(pk: str, sk: str) -> str:
    """Return what is sealed with a value: moved to another item it opens no more."""
    return f"{pk}|{sk}"


def sealed_value(seals: Seals, tenant_id: str, pk: str, sk: str, value: object) -> bytes:
    """Return the value, compressed and sealed. Raises `DependencyUnavailableError`."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return seals.seal(tenant_id, place_of(pk, sk), zlib.compress(plain, 1))


def opened_value(seals: Seals, tenant_id: str, pk: str, sk: str, sealed: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value. Raises `DecryptionFailedError`, `DependencyUnavailableError`."""
    return json.loads(zlib.decompress(seals.open(tenant_id, place_of(pk, sk), sealed)))
