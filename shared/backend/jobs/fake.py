"""Jobs in memory, with the promises of `ports.py`."""

from __future__ import annotations

from datetime import datetime

from backend.jobs.model import Job, Kind
from backend.kit.errors import JobAlreadyRunningError, TableUnavailableError


class FakeJobStore:
    """`JobStore` over a dictionary. Set `down` and every call raises `TableUnavailableError`."""

    def __init__(self) -> None:
        self.down = False
        self._jobs: dict[tuple[str, str], Job] = {}

    def begin(self, job: Job) -> Job:
        """See the port."""
        there = self.get(job.tenant_id, job.job_id)
        if there:
            return there
        running = self.open_job(job.tenant_id, job.kind, job.target)
        if running:
            raise JobAlreadyRunningError(running.job_id)
        self._jobs[job.tenant_id, job.job_id] = job
        return job

    def get(self, tenant_id: str, job_id: str) -> Job | None:
        """See the port."""
        self._answer()
        return self._jobs.get((tenant_id, job_id))

    def open_job(self, tenant_id: str, kind: Kind, target: str) -> Job | None:
        """See the port."""
        self._answer()
        every = (each for each in self._jobs.values() if each.is_open)
        return next((each for each in every if (each.tenant_id, each.kind, each.target) == (tenant_id, kind, target)), None)

    def save(self, job: Job) -> bool:
        """See the port."""
        there = self.get(job.tenant_id, job.job_id)
        if there is None or there.version != job.version - 1:
            return there == job
        self._jobs[job.tenant_id, job.job_id] = job
        return True

    def due(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """See the port."""
        self._answer()
        open_jobs = (each for each in self._jobs.values() if each.is_open and each.due_at and each.due_at < before)
        return [(each.tenant_id, each.job_id) for each in sorted(open_jobs, key=_due_at)[:limit]]

    def _answer(self) -> None:
        if self.down:
            msg = "The table was told to be down."
            raise TableUnavailableError(msg, retry_after=2)


def _due_at(job: Job) -> tuple[datetime, str]:
    return job.due_at or job.created_at, job.job_id
