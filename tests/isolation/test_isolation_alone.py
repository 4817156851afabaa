"""Whether a caller's answers are made of anything but their own memories: asked alone, and again among neighbours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from backend.memories.model import NEWEST_PENDING
from tests.isolation.callers import Caller, Kind
from tests.isolation.document import Call, call
from tests.isolation.in_process import InProcess, in_process
from tests.isolation.oracle import Shape, chain
from tests.isolation.owners import CORNERS, OWNERS, PROJECTS, SHARED_WORD, STRICT, USERS, Owner, State, said
from tests.isolation.probes import likeness
from tests.isolation.world import World

# One worker for all, which then needs one world for all.
pytestmark = pytest.mark.xdist_group("isolation-probes")

ME = Caller(Kind.KEY, STRICT, PROJECTS[0], USERS[0])
HOME = chain(ME)[0]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with in_process(tmp_path_factory.mktemp("alone")) as door:
        world = World(door)
        world.sign_up()
        world.move_in([HOME])
        yield world


def _questions(world: World) -> list[Call]:
    headers = ME.headers(world.credentials)
    ask, add, page = (world.operation(shape) for shape in (Shape.ASK, Shape.ADD, Shape.LIST))
    words = [f"What does the {SHARED_WORD} say?", "common", said(CORNERS[1], State.INDEXED)["text"], "nothing of the kind"]
    asked = [call(ask, None, headers, query=each, k=200, filters={}) for each in words]
    asked += [call(ask, None, headers, query=SHARED_WORD, k=k, filters={"tags": ["common"]}) for k in (1, 2)]
    told = [said(owner, State.INDEXED) for owner in CORNERS[:3]]
    news = [call(add, None, headers, text=each["text"], speaker=each["speaker"], dry_run=True) for each in told]
    pages = [call(page, None, headers).plus(query=(("limit", str(limit)),)) for limit in (1, 2, 3, 200)]
    return [*asked, *news, *pages]


def test_answers_are_the_same_whether_neighbours_exist_or_not(alone: World) -> None:
    """Scores, order, counts, cursors, `has_more`, `degraded`: nothing of them is made of anybody else's memories."""
    asked = _questions(alone)
    before = [likeness(alone.door.send(each)) for each in asked]

    alone.move_in([owner for owner in OWNERS if owner != HOME])
    door = alone.door
    assert isinstance(door, InProcess)
    _pile_up(alone, replace(HOME, user=USERS[1]), door)

    after = [likeness(door.send(each)) for each in asked]
    assert after == before
    assert {status for status, _, _ in before} == {200}
    assert sum('"score"' in text for _, _, text in before) == 6


def _pile_up(world: World, owner: Owner, door: InProcess) -> None:
    """Leave more changes waiting for the index than a question reads, and see that their owner is told so."""
    table = door.container.memories_table
    marker = table.get(f"P#{owner.scope_key}#0", world.rows[owner][State.PENDING].memory_id)
    assert marker is not None
    table.put_many([{**marker, "sk": f"mem_{number:026d}"} for number in range(NEWEST_PENDING + 1)])
    ask = call(world.operation(Shape.ASK), None, world.headers(owner), query=SHARED_WORD)
    assert door.send(ask).json()["degraded"] == ["index_lag"]
