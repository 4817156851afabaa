"""What is said of an earlier time, on the table: whatever goes wrong on the way, it stands there once, and nothing by halves."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby
from threading import Barrier

import pytest

from backend.extraction.model import Claimed
from backend.memories.documents import changes_for
from backend.memories.editing import Change
from backend.memories.listing import EVERYTHING
from backend.memories.model import Memory, Said
from backend.memories.outcomes import Outcome
from backend.memories.ports import Contest, Holders, MemoryStore
from tests.contract.memories.memory_world import Calls, FailingAt, World
from tests.support.faults import DiedError
from tests.unit.memories.samples import ACME, NOW, keyed, memory, memory_id

CLAIM = (ACME.home, "", "i", "live in")
YEAR = timedelta(days=365)
FIRST, SECOND, THIRD = NOW - 7 * YEAR, NOW - 6 * YEAR, NOW - 5 * YEAR
THREADS = 8
PARIS, OSLO_AGAIN = "I live in Paris.", "I live in Oslo."
CALLS = {
    PARIS: ("PutItem", "GetItem", "BatchGetItem", "TransactWriteItems", "UpdateItem"),
    # The memory says since when it was known, and its earlier revision goes to the index with it.
    OSLO_AGAIN: ("PutItem", "GetItem", "BatchGetItem", "Query", "TransactWriteItems", "BatchWriteItem", "UpdateItem"),
}
POINTS = [
    pytest.param(said, call, after, id=f"{said} {'after' if after else 'before'} {name}")
    for said, names in CALLS.items()
    for call, name in enumerate(names)
    for after in (False, True)
]
Lasting = tuple[str, datetime, datetime | None]


def late(text: str) -> Said:
    return Said(text, occurred_at=SECOND)


def oslo_then_rome(world: World) -> Memory:
    oslo, _ = (
        world.remembering().add(ACME, Said(f"I live in {name}.", occurred_at=at)).memories[0]
        for name, at in (("Oslo", FIRST), ("Rome", THIRD))
    )
    return oslo


def lasting(world: World) -> Counter[Lasting]:
    rows = world.store.page(ACME, limit=200, before=None, now=world.clock.now(), listing=EVERYTHING).memories
    return Counter((each.text, each.valid_from, each.valid_until) for each in rows)


EXPECTED = {
    PARIS: [("I live in Oslo.", FIRST, SECOND), ("I live in Paris.", SECOND, THIRD), ("I live in Rome.", THIRD, None)],
    OSLO_AGAIN: [("I live in Oslo.", FIRST, THIRD), ("I live in Rome.", THIRD, None)],
}


@pytest.mark.parametrize("said", CALLS, ids=str)
def test_the_calls_are_those_that_are_tried_here(world: World, said: str) -> None:
    oslo_then_rome(world)
    calls = Calls()

    world.another(calls).remembering().add(ACME, late(said), keyed())

    # A table may end a page of a query anywhere: the next page is no call of another kind.
    assert tuple(name for name, _ in groupby(calls.made)) == CALLS[said]
    assert lasting(world) == Counter(EXPECTED[said])


@pytest.mark.parametrize(("said", "call", "after"), POINTS)
def test_one_that_dies_at_any_call_is_whole_when_it_is_sent_again(world: World, *, said: str, call: int, after: bool) -> None:
    oslo = oslo_then_rome(world)
    plan = FailingAt(call=call, after_it=after, error=DiedError())
    with pytest.raises(DiedError):
        world.another(plan).remembering().add(ACME, late(said), keyed())
    world.clock.advance(seconds=30)

    added = world.remembering().add(ACME, late(said), keyed())

    assert lasting(world) == Counter(EXPECTED[said])
    assert world.store.evidence_count("acme", added.outcomes[0].memory_id) == (1 if said == PARIS else 2)
    assert added.outcomes[0].outcome is (Outcome.SUPERSEDED if said == PARIS else Outcome.MERGED)
    found = world.store.get("acme", oslo.memory_id)
    assert found
    assert found.revision == (3 if said == PARIS else 2)


def test_of_the_same_said_late_by_many_at_once_one_memory_comes(world: World) -> None:
    oslo_then_rome(world)
    gate = Barrier(THREADS, timeout=30)
    # The client is made on first use, which is not safe in threads; a function makes it before any.
    world.store.get("acme", "mem_none")
    shared = world.remembering()

    def say(_: int) -> Outcome:
        gate.wait()
        return shared.add(ACME, late(PARIS)).outcomes[0].outcome

    with ThreadPoolExecutor(THREADS) as threads:
        outcomes = Counter(threads.map(say, range(THREADS)))

    assert outcomes == {Outcome.SUPERSEDED: 1, Outcome.MERGED: THREADS - 1}
    assert lasting(world) == Counter(EXPECTED[PARIS])


def test_a_memory_whose_time_is_changed_meets_the_others_again(world: World) -> None:
    oslo = oslo_then_rome(world)

    world.editing().change(ACME, Change(oslo.memory_id, {"valid_until": None}), None, "key:1")

    holders = world.store.holders("acme", CLAIM)
    assert (holders.memory_ids[-1], holders.past) == (oslo.memory_id, ())
    [bern] = world.remembering().add(ACME, Said("I live in Bern.")).memories
    assert oslo.memory_id in bern.supersedes


def test_who_held_a_claim_is_kept_beside_who_holds_it(store: MemoryStore) -> None:
    each = memory(1, claimed=Claimed("i", "live in", "oslo"))
    contest = Contest(CLAIM, Holders(), (memory_id(1),), past=(memory_id(2), memory_id(3)), past_until=NOW)

    store.add(each, changes_for(each), guarded=True, contest=contest)

    assert store.holders("acme", CLAIM) == Holders((memory_id(1),), 1, (memory_id(2), memory_id(3)), NOW)
    again = replace(each, memory_id=memory_id(4))
    store.add(again, changes_for(again), guarded=False, contest=Contest(CLAIM, contest.holds, (memory_id(4),)))
    assert store.holders("acme", CLAIM) == Holders((memory_id(4),), 2)
