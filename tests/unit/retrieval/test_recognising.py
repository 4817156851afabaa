"""Which memories say a text."""

from __future__ import annotations

import pytest

from backend.extraction.model import Method
from backend.extraction.pipeline import Pipeline
from backend.extraction.policy import ExtractionPolicy
from backend.memories.archiving import put_aside
from backend.memories.documents import changes_for
from backend.memories.fake import FakePolicies
from backend.memories.model import State
from backend.memories.policy import MemoryPolicy
from backend.retrieval.gates import Likeness, Recognised
from backend.retrieval.recognising import Recognising
from tests.unit.memories.samples import ACME, NEIGHBOUR, OTHER_PROJECT, RIVAL
from tests.unit.memories.samples import memory as sample
from tests.unit.retrieval.retrieval_world import World

BOAT = "My boat is red and white."


def recognised(world: World, text: str) -> Recognised:
    def no_model() -> None:
        raise AssertionError

    pipeline = Pipeline(no_model)
    policies = FakePolicies(MemoryPolicy(extraction=ExtractionPolicy(method=Method.MODEL)))
    recognising = Recognising(
        store=world.store, retrieval=world.retrieval, extractor=pipeline, policies=policies, clock=world.clock
    )
    return recognising.recognise(ACME, text)


def test_the_same_statement_is_recognised_by_its_key(world: World) -> None:
    (added,) = world.remember(BOAT)

    found = recognised(world, "my boat is RED and white")

    assert [(each.memory.memory_id, each.likeness) for each in found.matches] == [(added.memory_id, Likeness.KEY)]
    assert found.refusals == ()


def test_a_statement_in_other_words_is_recognised_where_most_are_the_same(world: World) -> None:
    (added,) = world.remember("My old boat is red and white, and leaks.")
    world.remember("Tea is hot.")

    found = recognised(world, "The old boat leaks and is red and white")

    assert [(each.memory.memory_id, each.likeness) for each in found.matches] == [(added.memory_id, Likeness.NEAR)]
    assert recognised(world, "The red car").matches == ()


@pytest.mark.parametrize("scope", [NEIGHBOUR, RIVAL, OTHER_PROJECT])
def test_what_others_say_is_not_recognised(world: World, scope: object) -> None:
    world.remember(BOAT, scope=scope)  # type: ignore[arg-type] # one of the samples' scopes

    assert recognised(world, BOAT) == Recognised((), ())


@pytest.mark.parametrize("state", [State.DISPUTED, State.QUARANTINED])
def test_what_waits_is_recognised_and_what_holds_comes_first(world: World, state: State) -> None:
    row = sample(9, text=BOAT, state=state)
    world.store.add(row, changes_for(row), guarded=True)

    assert [each.memory.memory_id for each in recognised(world, BOAT).matches] == [row.memory_id]
    (holds,) = world.remember(BOAT)
    assert [each.memory.memory_id for each in recognised(world, BOAT).matches] == [holds.memory_id, row.memory_id]


def test_what_is_archived_is_recognised_by_its_key_and_by_its_words(world: World) -> None:
    (added,) = world.remember(BOAT)
    step = put_aside(added, None, None, world.clock.now())
    world.store.replace(step.memory, step.changes, closes=step.closes)

    for text, likeness in ((BOAT, Likeness.KEY), ("Red and white is my boat.", Likeness.NEAR)):
        assert [(each.memory.memory_id, each.likeness) for each in recognised(world, text).matches] == [
            (added.memory_id, likeness)
        ]


def test_what_would_not_be_stored_is_told_with_its_rule(world: World) -> None:
    found = recognised(world, "Where is my boat?")

    assert found.matches == ()
    assert [each.rule for each in found.refusals] == ["question"]
