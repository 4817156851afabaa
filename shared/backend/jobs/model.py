"""What a job is, and how it goes from one state to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from backend.tenancy.scope import Scope

LEASE = timedelta(minutes=2)
"""How long a worker has a job for itself after each page; longer than a run of the worker's function may take."""

PAUSE = timedelta(minutes=1)
"""After a page that failed because something did not answer, or for another reason."""

MOST_FAILURES = 5
"""In a row, for other reasons than that something did not answer: then the job ends as failed."""

Cursor = Mapping[str, str]
"""Where to go on; each kind of job knows what it says."""


class Kind(StrEnum):
    """What is to be done."""

    REFRESH = "refresh"
    """Read memories with the rules of today, and embed with the model of today."""

    REENCRYPT = "reencrypt"
    """Seal all of a tenant's memories under its newest key."""


class JobState(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


OPEN = frozenset({JobState.QUEUED, JobState.RUNNING})


@dataclass(frozen=True, slots=True)
class Counts:
    """What a job did with what it looked at: `seen` is the sum of the others."""

    changed: int = 0
    skipped: int = 0
    """It was as it should be, or is not there any more."""

    failed: int = 0

    @property
    def seen(self) -> int:
        """How many things it looked at."""
        return self.changed + self.skipped + self.failed

    def __add__(self, other: Counts) -> Counts:
        """Return both together."""
        return Counts(self.changed + other.changed, self.skipped + other.skipped, self.failed + other.failed)


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one page: the counts of it, and where to go on, None at the end."""

    counts: Counts
    cursor: Cursor | None


@dataclass(frozen=True, slots=True)
class Job:
    """One job. `target` is what it is about, in a form that says nothing: at most one open job has the same kind and target.

    `version` grows with every write. While it is open, `due_at` is when a worker may take it: at once, after a pause, or when
    the lease of the worker that has it is over.
    """

    job_id: str
    tenant_id: str
    kind: Kind
    target: str
    requested_by: str
    created_at: datetime
    updated_at: datetime
    due_at: datetime | None
    state: JobState = JobState.QUEUED
    scope: Scope | None = None
    """Of a refresh: whose memories."""

    memory_ids: tuple[str, ...] = ()
    """Of a refresh: which of them, none for all."""

    key_version: int | None = None
    """Of a re-encryption: the version that the rotation makes."""

    cursor: Cursor | None = None
    counts: Counts = field(default_factory=Counts)
    failures: int = 0
    """In a row, of the page at the cursor."""

    reason: str | None = None
    """Why it failed: the name of the last error."""

    holder: str | None = None
    """The worker that took it: two that take it in one millisecond would write the same otherwise, and both think it theirs."""

    started_at: datetime | None = None
    finished_at: datetime | None = None
    version: int = 1

    @property
    def is_open(self) -> bool:
        """Tell whether it is still to be done."""
        return self.state in OPEN

    def taken(self, now: datetime, holder: str) -> Job:
        """Return it in a worker's hands."""
        started_at = self.started_at or now
        return self._changed(now, state=JobState.RUNNING, due_at=now + LEASE, started_at=started_at, holder=holder)

    def advanced(self, step: Step, now: datetime) -> Job:
        """Return it after a page: with the worker still, or finished."""
        done = self._changed(
            now, counts=self.counts + step.counts, cursor=step.cursor, failures=0, reason=None, due_at=now + LEASE
        )
        return done if step.cursor is not None else done.ended(JobState.SUCCEEDED, now, same_version=True)

    def released(self, now: datetime, pause: timedelta = timedelta()) -> Job:
        """Return it free for the next worker, after a pause."""
        return self._changed(now, due_at=now + pause)

    def failed_once(self, reason: str, now: datetime) -> Job:
        """Return it after a page that failed: free after a pause, or failed for good."""
        again = self._changed(now, failures=self.failures + 1, reason=reason, due_at=now + PAUSE)
        return again if again.failures < MOST_FAILURES else again.ended(JobState.FAILED, now, reason, same_version=True)

    def ended(self, state: JobState, now: datetime, reason: str | None = None, *, same_version: bool = False) -> Job:
        """Return it finished. Whose memories they were is not kept: `target` is enough to know its owner again."""
        return replace(
            self,
            state=state,
            reason=reason,
            updated_at=now,
            finished_at=now,
            due_at=None,
            scope=None,
            memory_ids=(),
            cursor=None,
            version=self.version if same_version else self.version + 1,
        )

    def _changed(self, now: datetime, **fields: object) -> Job:
        return replace(self, updated_at=now, version=self.version + 1, **fields)  # type: ignore[arg-type]  # fields of this class
