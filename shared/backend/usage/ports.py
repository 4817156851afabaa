"""What counting needs of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from backend.usage.model import Tally, Target, Usage


class UsageStore(Protocol):
    """How often each memory was returned. A tally is changed under the condition that it is as it was read."""

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Usage]:
        """Return the usage of those that were ever returned, by id. It may be a little behind."""

    def tallies(self, targets: Sequence[Target]) -> dict[Target, Tally]:
        """Return what is counted of each of these, as it is now: an empty tally where nothing is yet."""

    def put(self, target: Target, tally: Tally) -> None:
        """Store the next version of a tally. Raises `ConflictError` unless it is `version` - 1 now, or is gone.

        Raises `DependencyUnavailableError`: then it may have been stored.
        """

    def forget(self, tenant_id: str, memory_id: str, now: datetime) -> None:
        """Remove what is counted of a memory. Nothing is counted for `GONE_FOR`; doing it twice is harmless."""


class Recording(Protocol):
    """Where a query says what it returned."""

    def record(self, tenant_id: str, memory_ids: Sequence[str], at: datetime) -> None:
        """Have these memories counted once more, some time soon. Never raises: what could not be told of is counted lost."""
