"""What the product needs of an audit log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backend.audit.model import AuditEntry, ChainReport


class AuditLog(Protocol):
    """The record of who did what. Every implementation passes tests/contract/audit."""

    def record(self, entry: AuditEntry) -> None:
        """Add the entry to the end of one of the day's chains, durably, before returning.

        Recording an entry again after an unknown outcome may leave it twice, never not at all. Raises `ThrottledError`
        when every chain stays contended, and what the table raises.
        """

    def entries(self, tenant_id: str, day: str) -> Sequence[AuditEntry]:
        """Return the tenant's entries of one day (`2026-01-05`, UTC) over all chains, oldest id first."""

    def verify(self, tenant_id: str, day: str, shard: int) -> ChainReport:
        """Check one chain link by link against its head. A chain that was never begun is intact and empty."""
