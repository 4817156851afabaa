"""Turns in memory, with the promises of `ports.py`."""

from __future__ import annotations

from datetime import datetime

from backend.turns.model import Turn


class FakeTurnStore:
    """`TurnStore` over a dictionary."""

    def __init__(self) -> None:
        self._turns: dict[tuple[str, str], Turn] = {}

    def put(self, tenant_id: str, scope_key: str, turn: Turn) -> None:
        """See the port."""
        del tenant_id
        self._turns[scope_key, turn.turn_id] = turn

    def get(self, scope_key: str, turn_id: str, now: datetime) -> Turn | None:
        """See the port."""
        turn = self._turns.get((scope_key, turn_id))
        return turn if turn and now < turn.expires_at else None
