"""Whatever call a process dies at, sending the request again ends in the one state that a healthy run ends in."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import pytest

from backend.index.model import Tombstone
from backend.kit.errors import DependencyUnavailableError, MemoryNotFoundError
from backend.memories.model import (
    Memory,
    Said,
    State,
)
from backend.memories.outcomes import (
    Outcome,
    Request,
)
from tests.contract.memories.memory_world import Calls, FailingAt, World
from tests.support.faults import no_answer
from tests.unit.memories.samples import ACME, FACT, SAID, keyed

PLAIN = replace(SAID, deduplicate=False)
MAC_LENGTH = 64


class DiedError(BaseException):
    """The process is gone. Nothing of ours may catch it."""


@dataclass(frozen=True)
class Adding:
    """One way that an add can go: what is there before, what is sent, and the calls that a healthy run makes."""

    name: str
    calls: tuple[str, ...]
    said: Said = SAID
    request: Request | None = None
    before: Callable[[World], Any] = lambda _: None
    rows: int = 1
    markers: int = 1
    evidence_before: int = 0
    outcome: Outcome = Outcome.STORED

    @property
    def guards(self) -> int:
        return 1 if self.said.deduplicate else 0


def remembered(world: World) -> None:
    world.service.add(ACME, SAID)


def remembered_and_forgotten(world: World) -> None:
    world.service.forget(ACME, world.service.add(ACME, SAID).memories[0].memory_id)


WRITE = ("TransactWriteItems",)
MERGE = ("TransactWriteItems", "GetItem", "BatchWriteItem")
TAKE_OVER = ("TransactWriteItems", "GetItem", "TransactWriteItems")


def under_a_key(calls: tuple[str, ...]) -> tuple[str, ...]:
    return ("PutItem", *calls, "UpdateItem")


ADDINGS = [
    Adding("keyed", under_a_key(WRITE), request=keyed()),
    Adding("keyless", WRITE),
    Adding("keyed, not deduplicated", under_a_key(WRITE), said=PLAIN, request=keyed()),
    Adding(
        "keyed, of a known fact",
        under_a_key(MERGE),
        request=keyed(),
        before=remembered,
        evidence_before=1,
        outcome=Outcome.MERGED,
    ),
    Adding(
        "keyed, of a forgotten fact",
        under_a_key(TAKE_OVER),
        request=keyed(),
        before=remembered_and_forgotten,
        rows=2,
        markers=2,
        evidence_before=1,
    ),
    Adding(
        "keyless, of a forgotten fact",
        TAKE_OVER,
        before=remembered_and_forgotten,
        rows=2,
        markers=2,
        evidence_before=1,
    ),
]
POINTS = [
    pytest.param(adding, call, after, id=f"{adding.name}: {'after' if after else 'before'} {call} {name}")
    for adding in ADDINGS
    for call, name in enumerate(adding.calls)
    for after in (False, True)
]


def live_rows(world: World) -> list[dict[str, Any]]:
    return [item for item in world.items_in() if item["sk"] == "ROW" and item["state"] == State.ACTIVE]


def guard_holders(world: World) -> list[str]:
    return [item["memory_id"] for item in world.items_in() if item["pk"].startswith("K#")]


def wait_until_died(world: World) -> None:
    """Let the time pass after which a claim counts as died."""
    world.clock.advance(seconds=30)


def check_the_one_memory(world: World, adding: Adding, answered: Memory | None = None) -> None:
    """Send the request once more and hold what is stored against what a healthy run leaves."""
    stored_before = [row["memory_id"] for row in live_rows(world)]
    assert all(world.store.evidence_count("acme", each) for each in stored_before), "no memory is without where it comes from"

    added = world.service.add(ACME, adding.said, adding.request)

    (memory,) = added.memories
    assert [memory.memory_id] == [row["memory_id"] for row in live_rows(world)]
    assert stored_before in ([], [memory.memory_id])
    assert answered is None or answered.memory_id == memory.memory_id
    assert guard_holders(world) == ([memory.memory_id] if adding.guards else [])
    kinds = world.kinds()
    evidence = world.store.evidence_count("acme", memory.memory_id)
    assert {name: kinds[name] for name in ("rows", "markers", "guards")} == {
        "rows": adding.rows,
        "markers": adding.markers,
        "guards": adding.guards,
    }
    if adding.request:
        assert added.outcomes[0].outcome is adding.outcome
        assert kinds["evidence"] == adding.evidence_before + 1
        again = world.service.add(ACME, adding.said, adding.request)
        assert (again.memories, again.outcomes, again.replayed) == (added.memories, added.outcomes, True)
    else:
        # Without a key each attempt is a claim of its own: a repeat merges, and leaves its own piece of evidence.
        assert added.outcomes[0].outcome in ({Outcome.MERGED} if stored_before else {Outcome.STORED})
        assert 1 <= evidence <= (2 if answered is None else 3)


@pytest.mark.parametrize("adding", ADDINGS, ids=lambda adding: adding.name)
def test_the_calls_of_an_add_are_those_that_are_tried_here(world: World, adding: Adding) -> None:
    adding.before(world)
    calls = Calls()

    added = world.another(calls).service.add(ACME, adding.said, adding.request)

    assert tuple(calls.made) == adding.calls
    assert added.outcomes[0].outcome is adding.outcome
    assert added.replayed is False


@pytest.mark.parametrize(("adding", "call", "after"), POINTS)
def test_an_add_that_dies_at_any_call_is_whole_when_it_is_sent_again(
    world: World, adding: Adding, call: int, after: bool
) -> None:
    adding.before(world)
    plan = FailingAt(call=call, after_it=after, error=DiedError())
    with suppress(DiedError):
        world.another(plan).service.add(ACME, adding.said, adding.request)
    # A call that the service refuses has no answer to die after.
    assert plan.struck or after
    wait_until_died(world)

    check_the_one_memory(world, adding)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize(("adding", "call", "after"), POINTS)
def test_an_add_whose_call_times_out_is_right_or_says_to_try_again(
    world: World, adding: Adding, *, call: int, after: bool, lasting: bool
) -> None:
    adding.before(world)
    plan = FailingAt(call=call, after_it=after, error=no_answer(), lasting=lasting)
    answered: Memory | None = None
    with suppress(DependencyUnavailableError):
        answered = world.another(plan).service.add(ACME, adding.said, adding.request).memories[0]
    wait_until_died(world)

    check_the_one_memory(world, adding, answered)


# Forgetting

FORGET = ("GetItem", "GetItem", "TransactWriteItems")
FORGETTINGS = {"keyless": (FORGET, None), "keyed": (under_a_key(FORGET), keyed(7))}
FORGET_POINTS = [
    pytest.param(name, call, after, id=f"{name}: {'after' if after else 'before'} {call} {operation}")
    for name, (calls, _) in FORGETTINGS.items()
    for call, operation in enumerate(calls)
    for after in (False, True)
]


def check_forgotten(world: World, memory: Memory) -> None:
    row = world.store.get("acme", memory.memory_id)
    assert row is not None
    assert (row.state, row.row_version, row.text) == (State.FORGOTTEN, 2, FACT)
    (change,), _ = world.store.pending(ACME)
    assert isinstance(change, Tombstone)
    assert change.row_version == 2
    assert world.kinds() == {"rows": 1, "guards": 1, "markers": 1, "evidence": 1}
    with pytest.raises(MemoryNotFoundError):
        world.service.get(ACME, memory.memory_id)


def sent_again(world: World, memory: Memory, request: Request | None) -> None:
    """Send the request again: with a key it tells what was done, without one there may be nothing left to forget."""
    with suppress(*([] if request else [MemoryNotFoundError])):
        gone, _ = world.service.forget(ACME, memory.memory_id, request)
        assert gone.state is State.FORGOTTEN


@pytest.mark.parametrize("name", FORGETTINGS)
def test_the_calls_of_a_forget_are_those_that_are_tried_here(world: World, name: str) -> None:
    memory = world.service.add(ACME, SAID).memories[0]
    expected, request = FORGETTINGS[name]
    calls = Calls()

    world.another(calls).service.forget(ACME, memory.memory_id, request)

    assert tuple(calls.made) == expected
    check_forgotten(world, memory)


@pytest.mark.parametrize(("name", "call", "after"), FORGET_POINTS)
def test_a_forget_that_dies_at_any_call_is_done_when_it_is_sent_again(world: World, name: str, call: int, after: bool) -> None:
    memory = world.service.add(ACME, SAID).memories[0]
    request = FORGETTINGS[name][1]
    plan = FailingAt(call=call, after_it=after, error=DiedError())
    with pytest.raises(DiedError):
        world.another(plan).service.forget(ACME, memory.memory_id, request)
    wait_until_died(world)

    sent_again(world, memory, request)

    check_forgotten(world, memory)


@pytest.mark.parametrize("lasting", [False, True], ids=["once", "lasting"])
@pytest.mark.parametrize(("name", "call", "after"), FORGET_POINTS)
def test_a_forget_whose_call_times_out_is_done_or_says_to_try_again(
    world: World, name: str, *, call: int, after: bool, lasting: bool
) -> None:
    memory = world.service.add(ACME, SAID).memories[0]
    request = FORGETTINGS[name][1]
    plan = FailingAt(call=call, after_it=after, error=no_answer(), lasting=lasting)
    with suppress(DependencyUnavailableError):
        gone, _ = world.another(plan).service.forget(ACME, memory.memory_id, request)
        assert gone.state is State.FORGOTTEN
        check_forgotten(world, memory)
    wait_until_died(world)

    sent_again(world, memory, request)

    check_forgotten(world, memory)
