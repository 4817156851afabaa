"""A request that begins a job begins it once, however often it is sent."""

from __future__ import annotations

from collections.abc import Callable

from backend.jobs.model import Job
from backend.jobs.ports import JobStore
from backend.kit.clock import Clock
from backend.kit.errors import JobNotFoundError
from backend.kit.ids import Ids
from backend.memories.once import Once
from backend.memories.outcomes import Claim, Done, Request
from backend.memories.ports import RequestLog


class BegunOnce:
    """Remembers under a request's key which job it began."""

    def __init__(self, *, store: JobStore, requests: RequestLog, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._once = Once(requests=requests, clock=clock, ids=ids)
        self._ids = ids

    def done(self, tenant_id: str, request: Request | None, begin: Callable[[str, Claim], Job]) -> tuple[Job, bool]:
        """Begin a job under the id that goes with the request, or return the one that it began, as it is now; tell which.

        Raises `IdempotencyKeyReusedError`, `RequestInFlightError`, and what `begin` raises: then nothing is remembered.
        """

        def work(claim: Claim) -> tuple[Job, Done]:
            job = begin(self._ids.derived("job", claim.claim_id, "0"), claim)
            return job, Done((), (job.job_id,))

        return self._once.done(tenant_id, request, work, lambda done: self._begun(tenant_id, done.memory_ids[0]))

    def _begun(self, tenant_id: str, job_id: str) -> Job:
        job = self._store.get(tenant_id, job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        return job
