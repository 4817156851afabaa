"""A statement that ends another: whatever goes wrong on the way, one of them holds, and nothing is done by halves."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest

from backend.kit.errors import DependencyUnavailableError
from backend.memories.listing import EVERYTHING
from backend.memories.model import Memory, Said
from backend.memories.outcomes import Outcome
from tests.contract.memories.memory_world import Calls, FailingAt, World
from tests.support.faults import no_answer
from tests.unit.memories.samples import ACME, keyed

CLAIM = (ACME.home, "", "i", "live in")
CALLS = ("PutItem", "GetItem", "BatchGetItem", "TransactWriteItems", "UpdateItem")
POINTS = [
    pytest.param(call, after, id=f"{'after' if after else 'before'} {call} {name}")
    for call, name in enumerate(CALLS)
    for after in (False, True)
]
THREADS = 8


class DiedError(BaseException):
    """The process is gone. Nothing of ours may catch it."""


def told(world: World, name: str) -> Memory:
    memory = world.remembering().add(ACME, Said(f"I live in {name}.")).memories[0]
    world.clock.advance(seconds=1)
    return memory


def listed(world: World) -> list[Memory]:
    return list(world.store.page(ACME, limit=200, before=None, now=world.clock.now(), listing=EVERYTHING).memories)


def check_one_holds(world: World, first: Memory, *, evidence: int = 1) -> None:
    """Send the statement once more and hold what is stored against what a healthy run leaves."""
    added = world.remembering().add(ACME, Said("I live in Lisbon."), keyed())

    (winner,) = added.memories
    rows = {each.memory_id: each for each in listed(world)}
    assert rows.keys() == {first.memory_id, winner.memory_id}
    ended = rows[first.memory_id]
    assert (added.outcomes[0].outcome, winner.supersedes) == (Outcome.SUPERSEDED, (first.memory_id,))
    assert (ended.superseded_by, ended.valid_until, ended.revision) == (winner.memory_id, winner.valid_from, 2)
    assert [each.memory for each in world.store.revisions("acme", first.memory_id)] == [first]
    assert world.store.holders("acme", CLAIM).memory_ids == (winner.memory_id,)
    assert world.store.evidence_count("acme", winner.memory_id) == evidence
    again = world.remembering().add(ACME, Said("I live in Lisbon."), keyed())
    assert (again.replayed, again.outcomes, again.memories) == (True, added.outcomes, added.memories)


def test_the_calls_of_a_statement_that_ends_another_are_those_that_are_tried_here(world: World) -> None:
    first = told(world, "Porto")
    calls = Calls()

    world.another(calls).remembering().add(ACME, Said("I live in Lisbon."), keyed())

    assert tuple(calls.made) == CALLS
    check_one_holds(world, first)


@pytest.mark.parametrize(("call", "after"), POINTS)
def test_one_that_dies_at_any_call_is_whole_when_it_is_sent_again(world: World, *, call: int, after: bool) -> None:
    first = told(world, "Porto")
    plan = FailingAt(call=call, after_it=after, error=DiedError())
    with pytest.raises(DiedError):
        world.another(plan).remembering().add(ACME, Said("I live in Lisbon."), keyed())
    world.clock.advance(seconds=30)

    check_one_holds(world, first)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize(("call", "after"), POINTS)
def test_one_whose_call_times_out_is_right_or_says_to_try_again(world: World, *, call: int, after: bool, lasting: bool) -> None:
    first = told(world, "Porto")
    plan = FailingAt(call=call, after_it=after, error=no_answer(), lasting=lasting)
    with suppress(DependencyUnavailableError):
        world.another(plan).remembering().add(ACME, Said("I live in Lisbon."), keyed())
    world.clock.advance(seconds=30)

    check_one_holds(world, first)


def test_of_many_contradicting_statements_said_at_once_one_holds_and_all_others_have_ended(world: World) -> None:
    told(world, "Porto")
    gate = Barrier(THREADS, timeout=30)
    # The client is made on first use, which is not safe in threads; a function makes it before any.
    world.store.get("acme", "mem_none")
    shared = world.remembering()

    def say(number: int) -> Outcome:
        gate.wait()
        return shared.add(ACME, Said(f"I live in City{number}.")).outcomes[0].outcome

    with ThreadPoolExecutor(THREADS) as threads:
        outcomes = Counter(threads.map(say, range(THREADS)))

    rows = listed(world)
    standing = [each for each in rows if each.stands(world.clock.now())]
    assert (len(rows), len(standing)) == (THREADS + 1, 1)
    assert outcomes == {Outcome.SUPERSEDED: THREADS}
    assert world.store.holders("acme", CLAIM).memory_ids == (standing[0].memory_id,)
    assert all(each.superseded_by and each.revision == 2 for each in rows if each is not standing[0])
