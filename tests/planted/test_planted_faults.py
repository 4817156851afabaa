"""One fault planted for each kind of gate: where nothing is planted the gate is content, and with it it is not.

Each is planted where it would be made: into the rendered template, the handlers' store, the seam, the code that writes the
index, a layer. What else each gate finds is tested beside it.
"""

from __future__ import annotations

import logging
import platform
import re
import sys
import zipfile
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from backend.kit import observability
from backend.kit.dynamodb import Seam
from backend.kit.dynamodb.seam import BATCHES
from backend.memories.listing import Page
from backend.tenancy.scope import Scope
from infrastructure.gates import permissions, semgrep, variants
from infrastructure.packages import inspection
from infrastructure.template import TEMPLATE
from tests.integration.faults import deployment as fault_deployment
from tests.integration.faults.pictures import FakeIndexes
from tests.integration.faults.test_every_crash_point import JOBS, Job, differences, prepared, undisturbed
from tests.integration.faults.test_histories import Memories
from tests.isolation.callers import Caller, Kind
from tests.isolation.cells import Cell
from tests.isolation.in_process import InProcess, in_process
from tests.isolation.matrix import Matrix
from tests.isolation.oracle import Shape
from tests.isolation.owners import PROJECTS, STRICT, USERS, Owner, State
from tests.isolation.world import World
from tests.support.faults import Fault
from tests.support.logs import log_lines

HOME, NEIGHBOUR = (Owner(STRICT, PROJECTS[0], user) for user in USERS)
one_world = pytest.mark.xdist_group("planted-canary")
ME = Caller(Kind.KEY, HOME.tenant, PROJECTS[0], HOME.user)


# A wildcard action


def test_a_wildcard_action_in_a_policy_of_the_template_is_what_the_gate_finds_more(monkeypatch: pytest.MonkeyPatch) -> None:
    # One variant is enough, and quicker: what only others need stands in both findings as needed no more.
    honest = {"own-domain": variants.templates()["own-domain"]}
    monkeypatch.setattr(variants, "templates", lambda: honest)
    before = set(permissions.gate())

    planted = deepcopy(honest)
    policy = planted["own-domain"]["Resources"]["AddsMemories"]["Properties"]["PolicyDocument"]
    policy["Statement"][0]["Action"] = ["dynamodb:*"]
    monkeypatch.setattr(variants, "templates", lambda: planted)

    assert {(each.check, each.place) for each in set(permissions.gate()) - before} >= {
        ("WILDCARD_ACTION", "AddsMemories dynamodb:*")
    }
    assert "WILDCARD_ACTION" not in {each.check for each in before}


# A leaked canary


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with in_process(tmp_path_factory.mktemp("planted")) as door:
        world = World(door)
        world.sign_up()
        world.move_in([HOME, NEIGHBOUR])
        yield world


def listing(world: World) -> Cell:
    return Cell(world.operation(Shape.LIST), ME, HOME, State.INDEXED)


@one_world
def test_a_list_that_shows_a_row_of_the_neighbours_stops_the_matrix(neighbours: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Matrix(neighbours).walk([listing(neighbours)]).count == {"own": 1}

    assert isinstance(neighbours.door, InProcess)
    store = neighbours.door.container.memory_store
    honest = store.page

    def leaking(scope: Scope, **asked: Any) -> Page:
        """Read the neighbours' list too, as a key without the end user would."""
        return honest(replace(scope, keys=(*scope.keys, NEIGHBOUR.scope_key)), **asked)

    monkeypatch.setattr(store, "page", leaking)
    canary = neighbours.rows[NEIGHBOUR][State.INDEXED].canary("text")

    with pytest.raises(AssertionError, match=rf"the answer 200 holds .*the word {canary} of {re.escape(NEIGHBOUR.name)}"):
        Matrix(neighbours).walk([listing(neighbours)])


@one_world
def test_a_log_line_with_a_word_of_a_memory_is_found_after_the_walk(neighbours: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(neighbours.door, InProcess)
    store = neighbours.door.container.memory_store
    honest = store.page

    def talking(scope: Scope, **asked: Any) -> Page:
        page = honest(scope, **asked)
        observability.note(said=page.memories[0].text)
        return page

    monkeypatch.setattr(store, "page", talking)
    matrix = Matrix(neighbours)
    with log_lines() as lines:
        matrix.walk([listing(neighbours)])

    with pytest.raises(AssertionError, match="The log holds the word"):
        matrix.read_log(lines)


# A lost leftover


class LosingSeam(Seam):
    """Answers as if the service had taken every batch whole."""

    def _batch(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        return {**self._retried(operation, arguments), BATCHES[operation][1]: {}}


@pytest.fixture
def quiet() -> Iterator[None]:
    logger = observability.logger()
    level = logger.log_level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)


def left_over(job: Job, call: int) -> list[str]:
    """Return in what a run differs in which half of one batch, or all of a batch of one, was not taken at first."""
    indexes = FakeIndexes()
    healthy, _ = undisturbed(job, indexes)
    deployment = prepared(job, indexes)
    deployment.gate.expect({call: Fault.LEFT_OVER})
    job.work(deployment)
    assert deployment.gate.struck == 1
    deployment.quiet()
    return differences(job, indexes, deployment, healthy)


WRITES = [(job, job.calls.index("BatchWriteItem")) for job in JOBS if "BatchWriteItem" in job.calls]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(("job", "call"), WRITES, ids=[job.name for job, _ in WRITES])
def test_a_piece_of_evidence_that_is_left_over_and_dropped_is_seen_in_the_tables(
    job: Job, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert left_over(job, call) == []

    monkeypatch.setattr(fault_deployment, "Seam", LosingSeam)

    assert left_over(job, call) == ["the tables"]


@pytest.mark.usefixtures("quiet")
def test_a_history_with_leftovers_that_are_dropped_ends_otherwise_than_its_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fault_deployment, "Seam", LosingSeam)
    # The first that fails is enough, as it is: nobody is going to mend it.
    some = settings(
        max_examples=60,
        stateful_step_count=50,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Memories, settings=some)


# An unversioned index write


def test_the_index_writer_without_its_versions_is_found(tmp_path: Path) -> None:
    place = Path("shared", "backend", "index", "opensearch_writer.py")
    honest = (TEMPLATE.parent / place).read_text()
    planted = re.sub(r'^ +"version(_type)?":.*\n', "", honest, flags=re.MULTILINE)
    assert honest.count("\n") - planted.count("\n") == 2
    for folder, source in (("honest", honest), ("planted", planted)):
        file = tmp_path / folder / place
        file.parent.mkdir(parents=True)
        file.write_text(source)

    found = semgrep.findings(tmp_path, ["honest", "planted"])

    assert [(each.check, each.place.partition("/")[0]) for each in found] == [("index-writes-are-versioned", "planted")]


# A host binary in the layer


def test_a_shared_object_of_this_machine_in_a_layer_for_another_is_refused(tmp_path: Path) -> None:
    mine = {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    other = {"x86_64": "arm64", "arm64": "x86_64"}[mine]
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    binary = Path(str(apsw.__file__))
    layer = tmp_path / "Dependencies.zip"
    with zipfile.ZipFile(layer, "w") as zipped:
        # Under another name: this one is of the local stack alone, and would be refused for that.
        zipped.write(binary, f"python/numbers/{binary.name}")

    assert inspection.faults(layer, mine, python) == []
    refused = inspection.faults(layer, other, python)

    assert f"python/numbers/{binary.name} is for {mine}, not for {other}." in refused
