"""What states need of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from backend.state.model import Namespace, Owner, State

Found = tuple[Sequence[State], str | None]
"""States in the order of their positions, and the position to go on behind, None at the end."""

Expired = tuple[str, str]
"""Where something stands whose time is up; for the store alone to read."""


class StateStore(Protocol):
    """Keeps states, expired ones too until they are removed. What one owner holds never shows to another."""

    def get(self, owner: Owner, namespace: Namespace, key: str) -> State | None:
        """Return what is under the key now."""

    def put(self, owner: Owner, state: State, over: str | None) -> bool:
        """Store the state over this version, or, with None, where nothing is; return whether that was so.

        Raises `OutcomeUnknownError`, `DependencyUnavailableError`.
        """

    def remove(self, owner: Owner, namespace: Namespace, key: str, now: datetime, versions: frozenset[str] | None = None) -> bool:
        """Remove what is under the key for good, if it is one of these versions, and return whether it was there and live.

        Raises `PreconditionFailedError` for another version, also where nothing is.
        """

    def states(self, owner: Owner, namespace: Namespace, after: str | None, limit: int, *, below: bool) -> Found:
        """Return states of this namespace, with `below` also of those that begin with it, from behind the position.

        They are `limit` at most, and may be fewer though more follow. All states of one namespace stand side by side, and so
        do all namespaces with one beginning.
        """

    def behind(self, owner: Owner, namespace: Namespace, *, below: bool) -> str:
        """Return the position behind all states of the namespace, with `below` also of those that begin with it."""

    def expired(self, before: datetime, limit: int) -> list[Expired]:
        """Return what expired before this moment, the longest ago first. A little behind."""

    def drop(self, target: Expired, before: datetime) -> bool:
        """Remove it for good if it did expire before this moment; return whether it did."""
