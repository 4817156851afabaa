"""Where a tenant's policy comes from."""

from __future__ import annotations

from typing import Protocol

from backend.memories.policy import MemoryPolicy


class PolicySource(Protocol):
    """Knows what each tenant wants done with what it is told."""

    def of(self, tenant_id: str) -> MemoryPolicy:
        """Return the tenant's policy as it was less than five seconds ago, the defaults where it has set none.

        A value that cannot be read counts as the strictest. Raises `DependencyUnavailableError`.
        """
