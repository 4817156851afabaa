"""What is archived is found on demand only, on every index, shown or pending, now and as it was known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.kit.clock import epoch_ms
from backend.memories.archiving import brought_back, put_aside
from backend.memories.model import Memory, State
from backend.memories.ports import Step
from backend.retrieval.gates import Gate
from tests.unit.memories.samples import ACME, NEIGHBOUR, RIVAL
from tests.unit.retrieval.retrieval_world import World
from tests.unit.retrieval.test_why_not import explained, gate

BOAT, CAR = "the boat is red", "the car is red"


def written(world: World, step: Step, *, shown: bool) -> Memory:
    world.store.replace(step.memory, step.changes, closes=step.closes)
    if shown:
        world.project(step.memory)
    world.clock.advance(seconds=1)
    return step.memory


def away(world: World, memory: Memory, *, shown: bool = True) -> Memory:
    return written(world, put_aside(memory, "key:1", None, world.clock.now()), shown=shown)


def back(world: World, memory: Memory, *, shown: bool = True) -> Memory:
    return written(world, brought_back(memory, "key:1", world.clock.now()), shown=shown)


@pytest.mark.parametrize("shown", [True, False])
def test_what_is_archived_is_found_on_demand_only_until_it_comes_back(world: World, shown: bool) -> None:
    boat, _ = world.remember(BOAT, CAR)
    archived = away(world, boat, shown=shown)

    assert world.texts("a red boat") == [CAR]
    assert world.texts("a red boat", include_archived=True) == [BOAT, CAR]
    (found, _) = world.ask("a red boat", include_archived=True).answers
    assert (found.memory.state, found.memory.archived_at) == (State.ARCHIVED, world.clock.now() - timedelta(seconds=1))

    back(world, archived, shown=shown)
    assert world.texts("a red boat") == [BOAT, CAR]


def test_what_was_archived_since_the_index_was_asked_is_dropped_by_its_row(world: World) -> None:
    boat, _ = world.remember(BOAT, CAR)
    step = put_aside(boat, None, None, world.clock.now())
    world.store.replace(step.memory, (), closes=step.closes)  # Neither index nor marker tells of it.

    assert world.texts("a red boat") == [CAR]


def test_whether_it_is_archived_is_no_matter_of_what_was_known(world: World) -> None:
    (boat,) = world.remember(BOAT)
    before = epoch_ms(world.clock.now())
    world.clock.advance(seconds=1)
    archived = away(world, boat)
    between = epoch_ms(world.clock.now())
    world.clock.advance(seconds=1)

    assert world.texts("a red boat", known_at=before) == world.texts("a red boat", known_at=between) == []
    (found,) = world.ask("a red boat", known_at=before, include_archived=True).answers
    assert (found.memory.revision, found.memory.state) == (1, State.ARCHIVED)

    back(world, archived)
    for moment, revision in ((before, 1), (between, 2)):
        (found,) = world.ask("a red boat", known_at=moment).answers
        assert (found.memory.revision, found.memory.state, found.memory.archived_at) == (revision, State.ACTIVE, None)


def test_all_earlier_revisions_go_into_the_archive_and_come_back_with_the_memory(world: World) -> None:
    (boat,) = world.remember(BOAT)
    at = epoch_ms(world.clock.now())
    for _ in range(2):
        boat = back(world, away(world, boat))
    assert world.texts("a red boat", known_at=at) == [BOAT]

    away(world, boat)
    assert world.texts("a red boat", known_at=at) == []
    # The index itself leaves them out: no row was read for nothing.
    world.store.reads = ()
    world.texts("a red boat", known_at=at)
    assert sum(world.store.reads) == 0


def test_an_explanation_names_the_archive_as_what_keeps_it_out(world: World) -> None:
    boat, _ = world.remember(BOAT, CAR, source="chat")
    away(world, boat)

    told = explained(world, boat.memory_id)
    asked = explained(world, boat.memory_id, include_archived=True)
    filtered = explained(world, boat.memory_id, include_archived=True, sources=("mail",))

    assert gate(told) == (Gate.ARCHIVED, "/include_archived")
    assert [each.gate for each in told.checks if not each.passed] == [Gate.ARCHIVED]
    assert (asked.found, asked.rank, gate(asked)) == (True, 1, None)
    assert gate(filtered) == (Gate.FILTER, "/filters/sources")
    assert all(each.gate is not Gate.ARCHIVED for each in explained(world, world.remember("a tea")[0].memory_id).checks)


def test_of_a_neighbour_nothing_shows_whatever_is_asked_for(world: World) -> None:
    (boat,) = world.remember(BOAT)
    away(world, boat)

    assert world.texts("a red boat", scope=ACME, include_archived=True) == [BOAT]
    assert world.texts("a red boat", scope=NEIGHBOUR, include_archived=True) == []
    assert world.texts("a red boat", scope=RIVAL, include_archived=True) == []
