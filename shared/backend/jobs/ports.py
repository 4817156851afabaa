"""What jobs need of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backend.jobs.model import Cursor, Job, Kind, Step


class JobStore(Protocol):
    """Keeps jobs. Every implementation passes tests/contract/jobs."""

    def begin(self, job: Job) -> Job:
        """Store a new job; one whose id is there is left and returned as it is: an earlier attempt stored it.

        Raises `JobAlreadyRunningError` while another open job has its kind and target.
        """

    def get(self, tenant_id: str, job_id: str) -> Job | None:
        """Return a job as it is now."""

    def open_job(self, tenant_id: str, kind: Kind, target: str) -> Job | None:
        """Return the open job of this kind and target."""

    def save(self, job: Job) -> bool:
        """Store the next version of a job; `False` when it is not at `version` - 1 any more: another worker has it.

        A finished one makes room for the next of its kind and target.
        """

    def due(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return (tenant, job id) of jobs that may be taken since before this moment, oldest first."""


class Worker(Protocol):
    """Does the work of one kind of job."""

    def step(self, job: Job) -> Step:
        """Do the page at the job's cursor and return what became of it. Doing it twice is harmless.

        Raises `DependencyUnavailableError` when it is to be tried again later.
        """


@dataclass(frozen=True, slots=True)
class SealedItem:
    """An item whose text is sealed: where it stands, and what it says of itself.

    `place` is what it was sealed for, `row_version` that of the row as it was when the item was written.
    """

    pk: str
    sk: str
    tenant_id: str
    memory_id: str
    place: str
    row_version: int
    sealed: bytes | None
    """None for a row that the first release left in the clear."""


class Keys(Protocol):
    """Encryption under a tenant's keys. Everything raises `DependencyUnavailableError` when the keys cannot be had."""

    def seal(self, tenant_id: str, place: str, plain: bytes) -> bytes:
        """Return the bytes sealed for this place under the newest key."""

    def open(self, tenant_id: str, place: str, sealed: bytes) -> bytes:
        """Return what was sealed for this place. Raises `DecryptionFailedError`."""

    def rotate(self, tenant_id: str, expires_at: datetime | None = None, after: int | None = None) -> int:
        """Make the version after this one, once however often it is asked for; the one before opens until `expires_at`."""


class SealedItems(Protocol):
    """The rows and earlier revisions of all tenants, in no order."""

    def page(self, tenant_id: str, after: Cursor | None, limit: int) -> tuple[Sequence[SealedItem], Cursor | None]:
        """Look at so many items of the whole table, and return the tenant's and where to go on, None at the end."""

    def reseal(self, item: SealedItem, sealed: bytes) -> bool:
        """Put other sealed bytes in the place of these; `False` when the item is not as it was read."""
