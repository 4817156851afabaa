"""Jobs, in the memories table.

| item | pk | sk | holds |
|---|---|---|---|
| job | `J#tenant` | job id | the job; while it is open it stands in the index `due`: `JOB#shard` / moment#tenant#job id |
| open job | `J#tenant` | `OPEN#kind#target` | the id of the one job of its kind and target that is not finished |
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from backend.jobs.model import Counts, Job, JobState, Kind
from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.kit.dynamodb import (
    ConditionFailedError,
    Delete,
    Item,
    Put,
    Table,
    TransactionCanceledError,
    attribute,
    transact,
)
from backend.kit.errors import ConflictError, JobAlreadyRunningError
from backend.kit.ids import Ids
from backend.kit.schema_versions import known
from backend.memories import items
from backend.tenancy.scope import Environment, Scope

SCHEMA_VERSION = 1
DUE = "JOB"

# Nobody stored this before.
IS_NEW = attribute("pk").does_not_exist()


def is_version(version: int) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while nobody else took the job on."""
    return attribute("version") == version


def is_of(job_id: str) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while this job is the open one."""
    return attribute("job_id") == job_id


class DynamoJobStore:
    """`JobStore` on the memories table."""

    def __init__(self, table: Table, ids: Ids) -> None:
        self._table = table
        self._ids = ids

    def begin(self, job: Job) -> Job:
        """Store a new job, and that it is the open one."""
        mark = {"pk": _pk(job.tenant_id), "sk": _open_sk(job.kind, job.target), "job_id": job.job_id}
        writes = [Put(self._table, _item(job), IS_NEW), Put(self._table, mark, IS_NEW)]
        try:
            transact(self._table.seam, writes, token=self._ids.new("t"))
        except TransactionCanceledError as error:
            stored, taken = error.reasons
            if stored and stored.item:
                return _job(stored.item)
            if taken and taken.item:
                raise JobAlreadyRunningError(taken.item["job_id"]) from error
            msg = "The jobs were changed at the same moment; try again."
            raise ConflictError(msg) from error
        return job

    def get(self, tenant_id: str, job_id: str) -> Job | None:
        """Return the job."""
        item = self._table.get(_pk(tenant_id), job_id)
        return _job(item) if item else None

    def open_job(self, tenant_id: str, kind: Kind, target: str) -> Job | None:
        """Return the open job."""
        mark = self._table.get(_pk(tenant_id), _open_sk(kind, target))
        return self.get(tenant_id, mark["job_id"]) if mark else None

    def save(self, job: Job) -> bool:
        """Store the next version; a finished job is the open one no more."""
        put = Put(self._table, _item(job), is_version(job.version - 1))
        if job.is_open:
            try:
                self._table.put(put.item, put.condition)
            except ConditionFailedError as refused:
                return _is_this(refused.item, job)
            return True
        mark = Delete(self._table, (_pk(job.tenant_id), _open_sk(job.kind, job.target)), is_of(job.job_id) | IS_NEW)
        try:
            transact(self._table.seam, [put, mark], token=self._ids.new("t"))
        except TransactionCanceledError as error:
            there = error.reasons[0]
            return _is_this(there.item if there else None, job)
        return True

    def due(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return jobs that may be taken."""
        found: list[str] = []
        for shard in range(items.DUE_SHARDS):
            where = attribute("due_sk") < to_rfc3339(before)
            found += [each["due_sk"] for each in self._table.first(items.due_pk(DUE, shard), limit, index="due", where=where)]
        return [items.due_target(each) for each in sorted(found)[:limit]]


def _pk(tenant_id: str) -> str:
    return f"J#{tenant_id}"


def _open_sk(kind: Kind, target: str) -> str:
    return f"OPEN#{kind.value}#{target}"


def _is_this(found: Item | None, job: Job) -> bool:
    """Tell whether it is this very version: the write was taken, its answer was lost, and the seam sent it again."""
    return bool(found) and _job(found or {}) == _job(_item(job))


def _item(job: Job) -> Item:
    item: Item = {
        "pk": _pk(job.tenant_id),
        "sk": job.job_id,
        "schema_version": SCHEMA_VERSION,
        "tenant_id": job.tenant_id,
        "kind": job.kind.value,
        "target": job.target,
        "requested_by": job.requested_by,
        "state": job.state.value,
        "memory_ids": list(job.memory_ids),
        "key_version": job.key_version,
        "cursor": dict(job.cursor) if job.cursor is not None else None,
        "counts": asdict(job.counts),
        "failures": job.failures,
        "reason": job.reason,
        "holder": job.holder,
        "version": job.version,
    }
    item.update({name: to_rfc3339(moment) for name in _MOMENTS if (moment := getattr(job, name))})
    if job.scope:
        scope = job.scope
        item["scope"] = {
            "project_id": scope.project_id,
            "environment": scope.environment.value,
            "end_user_id": scope.end_user_id,
            "keys": list(scope.keys),
        }
    if job.is_open and job.due_at:
        item.update(items.due(DUE, job.job_id, job.tenant_id, job.due_at))
    return item


_MOMENTS = ("created_at", "updated_at", "started_at", "finished_at", "due_at")


def _job(item: Item) -> Job:
    """Return the job. Raises `NewerReleaseError`."""
    known(item, SCHEMA_VERSION)
    moments: dict[str, Any] = {name: from_rfc3339(item[name]) for name in _MOMENTS if item.get(name)}
    return Job(
        job_id=item["sk"],
        tenant_id=item["tenant_id"],
        kind=Kind(item["kind"]),
        target=item["target"],
        requested_by=item["requested_by"],
        state=JobState(item["state"]),
        scope=_scope(item["tenant_id"], item.get("scope")),
        memory_ids=tuple(item["memory_ids"]),
        key_version=item.get("key_version"),
        cursor=item.get("cursor"),
        counts=Counts(**item["counts"]),
        failures=item["failures"],
        reason=item.get("reason"),
        holder=item.get("holder"),
        version=item["version"],
        **{"due_at": None} | moments,
    )


def _scope(tenant_id: str, fields: Item | None) -> Scope | None:
    if fields is None:
        return None
    environment = Environment(fields["environment"])
    return Scope(tenant_id, fields.get("project_id"), environment, fields["end_user_id"], tuple(fields["keys"]))
