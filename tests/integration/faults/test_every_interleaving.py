"""Whatever others do between any two calls of a function, it ends as if one had come after the other.

While a function works, between each of its calls and the next somebody else forgets, adds or projects, from beginning to
end. Both orders of doing them one after the other are known; one of the two must be the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from backend.memories.model import Said, State
from tests.integration.faults.deployment import Deployment
from tests.integration.faults.pictures import FakeIndexes, picture, projected
from tests.integration.faults.test_every_crash_point import JOBS, Job, prepared
from tests.unit.memories.samples import ACME, SAID, keyed

INDEXES = FakeIndexes()
Other = Callable[[Deployment], object]


def forget_one(deployment: Deployment) -> None:
    live = [row for row in deployment.rows() if row.scope_key == ACME.home and row.state is State.ACTIVE]
    for row in live[:1]:
        deployment.container.memories.forget(ACME, row.memory_id)


def add_the_same(deployment: Deployment) -> None:
    deployment.container.memories.add(ACME, SAID, keyed(9))


def add_the_same_for_a_day(deployment: Deployment) -> None:
    deployment.container.memories.add(ACME, replace(SAID, ttl_minutes=1440), keyed(9))


def add_another(deployment: Deployment) -> None:
    deployment.container.memories.add(ACME, Said("Something else."))


def project_all(deployment: Deployment) -> None:
    deployment.project(deployment.stream)


OTHERS: dict[str, Other] = {
    "forget": forget_one,
    "add": add_the_same,
    "add for a day": add_the_same_for_a_day,
    "add another": add_another,
    "project": project_all,
    "repair": Deployment.repair,
    "rebuild": lambda deployment: deployment.container.projection.rebuild(),
}
# Of two forgets of one memory the second is told that there is none, whoever comes first.
PAIRS = [
    pytest.param(job, other, id=f"{job.name}, {name}")
    for job in JOBS
    for name, other in OTHERS.items()
    if not (name == "forget" and job.name in {"a forget", "a keyed forget"})
]


def end(deployment: Deployment) -> dict[str, list[str]]:
    deployment.quiet()
    return picture(deployment, repeated_evidence=True)


def one_after_the_other(job: Job, other: Other, *, job_first: bool) -> dict[str, list[str]]:
    deployment = prepared(job, INDEXES)
    deployment.clock.advance(seconds=1)
    for work in (job.work, other) if job_first else (other, job.work):
        work(deployment)
    return end(deployment)


@pytest.mark.parametrize(("job", "other"), PAIRS)
def test_what_others_do_between_two_calls_comes_before_or_after(job: Job, other: Other) -> None:
    orders = [one_after_the_other(job, other, job_first=first) for first in (True, False)]
    wrong = []
    for call in range(len(job.calls)):
        deployment = prepared(job, INDEXES)
        deployment.clock.advance(seconds=1)
        deployment.gate.meanwhile[call] = lambda here=deployment: other(here)  # type: ignore[misc] # its default is its value

        job.work(deployment)

        assert deployment.gate.meanwhile == {}
        shown = end(deployment)
        if shown not in orders or INDEXES.contents(deployment.index) != projected(INDEXES, deployment.rows()):
            wrong.append((call, job.calls[call]))
    assert wrong == []
