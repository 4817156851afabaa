"""What turns need of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from backend.turns.model import Turn


class TurnStore(Protocol):
    """Keeps what became of turns."""

    def put(self, tenant_id: str, scope_key: str, turn: Turn) -> None:
        """Store a turn; doing it twice is harmless."""

    def get(self, scope_key: str, turn_id: str, now: datetime) -> Turn | None:
        """Return a turn of this scope key that is still told of."""


class IndexState(Protocol):
    """What the index shows, as the record of truth knows it."""

    def unindexed(self, scope_key: str, memory_ids: Sequence[str]) -> frozenset[str]:
        """Return which of these memories of the scope key the index may not show yet."""
