"""Where jobs are kept: the fake and DynamoDB keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backend.jobs.fake import FakeJobStore
from backend.jobs.model import LEASE, PAUSE, Counts, Job, JobState, Kind, Step
from backend.jobs.ports import JobStore
from backend.jobs.store import DynamoJobStore
from backend.kit.clock import FakeClock
from backend.kit.errors import JobAlreadyRunningError
from backend.kit.ids import UlidIds
from backend.tenancy.scope import Environment, user_scope
from tests.support.tables import aws, engine, template_table

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SCOPE = user_scope("acme", "support", Environment.LIVE, "u1", also_projects=(None,))


@pytest.fixture(params=["fake", engine()])
def store(request: pytest.FixtureRequest) -> Iterator[JobStore]:
    if request.param == "fake":
        yield FakeJobStore()
        return
    with aws():
        yield DynamoJobStore(template_table("MemoriesTable"), UlidIds(FakeClock()))


def job(number: int = 1, **changes: Any) -> Job:
    fields: dict[str, Any] = {
        "job_id": f"job_{number:026d}",
        "tenant_id": "acme",
        "kind": Kind.REFRESH,
        "target": "t1",
        "requested_by": "key:1",
        "created_at": NOW,
        "updated_at": NOW,
        "due_at": NOW,
    }
    return Job(**{**fields, **changes})


def test_a_job_is_read_as_it_was_stored(store: JobStore) -> None:
    each = job(scope=SCOPE, memory_ids=("mem_1", "mem_2"), cursor={"at": "20"}, counts=Counts(1, 2, 3), key_version=4, reason="x")

    assert store.begin(each) == each

    assert store.get("acme", each.job_id) == each
    assert store.get("rival", each.job_id) is None
    assert store.get("acme", "job_none") is None


def test_a_job_that_is_begun_again_is_the_one_that_is_there(store: JobStore) -> None:
    store.begin(job())
    taken = job().taken(NOW, "one")
    assert store.save(taken)

    assert store.begin(job()) == taken


def test_of_one_kind_and_target_one_job_is_open_at_a_time(store: JobStore) -> None:
    first = store.begin(job())

    with pytest.raises(JobAlreadyRunningError) as refused:
        store.begin(job(2))

    assert refused.value.facts == {"job_id": first.job_id}
    assert store.get("acme", job(2).job_id) is None
    assert store.open_job("acme", Kind.REFRESH, "t1") == first
    for other in (job(3, target="t2"), job(4, kind=Kind.REENCRYPT), job(5, tenant_id="rival")):
        assert store.begin(other) == other


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED])
def test_a_finished_job_makes_room_and_stays_to_be_asked_for(store: JobStore, state: JobState) -> None:
    store.begin(job(scope=SCOPE))
    ended = job(scope=SCOPE).ended(state, NOW + PAUSE, "Reason")

    assert store.save(ended)

    assert store.get("acme", ended.job_id) == ended
    assert store.open_job("acme", Kind.REFRESH, "t1") is None
    assert store.due(NOW + timedelta(days=1), 10) == []
    assert store.begin(job(2)).job_id == job(2).job_id


def test_of_two_workers_one_gets_the_job(store: JobStore) -> None:
    each = store.begin(job())

    first, second = each.taken(NOW, "one"), each.taken(NOW, "other")

    assert store.save(first)
    assert not store.save(second)
    assert store.get("acme", each.job_id) == first


def test_a_write_whose_answer_was_lost_counts_when_it_is_sent_again(store: JobStore) -> None:
    each = store.begin(job())
    taken, ended = each.taken(NOW, "one"), each.taken(NOW, "one").ended(JobState.SUCCEEDED, NOW)

    assert [store.save(taken), store.save(taken)] == [True, True]
    assert [store.save(ended), store.save(ended)] == [True, True]


def test_a_worker_that_lost_a_job_cannot_finish_it(store: JobStore) -> None:
    each = store.begin(job())
    slow = each.taken(NOW, "one")
    store.save(slow)
    quick = slow.taken(NOW + LEASE, "one")
    assert store.save(quick)

    assert not store.save(slow.advanced(Step(Counts(changed=1), None), NOW + LEASE))
    assert store.get("acme", each.job_id) == quick
    assert store.open_job("acme", Kind.REFRESH, "t1") == quick


def test_due_is_what_nobody_has_the_longest_waiting_first(store: JobStore) -> None:
    waiting = store.begin(job(1, target="a", due_at=NOW - PAUSE))
    longer = store.begin(job(2, target="b", tenant_id="rival", due_at=NOW - 2 * PAUSE))
    leased = store.begin(job(3, target="c", due_at=NOW - 3 * PAUSE))
    store.save(leased.taken(NOW, "one"))
    store.begin(job(4, target="d", due_at=NOW + PAUSE))

    assert store.due(NOW, 10) == [("rival", longer.job_id), ("acme", waiting.job_id)]
    assert store.due(NOW, 1) == [("rival", longer.job_id)]
    assert ("acme", leased.job_id) in store.due(NOW + LEASE + PAUSE, 10)


def test_a_finished_job_says_nothing_more_of_whose_it_was(store: JobStore) -> None:
    store.begin(job(scope=SCOPE, memory_ids=("mem_1",), cursor={"before": "x"}))
    store.save(job(scope=SCOPE, memory_ids=("mem_1",), cursor={"before": "x"}).ended(JobState.SUCCEEDED, NOW))

    done = store.get("acme", job().job_id)

    assert done is not None
    assert (done.scope, done.memory_ids, done.cursor) == (None, (), None)
