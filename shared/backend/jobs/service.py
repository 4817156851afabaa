"""Beginning jobs, telling how far they are, and doing what is due of them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from backend.jobs.model import PAUSE, Job, Kind
from backend.jobs.once import BegunOnce
from backend.jobs.ports import JobStore, Worker
from backend.kit import deadline, observability
from backend.kit.clock import Clock
from backend.kit.errors import DependencyUnavailableError, JobNotFoundError, NewerReleaseError
from backend.kit.ids import Ids
from backend.memories.outcomes import (
    Claim,
    Request,
)
from backend.memories.ports import RequestLog
from backend.tenancy.scope import Scope

JOBS_A_ROUND = 25
PAGES_A_TURN = 20
SECONDS_A_TURN = 5.0
"""After either the next job has its turn: a page of a re-encryption may hold five hundred items of its tenant, or none."""

SPARE_SECONDS = 30.0
"""No page takes longer."""


class Jobs:
    """The use cases of jobs. `workers` give what does the work of each kind, when there is some."""

    def __init__(
        self, *, store: JobStore, requests: RequestLog, workers: Mapping[Kind, Callable[[], Worker]], clock: Clock, ids: Ids
    ) -> None:
        self._store = store
        self._once = BegunOnce(store=store, requests=requests, clock=clock, ids=ids)
        self._workers = workers
        self._clock = clock
        self._ids = ids

    def refresh(self, scope: Scope, memory_ids: Sequence[str], request: Request | None, requested_by: str) -> tuple[Job, bool]:
        """Begin to read memories anew, these or all of the scope; return the job, and whether this is a replay.

        Raises `JobAlreadyRunningError` while one of the same end user is at work.
        """

        def begun(job_id: str, claim: Claim) -> Job:
            del claim
            now = self._clock.now()
            job = Job(
                job_id=job_id,
                tenant_id=scope.tenant_id,
                kind=Kind.REFRESH,
                target=target_of(scope),
                requested_by=requested_by,
                created_at=now,
                updated_at=now,
                due_at=now,
                scope=scope,
                memory_ids=tuple(dict.fromkeys(memory_ids)),
            )
            return self._store.begin(job)

        return self._once.done(scope.tenant_id, request, begun)

    def state(self, scope: Scope, job_id: str) -> Job:
        """Return a refresh of the scope as it is now. Raises `JobNotFoundError`, also for somebody else's."""
        job = self._store.get(scope.tenant_id, job_id)
        if job is None or (job.kind, job.target) != (Kind.REFRESH, target_of(scope)):
            raise JobNotFoundError(job_id)
        return job

    def run(self) -> int:
        """Do pages of the jobs that are due, the longest waiting first, in turns, until the time is nearly up; return how many.

        Raises `DependencyUnavailableError` when the table does not answer.
        """
        pages = 0
        while True:
            done = sum(self._turn(*each) for each in self._store.due(self._clock.now(), JOBS_A_ROUND))
            pages += done
            if not done or _ends_soon():
                observability.count("job_pages", pages)
                return pages

    def _turn(self, tenant_id: str, job_id: str) -> int:
        """Take the job and do some pages of it; return how many."""
        if _ends_soon():
            return 0
        now = self._clock.now()
        job = self._due(tenant_id, job_id, now)
        if job is None:
            return 0
        job = job.taken(now, self._ids.new("run"))
        if not self._store.save(job):
            return 0
        turn_ends = deadline.remaining(math.inf) - SECONDS_A_TURN
        for pages in range(PAGES_A_TURN):
            if _ends_soon() or (pages and deadline.remaining(math.inf) < turn_ends):
                self._store.save(job.released(self._clock.now()))
                return pages
            after = self._advanced(job)
            # Whoever lost the job to another worker stops here: what it did is done twice at worst, which is harmless.
            if not self._store.save(after) or not after.is_open or after.failures or after.cursor == job.cursor:
                return pages + 1
            job = after
        self._store.save(job.released(self._clock.now()))
        return PAGES_A_TURN

    def _due(self, tenant_id: str, job_id: str, now: datetime) -> Job | None:
        """Return the job if it may be taken. One of a newer release is left to it, and holds up no other."""
        try:
            job = self._store.get(tenant_id, job_id)
        except NewerReleaseError as error:
            observability.log_failure("a job could not be read", error)
            return None
        return job if job and job.is_open and job.due_at and job.due_at <= now else None

    def _advanced(self, job: Job) -> Job:
        """Do one page; return the job as it is then."""
        try:
            step = self._workers[job.kind]().step(job)
        except DependencyUnavailableError as error:
            observability.note(job_waits=type(error).__name__)
            return job.released(self._clock.now(), PAUSE)
        except Exception as error:  # noqa: BLE001 - whatever it is, one job must not hold up the others: after some tries it ends
            observability.log_failure("a page of a job failed", error)
            observability.count("job_failures")
            return job.failed_once(type(error).__name__, self._clock.now())
        return job.advanced(step, self._clock.now())


def _ends_soon() -> bool:
    """Tell whether a page that is begun now may not end in time."""
    return deadline.remaining(math.inf) <= SPARE_SECONDS


def target_of(scope: Scope) -> str:
    """Return what stands for the owner of a scope: enough to know them again, and no more."""
    return hashlib.sha256(scope.home.encode()).hexdigest()
