"""What the routes of jobs and data keys take and answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from backend.encryption.model import KeyState, WrappedKey
from backend.jobs.model import Job
from backend.kit import wire
from backend.kit.wire import EndUserId, Wire
from backend.memories.edit_schemas import MemoryIdText

MOST_NAMED = 100
MOST_DAYS = 365


class MemoryRefresh(Wire):
    """Body of `POST /memory/refresh`: which memories, all of the end user's without any."""

    model_config = ConfigDict(json_schema_extra={"examples": [{}]})

    user_id: EndUserId | None = None
    memory_ids: Annotated[list[MemoryIdText], Field(min_length=1, max_length=MOST_NAMED)] | None = None


class KeyRotation(Wire):
    """Body of `POST /org/encryption/rotate`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"retire_after_days": 30}]})

    retire_after_days: Annotated[int, Field(ge=0, le=MOST_DAYS), BeforeValidator(wire.whole)] | None = Field(
        default=None,
        description="How long the version before opens what is not sealed again yet: at least ten minutes; null for always.",
    )

    def retire_after(self) -> timedelta | None:
        """Return it as a time."""
        return None if self.retire_after_days is None else timedelta(days=self.retire_after_days)


class JobCounts(BaseModel):
    """What became of the things that the job looked at so far."""

    seen: int
    changed: int
    skipped: int
    failed: int


class JobView(BaseModel):
    """A job as it is now. `reason` names the last error of one that failed, or that is trying again."""

    job_id: str
    kind: Literal["refresh", "reencrypt"]
    status: Literal["queued", "running", "succeeded", "failed"]
    counts: JobCounts
    reason: str | None
    created_at: str
    started_at: str | None
    finished_at: str | None

    @classmethod
    def fields_of(cls, job: Job) -> dict[str, Any]:
        """Return the members of a job's answer."""
        counts = job.counts
        return {
            "job_id": job.job_id,
            "kind": job.kind.value,
            "status": job.state.value,
            "counts": {
                "seen": counts.seen,
                "changed": counts.changed,
                "skipped": counts.skipped,
                "failed": counts.failed,
            },
            "reason": job.reason,
            "created_at": wire.shown(job.created_at),
            "started_at": wire.shown(job.started_at),
            "finished_at": wire.shown(job.finished_at),
        }


class JobBegun(JobView):
    """Answer of `POST /memory/refresh`."""

    warnings: list[str]
    request_id: str


class JobRead(JobView):
    """Answer of `GET /memory/refresh/{job_id}`."""

    request_id: str


class KeyRotated(JobView):
    """Answer of `POST /org/encryption/rotate`: the version that seals from now on, and the job that seals everything again."""

    key_version: int
    warnings: list[str]
    request_id: str


class KeyView(BaseModel):
    """One version of the tenant's key, never the key."""

    version: int
    state: Literal["active", "retired", "expired"]
    created_at: str
    expires_at: str | None

    @classmethod
    def fields_of(cls, key: WrappedKey, now: datetime) -> dict[str, Any]:
        """Return the members of a version as it is at this moment."""
        return {
            "version": key.version,
            "state": (key.state if key.opens(now) else KeyState.EXPIRED).value,
            "created_at": wire.shown(key.created_at),
            "expires_at": wire.shown(key.expires_at),
        }


class EncryptionRead(BaseModel):
    """Answer of `GET /org/encryption`: the tenant's keys, newest first, and the re-encryption that is at work."""

    versions: list[KeyView]
    job: JobView | None
    request_id: str
