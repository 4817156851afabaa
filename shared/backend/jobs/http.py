"""Between the routes of jobs and data keys and the use cases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path
from fastapi.responses import JSONResponse

from backend import bootstrap
from backend.jobs.schemas import JobView, KeyRotation, KeyView, MemoryRefresh
from backend.kit import observability
from backend.kit.errors import JobNotFoundError
from backend.kit.http import json_answer, refusals
from backend.memories.http import MemoryDoor
from backend.memories.outcomes import (
    Request,
)
from backend.tenancy.http import require
from backend.tenancy.model import Caller, Permission

BEGIN_ANSWERS = refusals(HTTPStatus.CONFLICT, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
_JOB_ID = re.compile(r"job_[0-9A-HJKMNP-TV-Z]{26}")

Owner = Annotated[Caller, Depends(require(Permission.ORG_ALL))]


async def job_id(
    given: Annotated[
        str, Path(alias="job_id", description="The job's id.", json_schema_extra={"pattern": f"^{_JOB_ID.pattern}$"})
    ],
) -> str:
    """Return the id of the path. What cannot be an id names no job."""
    if not _JOB_ID.fullmatch(given):
        raise JobNotFoundError(given[:64])
    observability.note(job_id=given)
    return given


JobId = Annotated[str, Depends(job_id)]


@dataclass(frozen=True, slots=True)
class JobDoor(MemoryDoor):
    """The door of what takes longer than a request."""

    def refresh(self, caller: Caller, body: MemoryRefresh, key: str | None) -> JSONResponse:
        """Answer `POST /memory/refresh`."""
        scope = self.scope(caller, body.user_id)
        request = self.request(scope, "POST /memory/refresh", key, body.canonical())
        job, replayed = self.container.jobs.refresh(scope, body.memory_ids or (), request, caller.actor)
        observability.note(job_id=job.job_id)
        answer = {**JobView.fields_of(job), "warnings": body.warnings(), "request_id": observability.request_id()}
        return json_answer(answer, HTTPStatus.ACCEPTED, _replay(replayed=replayed))

    def refreshed(self, caller: Caller, job_id: str) -> JSONResponse:
        """Answer `GET /memory/refresh/{job_id}`."""
        job = self.container.jobs.state(self.scope(caller, None), job_id)
        return json_answer({**JobView.fields_of(job), "request_id": observability.request_id()}, HTTPStatus.OK)

    def rotate(self, caller: Caller, body: KeyRotation, key: str | None) -> JSONResponse:
        """Answer `POST /org/encryption/rotate`."""
        request = None
        if key is not None:
            tenant = self.container.macs.of(caller.tenant_id)
            record_id = tenant.mac("request", "", "org", "POST /org/encryption/rotate", key)
            request = Request(record_id, tenant.mac("body", body.canonical()))
        job, replayed = self.container.rotation.rotate(caller.tenant_id, body.retire_after(), request, caller.actor)
        observability.note(job_id=job.job_id)
        answer = {**JobView.fields_of(job), "key_version": job.key_version, "warnings": body.warnings()}
        return json_answer({**answer, "request_id": observability.request_id()}, HTTPStatus.ACCEPTED, _replay(replayed=replayed))

    def encryption(self, caller: Caller) -> JSONResponse:
        """Answer `GET /org/encryption`."""
        found = self.container.rotation.state(caller.tenant_id)
        now = self.container.clock.now()
        answer = {
            "versions": [KeyView.fields_of(each, now) for each in reversed(found.versions)],
            "job": JobView.fields_of(found.job) if found.job else None,
            "request_id": observability.request_id(),
        }
        return json_answer(answer, HTTPStatus.OK)


def _replay(*, replayed: bool) -> dict[str, str]:
    return {"Idempotent-Replay": "true"} if replayed else {}


async def _door() -> JobDoor:
    return JobDoor(bootstrap.container())


Work = Annotated[JobDoor, Depends(_door)]
