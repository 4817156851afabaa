"""What is answered without its text, because what is sealed in it cannot be opened: counted and recorded."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from backend.audit.model import Action, AuditEntry
from backend.audit.ports import AuditLog
from backend.encryption.model import DecryptionFailedError
from backend.encryption.sealing import version_of
from backend.kit import observability
from backend.kit.clock import Clock
from backend.kit.ids import Ids
from backend.memories.model import Memory
from backend.memories.sealed_values import METRIC, Unopened
from backend.tenancy.cache import RecentCache
from backend.tenancy.model import Caller
from backend.tenancy.scope import Scope

TELL_SECONDS = 60.0
"""One entry a tenant and key version in this time, from each process: the log shows that it happens, the metric how often."""

MOST_TOLD = 1024


class DecryptionFailures:
    """Tells operators what callers see as `decryption_failed`."""

    def __init__(self, *, audit: AuditLog, clock: Clock, ids: Ids) -> None:
        self._audit = audit
        self._clock = clock
        self._ids = ids
        self._told: RecentCache[tuple[str, int], None] = RecentCache(clock, TELL_SECONDS, MOST_TOLD)

    def tell(self, caller: Caller, failed: Sequence[Memory]) -> None:
        """Count these memories, which could not be opened, and record the first of each key version."""
        observability.count(METRIC, len(failed))
        self.record(caller, failed)

    def tell_of(self, caller: Caller, scope: Scope, failed: Sequence[Unopened]) -> None:
        """Count these messages or values of the scope, and record the first of each key version."""
        observability.count(METRIC, len(failed))
        for each in failed:
            self._leave(caller, scope.tenant_id, scope.project_id, each)

    def record(self, caller: Caller, failed: Sequence[Memory]) -> None:
        """Leave an audit entry for each key version, naming the first memory, unless this process did so in the last minute."""
        for memory in failed:
            unopened = Unopened(f"memory:{memory.memory_id}", _version_of(memory), memory.unreadable_for or "")
            self._leave(caller, memory.tenant_id, memory.project_id, unopened)

    def _leave(self, caller: Caller, tenant_id: str, project_id: str | None, unopened: Unopened) -> None:
        entry = AuditEntry(
            entry_id=self._ids.new("aud"),
            tenant_id=tenant_id,
            at=self._clock.now(),
            actor=caller.actor,
            action=Action.DECRYPTION_FAILED,
            target=unopened.target,
            project_id=project_id,
            environment=caller.environment.value,
            details={"key_version": unopened.key_version, "reason": unopened.reason},
        )
        self._told.get((tenant_id, unopened.key_version), partial(self._audit.record, entry))


def _version_of(memory: Memory) -> int:
    """Return the version of the key, 0 where what is there names none."""
    try:
        return version_of(memory.unreadable or b"")
    except DecryptionFailedError as damaged:
        return damaged.version
