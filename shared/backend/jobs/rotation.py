"""A new key for a tenant, and everything sealed again under it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from backend.audit.model import Action, AuditEntry
from backend.audit.ports import AuditLog
from backend.encryption.model import WrappedKey
from backend.encryption.ports import KeyStore
from backend.encryption.sealing import KEYS_LAST
from backend.jobs.model import Job, Kind
from backend.jobs.once import BegunOnce
from backend.jobs.ports import JobStore, Keys
from backend.jobs.reencrypt import SETTLES
from backend.kit.clock import Clock
from backend.kit.errors import JobAlreadyRunningError
from backend.kit.ids import Ids
from backend.memories.outcomes import (
    Claim,
    Request,
)
from backend.memories.ports import RequestLog

SOONEST_EXPIRY = 2 * KEYS_LAST
"""No version expires while a process may still seal under it: what was stored then would be lost at once."""

TARGET = "tenant"


@dataclass(frozen=True, slots=True)
class Encryption:
    """A tenant's keys, the oldest first, and the re-encryption that is at work."""

    versions: tuple[WrappedKey, ...]
    job: Job | None


class Rotation:
    """The use cases of a tenant's data keys."""

    def __init__(  # noqa: PLR0913 - one word for each thing it stands on
        self,
        *,
        store: JobStore,
        requests: RequestLog,
        keys: Keys,
        versions: KeyStore,
        audit: AuditLog,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._store = store
        self._once = BegunOnce(store=store, requests=requests, clock=clock, ids=ids)
        self._keys = keys
        self._versions = versions
        self._audit = audit
        self._clock = clock
        self._ids = ids

    def state(self, tenant_id: str) -> Encryption:
        """Return the tenant's keys and the open job."""
        job = self._store.open_job(tenant_id, Kind.REENCRYPT, TARGET)
        return Encryption(tuple(self._versions.all(tenant_id)), job)

    def rotate(self, tenant_id: str, retire_after: timedelta | None, request: Request | None, actor: str) -> tuple[Job, bool]:
        """Make a new version, and begin to seal everything under it; return the job, and whether this is a replay.

        The version before opens for `retire_after` more, but at least ten minutes; None for always. The job is stored first:
        there is never a new key without one. A request that failed between the two is completed by the next.
        Raises `JobAlreadyRunningError`, `DependencyUnavailableError`.
        """
        return self._once.done(
            tenant_id, request, lambda job_id, claim: self._rotated(tenant_id, retire_after, actor, (job_id, claim))
        )

    def _rotated(self, tenant_id: str, retire_after: timedelta | None, actor: str, under: tuple[str, Claim]) -> Job:
        job_id, claim = under
        current = self._versions.current(tenant_id)
        version = current.version if current else 0
        begun = self._store.get(tenant_id, job_id) if claim.resumed else None
        job = (
            begun or self._store.open_job(tenant_id, Kind.REENCRYPT, TARGET) or self._begun(tenant_id, job_id, version + 1, actor)
        )
        if (job.key_version or 0) <= version:
            if begun:
                # An attempt under this key did it and died before it could say so.
                return begun
            raise JobAlreadyRunningError(job.job_id)
        expires_at = None if retire_after is None else self._clock.now() + max(retire_after, SOONEST_EXPIRY)
        days = {} if retire_after is None else {"retire_after_days": retire_after.days}
        entry = AuditEntry(
            entry_id=self._ids.new("aud"),
            tenant_id=tenant_id,
            at=self._clock.now(),
            actor=actor,
            action=Action.DATA_KEY_ROTATED,
            target=f"tenant:{tenant_id}",
            details={"key_version": version + 1, "job_id": job.job_id, **days},
        )
        self._audit.record(entry)
        self._keys.rotate(tenant_id, expires_at, after=version)
        return job

    def _begun(self, tenant_id: str, job_id: str, key_version: int, actor: str) -> Job:
        now = self._clock.now()
        job = Job(
            job_id=job_id,
            tenant_id=tenant_id,
            kind=Kind.REENCRYPT,
            target=TARGET,
            requested_by=actor,
            created_at=now,
            updated_at=now,
            due_at=now + SETTLES,
            key_version=key_version,
        )
        return self._store.begin(job)
