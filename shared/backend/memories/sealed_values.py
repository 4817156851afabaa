"""JSON sealed inside an item of the table of conversations and states: it opens for its tenant and in its place only."""

from __future__ import annotations

import json
import zlib
from typing import Any

from backend.encryption.model import DecryptionFailedError
from backend.memories.ports import Seals

METRIC = "decryption_failed"
"""Counts what callers see as `decryption_failed`."""


def place_of(pk: str, sk: str) -> str:
    """Return what is sealed with a value: moved to another item it opens no more."""
    return f"{pk}|{sk}"


def sealed_value(seals: Seals, tenant_id: str, pk: str, sk: str, value: object) -> bytes:
    """Return the value, compressed and sealed. Raises `DependencyUnavailableError`."""
    plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return seals.seal(tenant_id, place_of(pk, sk), zlib.compress(plain, 1))


def opened_value(seals: Seals, tenant_id: str, pk: str, sk: str, sealed: bytes) -> Any | None:  # noqa: ANN401 - any JSON value
    """Return the value, None for one that cannot be opened. Raises `DependencyUnavailableError`."""
    try:
        plain = seals.open(tenant_id, place_of(pk, sk), sealed)
    except DecryptionFailedError:
        return None
    return json.loads(zlib.decompress(plain))
