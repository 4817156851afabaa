"""Whatever call of table, index, embedder or queue a function dies at, done again it ends as if nothing had happened.

The calls of an undisturbed run are counted; then the function dies just before and just after each of them, and is done
again as its caller would: a client sends the request again, a stream its batch, a schedule comes back in a minute.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from backend.index.fake import FakeIndex
from backend.index.model import IndexDocument, Tombstone
from backend.kit.errors import MemoryNotFoundError
from backend.memories.model import (
    Memory,
    Said,
    State,
)
from backend.memories.outcomes import (
    Request,
)
from backend.tenancy.scope import Scope
from tests.integration.faults.deployment import Deployment
from tests.integration.faults.pictures import EmbeddedIndexes, FakeIndexes, Indexes, picture, projected
from tests.support.faults import DiedError, Fault
from tests.unit.memories.samples import ACME, NEIGHBOUR, RIVAL, SAID, keyed

TWO_LINES = Said("The ferry leaves at nine.\nThe bakery closes on Mondays.")
FOR_AN_HOUR = replace(SAID, ttl_minutes=60)
UNSEEN = "Unseen."


@dataclass(frozen=True)
class Job:
    """One function's work: what is there before, and what it does; `calls` are those of an undisturbed run.

    `repeats_evidence`: without a key each attempt leaves evidence of its own.
    """

    name: str
    before: Callable[[Deployment], object]
    work: Callable[[Deployment], object]
    calls: tuple[str, ...]
    repeats_evidence: bool = False


def nothing(_: Deployment) -> None:
    """Begin with an empty deployment."""


def add(said: Said = SAID, request: Request | None = None, scope: Scope = ACME) -> Callable[[Deployment], Memory]:
    return lambda deployment: deployment.container.memories.add(scope, said, request).memories[-1]


def added_and_forgotten(deployment: Deployment) -> None:
    memory = add()(deployment)
    deployment.container.memories.forget(ACME, memory.memory_id)


def forget(request: Request | None = None) -> Callable[[Deployment], None]:
    def work(deployment: Deployment) -> None:
        memory = next(row for row in deployment.rows() if row.text == SAID.text)
        # Without a key an attempt that did it and died leaves nothing to forget for the next one.
        with suppress(*([] if request else [MemoryNotFoundError])):
            deployment.container.memories.forget(ACME, memory.memory_id, request)

    return work


def several_changes(deployment: Deployment) -> None:
    """Leave changes of every kind behind that no index has heard of, for two tenants."""
    add()(deployment)
    add(TWO_LINES)(deployment)
    gone = add(Said("To be forgotten."))(deployment)
    deployment.container.memories.forget(ACME, gone.memory_id)
    add(scope=NEIGHBOUR)(deployment)
    add(scope=RIVAL)(deployment)


def several_overdue(deployment: Deployment) -> None:
    several_changes(deployment)
    deployment.taken()
    deployment.clock.advance(seconds=61)


def several_without_vector(deployment: Deployment) -> None:
    deployment.embedder.down = True
    several_changes(deployment)
    deployment.embedder.down = False
    deployment.clock.advance(seconds=61)


def one_that_the_index_refuses(deployment: Deployment) -> None:
    assert isinstance(deployment.index, PickyIndex), "this job needs an index that refuses"
    add()(deployment)
    add(Said(UNSEEN))(deployment)


class PickyIndex(FakeIndex):
    """Cannot hold what is said in one text, for a reason of its own."""

    def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
        if any(isinstance(each, IndexDocument) and "unseen" in each.stems for each in changes):
            raise OverflowError
        super().write(tenant_id, changes)


def under_a_key(*calls: str) -> tuple[str, ...]:
    return ("PutItem", "embedder.embed", *calls, "UpdateItem")


JOBS = [
    Job("a keyed add", nothing, add(request=keyed()), under_a_key("TransactWriteItems")),
    Job(
        "a keyed add of two",
        nothing,
        add(TWO_LINES, keyed()),
        ("PutItem", "embedder.embed", "BatchGetItem", "TransactWriteItems", "UpdateItem"),
    ),
    Job(
        "a keyed add of three of which one is known",
        add(Said(TWO_LINES.text.splitlines()[1])),
        add(Said(f"{TWO_LINES.text}\nThe library opens at ten."), keyed()),
        under_a_key("BatchGetItem", *["TransactWriteItems"] * 2, "GetItem", "BatchWriteItem"),
    ),
    Job(
        "a keyed add of a known fact", add(), add(request=keyed()), under_a_key("TransactWriteItems", "GetItem", "BatchWriteItem")
    ),
    Job(
        "a keyed add that makes a known fact last",
        add(FOR_AN_HOUR),
        add(request=keyed()),
        under_a_key("TransactWriteItems", "GetItem", "TransactWriteItems", "BatchWriteItem"),
    ),
    Job(
        "a keyed add of a forgotten fact",
        added_and_forgotten,
        add(request=keyed()),
        under_a_key("TransactWriteItems", "GetItem", "TransactWriteItems"),
    ),
    Job("an add", nothing, add(), ("embedder.embed", "TransactWriteItems"), repeats_evidence=True),
    Job("a keyed forget", add(), forget(keyed()), ("PutItem", *["GetItem"] * 2, "TransactWriteItems", "UpdateItem")),
    Job("a forget", add(), forget(), ("GetItem", "GetItem", "TransactWriteItems")),
    Job(
        "the projector",
        several_changes,
        lambda deployment: deployment.project(deployment.stream),
        # Acme's five rows, then the rival's one: read, show, settle. What was counted of the forgotten one goes with it.
        (
            *("BatchGetItem", "index.write", "PutItem", "BatchExecuteStatement"),
            *("BatchGetItem", "index.write", "BatchExecuteStatement"),
        ),
    ),
    Job(
        "the sweep",
        several_overdue,
        Deployment.sweep,
        (
            *["Query"] * 4,
            *("BatchGetItem", "index.write", "PutItem", "BatchExecuteStatement"),
            *("BatchGetItem", "index.write", "BatchExecuteStatement"),
            *["Query"] * 4,
        ),
    ),
    Job(
        "the repair",
        several_without_vector,
        Deployment.repair,
        (*["Query"] * 4, *["BatchGetItem"] * 2, "embedder.embed", *["TransactWriteItems"] * 5, *["Query"] * 4),
    ),
]
PARKING = Job(
    "the projector, parking",
    one_that_the_index_refuses,
    lambda deployment: deployment.project(deployment.stream),
    ("BatchGetItem", *["index.write"] * 4, "parking.park", "UpdateItem", "BatchExecuteStatement"),
)
each_job = pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)


@pytest.fixture(params=["fake", "embedded"])
def indexes(request: pytest.FixtureRequest, tmp_path: Path) -> Indexes:
    return FakeIndexes() if request.param == "fake" else EmbeddedIndexes(tmp_path)


def prepared(job: Job, indexes: Indexes) -> Deployment:
    deployment = Deployment(indexes.new())
    job.before(deployment)
    deployment.gate.expect({})
    return deployment


def undisturbed(job: Job, indexes: Indexes) -> tuple[Deployment, tuple[str, ...]]:
    """Return how it ends when nothing goes wrong, and the calls that the work made."""
    deployment = prepared(job, indexes)
    job.work(deployment)
    calls = tuple(deployment.gate.calls)
    deployment.quiet()
    return deployment, calls


def points(calls: Sequence[str]) -> list[tuple[int, Fault]]:
    return [(call, fault) for call in range(len(calls)) for fault in (Fault.DIED_BEFORE, Fault.DIED_AFTER)]


def died_at(job: Job, indexes: Indexes, call: int, fault: Fault) -> Deployment:
    """Return a deployment in which the work died there."""
    deployment = prepared(job, indexes)
    deployment.gate.expect({call: fault})
    with suppress(DiedError):
        job.work(deployment)
    # A call that the service refuses has no answer to die after.
    assert deployment.gate.struck == 1
    deployment.gate.expect({})
    return deployment


def differences(job: Job, indexes: Indexes, deployment: Deployment, healthy: Deployment) -> list[str]:
    """Return in what a run that is over differs from one that nothing disturbed."""
    repeats = job.repeats_evidence
    found = []
    if picture(deployment, repeated_evidence=repeats) != picture(healthy, repeated_evidence=repeats):
        found.append("the tables")
    if indexes.contents(deployment.index) != projected(indexes, deployment.rows()):
        found.append("the index and the rows")
    if deployment.container.memory_store.overdue(deployment.clock.now(), 9):
        found.append("markers that stayed")
    live = [(row.scope_key, row.text) for row in deployment.rows() if row.state is State.ACTIVE]
    if len(live) != len(set(live)):
        found.append("a fact that is there twice")
    return found


@each_job
def test_the_calls_of_a_job_are_those_that_it_dies_at_here(job: Job) -> None:
    healthy, calls = undisturbed(job, FakeIndexes())

    assert calls == job.calls
    assert differences(job, FakeIndexes(), healthy, healthy) == []


@each_job
def test_a_job_that_dies_at_any_call_and_is_done_again_ends_as_if_nothing_had_happened(job: Job, indexes: Indexes) -> None:
    healthy, calls = undisturbed(job, indexes)
    wrong = {}
    for call, fault in points(calls):
        deployment = died_at(job, indexes, call, fault)
        # A claim counts as died after thirty seconds.
        deployment.clock.advance(seconds=30)
        job.work(deployment)
        deployment.quiet()
        wrong[call, calls[call], fault.name] = differences(job, indexes, deployment, healthy)

    assert len(wrong) == 2 * len(job.calls)
    assert {point: found for point, found in wrong.items() if found} == {}


@pytest.mark.parametrize("name", ["the projector", "the sweep", "the repair"])
def test_a_task_that_dies_and_is_never_repeated_is_made_good_by_the_schedules(name: str) -> None:
    [job] = [each for each in JOBS if each.name == name]
    indexes = FakeIndexes()
    healthy, calls = undisturbed(job, indexes)
    wrong = {}
    for call, fault in points(calls):
        deployment = died_at(job, indexes, call, fault)
        deployment.quiet()
        wrong[call, calls[call], fault.name] = differences(job, indexes, deployment, healthy)

    assert {point: found for point, found in wrong.items() if found} == {}


def test_a_projector_that_dies_while_it_parks_a_row_parks_it_at_least_once_and_shows_the_others() -> None:
    healthy = Deployment(PickyIndex())
    PARKING.before(healthy)
    healthy.gate.expect({})
    PARKING.work(healthy)
    assert tuple(healthy.gate.calls) == PARKING.calls
    assert len(healthy.parked) == 1
    for call, fault in points(PARKING.calls):
        deployment = Deployment(PickyIndex())
        PARKING.before(deployment)
        deployment.gate.expect({call: fault})
        with suppress(DiedError):
            PARKING.work(deployment)
        deployment.gate.expect({})

        PARKING.work(deployment)
        deployment.quiet()

        assert set(deployment.parked) == set(healthy.parked)
        assert len(deployment.parked) <= 2
        assert FakeIndexes().contents(deployment.index) == FakeIndexes().contents(healthy.index)
        # Queries still read it from its marker, and no sweep tries it again.
        [marker] = [item for item in deployment.items() if item["pk"].startswith("P#")]
        assert "due_pk" not in marker
