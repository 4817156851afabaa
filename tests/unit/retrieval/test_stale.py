"""What nobody asked for in a long time stands a little behind, and is never lost by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.extraction.model import Category
from backend.memories.documents import changes_for
from backend.memories.model import Revision
from backend.memories.policy import MemoryPolicy
from backend.retrieval.factors import Candidate, weigh
from backend.retrieval.model import STALE_SHARE, Weights
from backend.usage.model import UNUSED, Usage
from tests.unit.memories.samples import MODEL, NOW, memory
from tests.unit.retrieval.retrieval_world import World
from tests.unit.retrieval.test_factors import batches, candidate, weighed, weights

POLICY = MemoryPolicy()
INTENT = Category.FACTUAL
NINETY = timedelta(days=90)
INSTANT = timedelta(microseconds=1)


@pytest.mark.parametrize("last", ["created_at", "updated_at", "last_accessed"])
def test_a_memory_is_stale_once_all_that_happened_to_it_is_longer_ago_than_the_policy_says(last: str) -> None:
    old = NOW - 2 * NINETY
    moments: dict[str, Any] = {"created_at": old, "updated_at": old, "last_accessed": old, last: NOW - NINETY}
    usage = Usage(1, moments.pop("last_accessed"))
    row = memory(**moments)

    assert not POLICY.is_stale(row, usage, NOW)
    assert POLICY.is_stale(row, usage, NOW + INSTANT)
    assert not MemoryPolicy(stale_after=NINETY + INSTANT).is_stale(row, usage, NOW + INSTANT)


def test_what_was_never_asked_for_counts_from_its_last_change() -> None:
    assert not POLICY.is_stale(memory(), UNUSED, NOW + NINETY)
    assert POLICY.is_stale(memory(), UNUSED, NOW + NINETY + INSTANT)


def test_of_two_equal_ones_the_stale_one_stands_behind() -> None:
    fresh, stale = candidate(1), Candidate(candidate(2).ranked, candidate(2).memory, is_stale=True)

    found = weighed(stale, fresh)

    assert [number for number, _ in found] == [1, 2]
    assert found[1][1].score == pytest.approx(STALE_SHARE * found[0][1].score)
    assert found[1][1].factors == found[0][1].factors


def test_the_best_evidence_stands_first_stale_or_not() -> None:
    evidence = candidate(1, 1.0, text="Ana lives in Lisbon")
    others = [candidate(number, 0.4, text=f"Ana likes number {number}") for number in range(2, 6)]

    found = weighed(Candidate(evidence.ranked, evidence.memory, is_stale=True), *others)

    assert found[0][0] == 1


@given(batches, weights, st.data())
def test_a_stale_memory_loses_a_tenth_of_its_score_at_most_and_no_other_gains(
    batch: list[Candidate], counted: Weights, data: st.DataObject
) -> None:
    chosen = data.draw(st.sets(st.sampled_from([each.memory.memory_id for each in batch]))) if batch else set()
    marked = [Candidate(each.ranked, each.memory, each.usage, each.memory.memory_id in chosen) for each in batch]
    # What repeats another is lowered to the others of its tier: tests/unit/retrieval/test_factors.py.
    plain = {each.memory.memory_id: result for each, result in weigh(batch, counted, INTENT, MODEL)}
    found = {each.memory.memory_id: result for each, result in weigh(marked, counted, INTENT, MODEL)}

    assert found.keys() == plain.keys()
    for name, result in found.items():
        if result.duplicate_of is None and plain[name].duplicate_of is None:
            share = STALE_SHARE if name in chosen else 1.0
            assert result.score == pytest.approx(share * plain[name].score)


@given(batches, weights)
def test_where_all_are_stale_their_order_is_as_if_none_were(batch: list[Candidate], counted: Weights) -> None:
    old = [Candidate(each.ranked, each.memory, each.usage, is_stale=True) for each in batch]

    assert [each.memory.memory_id for each, _ in weigh(old, counted, INTENT, MODEL)] == [
        each.memory.memory_id for each, _ in weigh(batch, counted, INTENT, MODEL)
    ]


def test_a_stale_memory_is_found_and_said_to_be_stale_until_somebody_asks_for_it(world: World) -> None:
    (boat,) = world.remember("the boat is red")
    world.clock.advance(days=91)
    world.remember("tea without sugar")

    (found, other) = world.ask("a red boat").answers
    assert (found.memory.memory_id, found.is_stale, other.is_stale) == (boat.memory_id, True, False)

    world.store.usage[boat.memory_id] = Usage(1, world.clock.now())
    assert [each.is_stale for each in world.ask("a red boat").answers] == [False, False]


def test_the_tenant_says_when_a_memory_is_stale(world: World) -> None:
    world.remember("the boat is red")
    world.clock.advance(days=3)

    assert not world.ask("a red boat").answers[0].is_stale
    world.policies.policy = MemoryPolicy(stale_after=timedelta(days=2))
    assert world.ask("a red boat").answers[0].is_stale


def test_an_earlier_revision_is_as_stale_as_its_memory(world: World) -> None:
    (boat,) = world.remember("the boat is red")
    at = int(world.clock.now().timestamp() * 1000)
    world.clock.advance(days=91)
    now = world.clock.now()
    edited = boat.edited(now, None, None, tags=("a",))
    closes = Revision(boat, now)
    world.store.replace(edited, changes_for(edited, [closes]), closes=closes)

    (found,) = world.ask("a red boat", known_at=at).answers
    assert (found.memory.revision, found.is_stale) == (1, False)
