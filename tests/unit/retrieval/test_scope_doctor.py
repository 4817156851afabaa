"""What a question that found nothing is told: only of what its caller may read, and with bounded work."""

from __future__ import annotations

from typing import Any

import pytest

from backend.index.model import IndexFilter
from backend.kit.clock import epoch_ms
from backend.kit.deadline import deadline
from backend.memories.archiving import put_aside
from backend.memories.documents import changes_for
from backend.memories.model import NEWEST_PENDING
from backend.retrieval.diagnosis import MOST_FILTERS, Diagnosis, ScopeDoctor
from backend.retrieval.model import Question
from backend.tenancy.scope import Environment, Scope, user_scope
from tests.unit.memories.samples import ACME, NEIGHBOUR, OTHER_PROJECT, RIVAL
from tests.unit.memories.samples import memory as sample
from tests.unit.retrieval.retrieval_world import World

NOWHERE = user_scope("acme", None, Environment.LIVE, "u1")
BESIDE = user_scope("acme", "sales", Environment.LIVE, "u1", also_projects=(None, "empty"))


def examined(world: World, beside: Scope | None = None, *, is_all: bool = True, **filters: Any) -> Diagnosis | None:
    doctor = ScopeDoctor(rows=world.store, index=world.index, embedder=world.embedder)
    asked = IndexFilter(now=epoch_ms(world.clock.now()), **filters)
    return doctor.examine(ACME, Question("a red boat", 5, asked), beside, is_all=is_all)


def test_it_counts_what_each_filter_left_out_keeps_out(world: World) -> None:
    world.remember("a red boat", "a blue boat", source="chat", tags=("a",))
    world.remember("a green boat", source="mail", tags=("b",))

    found = examined(world, sources=("mail",), tags=("a",))

    assert found
    assert found.without_filters == 3
    assert {each.filter.pointer: each.memories for each in found.filters} == {"/filters/sources": 2, "/filters/tags": 1}
    assert (found.elsewhere, found.is_whole) == ((), True)


@pytest.mark.parametrize("shown", [True, False])
def test_it_counts_the_same_end_users_memories_where_the_caller_may_read_and_nowhere_else(world: World, shown: bool) -> None:
    for scope in (NEIGHBOUR, RIVAL, user_scope("acme", "sales", Environment.TEST, "u1")):
        world.remember("a red boat", scope=scope, shown=shown)
    world.remember("a red boat", "a blue boat", scope=OTHER_PROJECT, shown=shown)
    world.remember("no boat", scope=NOWHERE, shown=shown)

    found = examined(world, BESIDE)

    assert found
    assert [(each.project_id, each.memories) for each in found.elsewhere] == [("sales", 2), (None, 1)]
    assert (found.without_filters, found.filters) == (0, ())
    assert examined(world) == Diagnosis(0, (), (), is_whole=True)


def test_elsewhere_the_same_filters_hold(world: World) -> None:
    world.remember("a red boat", scope=OTHER_PROJECT, source="chat")

    found = examined(world, BESIDE, sources=("mail",))

    assert found
    assert found.elsewhere == ()


def test_what_is_forgotten_or_waits_is_not_counted(world: World) -> None:
    (gone,) = world.remember("a red boat", scope=OTHER_PROJECT)
    world.memories.forget(OTHER_PROJECT, gone.memory_id)

    found = examined(world, BESIDE)

    assert found
    assert found.elsewhere == ()


def test_it_counts_what_is_found_with_the_archive_unless_that_was_asked_for(world: World) -> None:
    for text in ("a red boat", "a blue boat"):
        (boat,) = world.remember(text, source="chat")
        step = put_aside(boat, None, None, world.clock.now())
        world.store.replace(step.memory, step.changes, closes=step.closes)

    plain, other, asked = examined(world), examined(world, sources=("mail",)), examined(world, include_archived=True)

    assert plain
    assert other
    assert asked
    assert (plain.archived, plain.without_filters) == (2, 0)
    assert (other.archived, asked.archived) == (0, 0)


def test_its_searches_are_bounded_and_it_says_when_there_was_more(world: World) -> None:
    world.remember("a red boat", metadata={f"m{number}": 1 for number in range(20)})

    found = examined(world, metadata={f"m{number}": 2 for number in range(20)})

    assert found
    assert (found.without_filters, len(found.filters), found.is_whole) == (1, MOST_FILTERS, False)
    assert {each.memories for each in found.filters} == {0}


def test_what_was_not_looked_at_is_said(world: World) -> None:
    found = examined(world, BESIDE, is_all=False)

    assert found
    assert not found.is_whole


def test_with_little_time_left_filters_are_not_tried(world: World) -> None:
    world.remember("a red boat", source="chat")

    with deadline(1):
        found = examined(world, sources=("mail",))

    assert found
    assert (found.without_filters, found.filters, found.is_whole) == (1, (), False)


def test_without_the_embedder_it_counts_by_words(world: World) -> None:
    world.remember("a red boat", "tea", source="chat")
    world.embedder.down = True

    found = examined(world, sources=("mail",))

    assert found
    assert found.without_filters == 1


def test_what_could_not_be_asked_is_named(world: World) -> None:
    found = examined(world)
    world.embedder.down = True
    by_words = examined(world)

    assert found
    assert by_words
    assert (found.degraded, by_words.degraded) == ((), ("semantic",))


def test_what_waits_behind_too_much_else_for_the_index_is_not_said_to_be_looked_at(world: World) -> None:
    for number in range(NEWEST_PENDING + 1):
        each = sample(number, text=f"boat {number}", model=world.embedder.model.identity)
        world.store.add(each, changes_for(each), guarded=False)

    found = examined(world, sources=("mail",))

    assert found
    assert found.degraded == ("index_lag",)


def test_without_the_index_there_is_no_diagnosis(world: World) -> None:
    world.index.down = True

    assert examined(world, BESIDE, sources=("mail",)) is None
