"""Each tenant's policy, as its operators set it."""

from __future__ import annotations

from backend.kit import observability
from backend.kit.clock import Clock
from backend.memories import policy_schema
from backend.memories.policy import MemoryPolicy
from backend.tenancy.cache import RecentCache
from backend.tenancy.model import MEMORY_SETTING, UnreadableSettingError
from backend.tenancy.ports import TenancyStore

CACHE_SECONDS = 5.0
"""How long a process goes on with a policy that was changed; as long as with a key that was revoked."""

CACHE_SIZE = 1024


class Policies:
    """`PolicySource` from tenancy's settings.

    A member that cannot be read counts as the strictest; each use of such a policy counts `policy_unreadable` and notes the
    members' names as `policy_strictest`.
    """

    def __init__(self, store: TenancyStore, clock: Clock) -> None:
        self._store = store
        self._recent: RecentCache[str, tuple[MemoryPolicy, tuple[str, ...]]] = RecentCache(clock, CACHE_SECONDS, CACHE_SIZE)

    def of(self, tenant_id: str) -> MemoryPolicy:
        """Return the tenant's policy."""
        policy, unreadable = self._recent.get(tenant_id, lambda: self._read(tenant_id))
        if unreadable:
            observability.count("policy_unreadable")
            observability.note(policy_strictest=",".join(unreadable))
        return policy

    def _read(self, tenant_id: str) -> tuple[MemoryPolicy, tuple[str, ...]]:
        try:
            members, unreadable = policy_schema.read(self._store.setting(tenant_id, MEMORY_SETTING) or {})
        except UnreadableSettingError:
            members, unreadable = policy_schema.strictest()
        return members.policy(), unreadable
