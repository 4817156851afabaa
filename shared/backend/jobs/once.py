"""A request that begins a job begins it once, however often it is sent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from backend.jobs.model import Job
from backend.jobs.ports import JobStore
from backend.kit.clock import Clock
from backend.kit.errors import DependencyUnavailableError, JobNotFoundError
from backend.kit.ids import Ids
from backend.memories.outcomes import (
    Claim,
    Done,
    Request,
)
from backend.memories.ports import RequestLog


class Once:
    """Remembers under a request's key which job it began."""

    def __init__(self, *, store: JobStore, requests: RequestLog, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._requests = requests
        self._clock = clock
        self._ids = ids

    def done(self, tenant_id: str, request: Request | None, begin: Callable[[str, Claim], Job]) -> tuple[Job, bool]:
        """Begin a job under the id that goes with the request, or return the one that it began, as it is now; tell which.

        Raises `IdempotencyKeyReusedError`, `RequestInFlightError`, and what `begin` raises: then nothing is remembered.
        """
        claim = Claim(self._ids.new("clm"))
        if request:
            found = self._requests.claim(tenant_id, request, self._clock.now())
            if isinstance(found, Done):
                return self._begun(tenant_id, found.memory_ids[0]), True
            claim = found
        try:
            job = begin(self._ids.derived("job", claim.claim_id, "0"), claim)
            self._requests.complete(claim, Done((), (job.job_id,)), keep_forever=False, now=self._clock.now())
        except Exception:
            # The claim ends by itself; failing to end it early must not hide what went wrong.
            with suppress(DependencyUnavailableError):
                self._requests.release(claim, self._clock.now())
            raise
        return job, False

    def _begun(self, tenant_id: str, job_id: str) -> Job:
        job = self._store.get(tenant_id, job_id)
        if job is None:
            raise JobNotFoundError(job_id)
        return job
