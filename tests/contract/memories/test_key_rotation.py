"""A new data key seals everything again, once, whatever fails in between, and nothing is lost by it."""

from __future__ import annotations

from typing import Any

import pytest

from backend.audit.model import Action
from backend.encryption.sealing import version_of
from backend.kit.clock import FakeClock
from backend.kit.errors import DependencyUnavailableError
from lifecycle.run_jobs import handler as run_jobs
from tests.contract.memories.encryption_world import (
    ROTATE,
    TEXTS,
    WALK,
    added,
    encryption,
    entries,
    read,
    rotated,
    sealed_under,
    work_off,
)
from tests.contract.tree.served_world import Served
from tests.support.events import FakeLambdaContext


def test_a_rotation_seals_everything_again_under_the_new_key(served: Served, clock: FakeClock, owner: str) -> None:
    ids = added(served, *TEXTS)
    changed = served.call("PATCH", f"/memory/{ids[0]}", {"tags": ["music"]}, route="PATCH /memory/{id}")
    assert changed.status == 200, changed.body
    before = [read(served, each) for each in ids]

    answer = rotated(served, owner, retire_after_days=1)

    assert (answer.status, answer.json()["key_version"], answer.json()["status"]) == (202, 2, "queued")
    assert [read(served, each).json()["text"] for each in ids] == list(TEXTS)
    assert set(sealed_under(served).values()) == {1}
    clock.advance(**WALK)
    work_off(clock)
    found = sealed_under(served)
    assert len(found) == len(TEXTS) + 1
    assert set(found.values()) == {2}
    clock.advance(days=2)
    after = [read(served, each) for each in ids]
    for one, other in zip(before, after, strict=True):
        assert {**other.json(), "request_id": ""} == {**one.json(), "request_id": ""}
        assert other.headers["etag"] == one.headers["etag"]
    history = served.call("GET", f"/memory/{ids[0]}/history", route="GET /memory/{id}/history")
    assert [each["revision"] for each in history.json()["items"]] == [2, 1]


def test_an_operator_sees_versions_and_the_job_and_never_a_key(served: Served, clock: FakeClock, owner: str) -> None:
    assert (encryption(served, owner)["versions"], encryption(served, owner)["job"]) == ([], None)
    added(served, *TEXTS)
    job_id = rotated(served, owner, retire_after_days=1).json()["job_id"]

    shown = encryption(served, owner)

    assert [(each["version"], each["state"]) for each in shown["versions"]] == [(2, "active"), (1, "retired")]
    assert shown["versions"][1]["expires_at"] == "2026-01-06T09:00:00.000Z"
    assert shown["job"]["job_id"] == job_id
    assert not {"wrapped", "key", "plain"} & set(shown["versions"][0])
    clock.advance(**WALK)
    work_off(clock)
    assert encryption(served, owner)["job"] is None
    clock.advance(days=1)
    assert [each["state"] for each in encryption(served, owner)["versions"]] == ["active", "expired"]


def test_one_rotation_is_at_work_at_a_time_and_the_second_caller_learns_which(
    served: Served, clock: FakeClock, owner: str
) -> None:
    first = rotated(served, owner)

    second = rotated(served, owner)

    assert (second.status, second.json()["code"], second.json()["job_id"]) == (409, "job-already-running", first.json()["job_id"])
    assert len(encryption(served, owner)["versions"]) == 1
    clock.advance(**WALK)
    work_off(clock)
    assert rotated(served, owner).json()["key_version"] == 2


def test_no_version_expires_while_a_process_may_still_seal_under_it(served: Served, clock: FakeClock, owner: str) -> None:
    ids = added(served, *TEXTS)
    rotated(served, owner, retire_after_days=0)

    assert encryption(served, owner)["versions"][1]["expires_at"] == "2026-01-05T09:10:00.000Z"
    clock.advance(**WALK)
    work_off(clock)
    clock.advance(days=1)
    assert [read(served, each).json()["text"] for each in ids] == list(TEXTS)


def test_a_rotation_sent_twice_under_one_key_is_done_once(served: Served, owner: str) -> None:
    named = {"x-end-user-id": "", "idempotency-key": "rotate-1"}
    first, again = (served.call("POST", ROTATE, {}, key=owner, headers=named) for _ in range(2))

    assert (first.status, again.status) == (202, 202)
    assert (again.json()["job_id"], again.json()["key_version"]) == (first.json()["job_id"], first.json()["key_version"])
    assert again.headers["idempotent-replay"] == "true"
    assert len(encryption(served, owner)["versions"]) == 1


def test_a_rotation_is_in_the_audit_log(served: Served, clock: FakeClock, owner: str) -> None:
    answer = rotated(served, owner, retire_after_days=30)

    (entry,) = entries(served, clock, Action.DATA_KEY_ROTATED)

    assert (entry.target, entry.actor.partition(":")[0]) == ("tenant:acme", "key")
    assert entry.details == {"key_version": 1, "job_id": answer.json()["job_id"], "retire_after_days": 30}


@pytest.mark.parametrize("body", [{"retire_after_days": -1}, {"retire_after_days": 366}, {"retire_after_days": "soon"}])
def test_a_rotation_that_cannot_be_meant_is_refused(served: Served, owner: str, body: dict[str, Any]) -> None:
    answer = rotated(served, owner, **body)

    assert (answer.status, answer.json()["errors"][0]["pointer"]) == (422, "/retire_after_days")
    assert encryption(served, owner)["versions"] == []


def test_a_rotation_needs_the_scope_of_the_organisation(served: Served) -> None:
    for method, path in (("POST", ROTATE), ("GET", "/org/encryption")):
        refused = served.call(method, path, {} if method == "POST" else None)
        assert (refused.status, refused.json()["code"], refused.json()["required_scope"]) == (403, "scope-denied", "org:*")


def test_a_rotation_touches_no_other_tenant(served: Served, clock: FakeClock, owner: str) -> None:
    added(served, *TEXTS)
    theirs = served.call("POST", "/memory/add", {"text": TEXTS[0], "infer": False}, key=served.compat_key)
    assert theirs.status == 201
    place = (f"M#oldco#{theirs.json()['id']}", "ROW")
    before = served.container.memories_table.get(*place)
    assert before is not None
    begun = rotated(served, owner)
    clock.advance(**WALK)
    work_off(clock)

    found = sealed_under(served)

    assert served.container.memories_table.get(*place) == before
    job = served.container.job_store.get("acme", begun.json()["job_id"])
    assert job is not None
    assert (job.counts.changed, job.counts.seen) == (len(TEXTS), len(TEXTS))
    assert {version for place, version in found.items() if place.startswith("M#acme#")} == {2}


def test_a_rotation_that_failed_half_way_is_completed_by_the_next_request(served: Served, clock: FakeClock, owner: str) -> None:
    added(served, *TEXTS)
    sealer = served.container.sealer
    service = sealer._service

    class Down:
        def generate(self, tenant_id: str) -> tuple[bytes, bytes]:
            raise DependencyUnavailableError(tenant_id)

    sealer._service = Down()  # type: ignore[assignment]  # nothing else is asked of it
    assert rotated(served, owner).json()["code"] == "dependency-unavailable"
    assert [each["version"] for each in encryption(served, owner)["versions"]] == [1]
    sealer._service = service
    clock.advance(minutes=5)

    answer = rotated(served, owner)

    assert (answer.status, answer.json()["key_version"]) == (202, 2)
    clock.advance(minutes=2)
    work_off(clock)
    assert set(sealed_under(served).values()) == {1}, "other processes may not know of the new key yet"
    clock.advance(minutes=5)
    work_off(clock)
    assert set(sealed_under(served).values()) == {2}


def test_a_rotation_that_nobody_completed_ends_as_failed(served: Served, clock: FakeClock, owner: str) -> None:
    added(served, *TEXTS)
    sealer = served.container.sealer

    class Down:
        def generate(self, tenant_id: str) -> tuple[bytes, bytes]:
            raise DependencyUnavailableError(tenant_id)

    service, sealer._service = sealer._service, Down()  # type: ignore[assignment]  # nothing else is asked of it
    assert rotated(served, owner).status == 503
    sealer._service = service
    for _ in range(6):
        clock.advance(**WALK)
        run_jobs({}, FakeLambdaContext(remaining=90))

    assert encryption(served, owner)["job"] is None
    assert set(sealed_under(served).values()) == {1}
    assert rotated(served, owner).json()["key_version"] == 2


def test_what_is_written_while_everything_is_sealed_again_stays_as_written(served: Served, clock: FakeClock, owner: str) -> None:
    ids = added(served, *TEXTS)
    rotated(served, owner)
    clock.advance(**WALK)
    reencrypting = served.container.reencrypting
    sealed = reencrypting._sealed
    reseal = sealed.reseal

    def change_first(item: Any, again: bytes) -> bool:
        text = {"text": f"Rewritten: {item.memory_id}."}
        changed = served.call("PUT", f"/memory/{item.memory_id}/text", text, route="PUT /memory/{id}/text")
        assert changed.status == 200
        return reseal(item, again)

    sealed.reseal = change_first  # type: ignore[assignment]  # somebody is quicker, every time
    work_off(clock)

    assert [read(served, each).json()["text"] for each in ids] == [f"Rewritten: {each}." for each in ids]
    assert {version for place, version in sealed_under(served).items() if place.endswith("ROW")} == {2}


def test_rows_that_the_first_release_left_in_the_clear_are_sealed_by_a_rotation(
    served: Served, clock: FakeClock, owner: str
) -> None:
    [memory_id] = added(served, TEXTS[0])
    table = served.container.memories_table
    item = table.get(f"M#acme#{memory_id}", "ROW")
    assert item is not None
    old = {name: value for name, value in item.items() if name != "sealed"}
    table.put({**old, "schema_version": 1, "text": TEXTS[0], "extracted_key": "k1:the cello", "metadata": "{}"})
    rotated(served, owner)
    clock.advance(**WALK)

    work_off(clock)

    item = table.get(f"M#acme#{memory_id}", "ROW")
    assert item is not None
    assert "text" not in item
    assert version_of(item["sealed"]) == 2
    assert read(served, memory_id).json()["text"] == TEXTS[0]
