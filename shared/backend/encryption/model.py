"""What sealing with data keys means, whatever holds the keys."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


class KeyState(StrEnum):
    """Where in its life a data key is."""

    ACTIVE = "active"
    RETIRED = "retired"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A tenant's data key as it is stored: usable only through the service that wrapped it.

    One version is active and seals; retired ones still open; an expired one opens nothing any more.
    """

    tenant_id: str
    version: int
    wrapped: bytes = field(repr=False)
    state: KeyState
    created_at: datetime
    expires_at: datetime | None = None

    def opens(self, now: datetime) -> bool:
        """Tell whether what it sealed can be read."""
        return self.state is not KeyState.EXPIRED and (self.expires_at is None or now < self.expires_at)

    def retired(self, expires_at: datetime | None) -> WrappedKey:
        """Return it as it is once another version seals: it opens until then, None for always."""
        return replace(self, state=KeyState.RETIRED, expires_at=expires_at)


class DecryptionFailedError(Exception):
    """Something sealed cannot be opened: its key version has expired or is unknown, or it is not what was sealed here.

    `version` is the key's, `reason` one of expired, unknown, damaged. Never holds a text.
    """

    def __init__(self, version: int, reason: str) -> None:
        super().__init__(f"key version {version}: {reason}")
        self.version = version
        self.reason = reason
