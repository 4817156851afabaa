"""A fact that several items of one request say: the first stores it, the others find it without trying to store it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.kit.dynamodb import Table
from backend.kit.errors import MemorySyncError, ThrottledError
from backend.memories.model import Said
from backend.memories.outcomes import Added, Outcome, Request
from backend.memories.service import Asked
from backend.tenancy.scope import Environment, Scope, user_scope
from tests.contract.memories.memory_world import IDEMPOTENCY, BreakingOnce, Calls, FailingAt, Refusing, World
from tests.support.faults import refused, throttled
from tests.unit.memories.samples import ACME, NOW, keyed

TEA = Said("I like tea.")
NUMBERS = count()
LOOKED_AT_AND_RECORDED = ["BatchGetItem", "BatchWriteItem"]


def added(
    world: World, *said: Said, requests: tuple[Request, ...] = (), calls: Calls | None = None, scope: Scope = ACME
) -> list[Added]:
    """Return what came of things said in one request."""
    asked = [Asked(scope, each, request) for each, request in zip(said, requests or (None,) * len(said), strict=True)]
    with ThreadPoolExecutor(2) as threads:
        found = (world.another(calls) if calls else world).remembering(executor=threads).add_many("acme", asked)
    assert not [each for each in found if isinstance(each, MemorySyncError)]
    return [each for each in found if isinstance(each, Added)]


def outcomes(found: list[Added]) -> list[Outcome]:
    return [each.outcomes[0].outcome for each in found]


def test_only_the_first_is_tried_to_be_stored(world: World) -> None:
    calls = Calls()

    found = added(world, TEA, replace(TEA, text="i like TEA"), TEA, calls=calls)

    assert outcomes(found) == [Outcome.STORED, Outcome.MERGED, Outcome.MERGED]
    assert calls.made == ["TransactWriteItems", *LOOKED_AT_AND_RECORDED]
    (memory,) = {each.memories[0].memory_id for each in found}
    assert world.store.evidence_count("acme", memory) == 3


def test_what_was_known_before_is_met_by_the_first_and_known_to_the_others(world: World) -> None:
    (before,) = added(world, TEA)
    calls = Calls()

    found = added(world, TEA, TEA, calls=calls)

    assert {each.memories[0].memory_id for each in found} == {before.memories[0].memory_id}
    assert calls.made == ["TransactWriteItems", "GetItem", *LOOKED_AT_AND_RECORDED]


def test_it_lasts_as_long_as_the_one_that_lasts_longest(world: World) -> None:
    found = added(world, replace(TEA, ttl_minutes=5), replace(TEA, ttl_minutes=10), TEA, replace(TEA, ttl_minutes=5))

    assert outcomes(found) == [Outcome.STORED, *[Outcome.MERGED] * 3]
    kept = world.store.get("acme", found[0].memories[0].memory_id)
    assert kept is not None
    assert kept.expires_at is None


def test_what_is_not_to_be_merged_is_stored_for_itself_and_holds_nothing(world: World) -> None:
    found = added(world, replace(TEA, deduplicate=False), TEA, replace(TEA, deduplicate=False), TEA)

    assert outcomes(found) == [Outcome.STORED, Outcome.STORED, Outcome.STORED, Outcome.MERGED]
    assert found[3].memories[0].memory_id == found[1].memories[0].memory_id


class Meanwhile(Calls):
    """Does something once, just before the first call of a kind."""

    def __init__(self, operation: str, work: Callable[[], object]) -> None:
        super().__init__()
        self._operation = operation
        self._work: Callable[[], object] | None = work

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        super().before(operation, arguments)
        work = self._work
        if work and operation == self._operation:
            self._work = None
            work()


def test_one_that_is_forgotten_meanwhile_takes_nothing_with_it(world: World) -> None:
    def forget() -> None:
        (row,) = world.store.page(ACME, limit=5, before=None, now=world.clock.now()).memories
        world.service.forget(ACME, row.memory_id)

    found = added(world, TEA, TEA, calls=Meanwhile("BatchGetItem", forget))

    assert outcomes(found) == [Outcome.STORED, Outcome.STORED]
    assert world.store.get("acme", found[1].memories[0].memory_id)


@pytest.mark.parametrize("error", [throttled(), refused("ValidationException")], ids=["busy", "refused"])
def test_where_nobody_can_look_again_each_of_them_is_tried(world: World, error: Exception) -> None:
    calls = Refusing(operation="BatchGetItem", error=error)

    found = added(world, TEA, TEA, calls=calls)

    assert outcomes(found) == [Outcome.STORED, Outcome.MERGED]
    assert [each for each in calls.made if each != "BatchGetItem"] == ["TransactWriteItems"] * 2 + ["GetItem", "BatchWriteItem"]


def test_only_those_whose_evidence_is_not_recorded_fail(world: World) -> None:
    with ThreadPoolExecutor(2) as threads:
        service = world.another(Refusing(operation="BatchWriteItem")).remembering(executor=threads)
        first, again = service.add_many("acme", [Asked(ACME, TEA), Asked(ACME, TEA)])

    assert isinstance(first, Added)
    assert isinstance(again, ThrottledError)
    assert world.store.evidence_count("acme", first.memories[0].memory_id) == 1


def standing(world: World) -> list[str]:
    now = world.clock.now()
    rows = world.store.page(ACME, limit=9, before=None, now=now).memories
    return sorted(row.text for row in rows if row.stands(now) and not row.text.endswith("tea."))


@pytest.mark.parametrize("after_it", [False, True])
def test_the_last_of_what_is_claimed_holds_wherever_the_first_attempt_dies(world: World, after_it: bool) -> None:
    requests = keyed(1), keyed(2)
    for call in count():
        scope = user_scope("acme", "support", Environment.LIVE, f"dies-{next(NUMBERS)}")
        added(world, Said("I live in Rome."), scope=scope)
        world.clock.advance(seconds=60)
        fresh = tuple(replace(each, record_id=f"{each.record_id}-{call}-{after_it}") for each in requests)
        plan = FailingAt(call=call, after_it=after_it)
        with suppress(SystemExit):
            added(world, Said("I live in Rome."), Said("I live in Oslo."), requests=fresh, calls=plan, scope=scope)
        if not plan.struck:
            break
        world.clock.advance(seconds=60)

        added(world, Said("I live in Rome."), Said("I live in Oslo."), requests=fresh, scope=scope)

        now = world.clock.now()
        rows = world.store.page(scope, limit=9, before=None, now=now).memories
        assert [row.text for row in rows if row.stands(now)] == ["I live in Oslo."], call
    assert call > len(requests)


def test_what_is_done_again_turns_no_claim_round(world: World) -> None:
    def forget() -> None:
        (row,) = (
            each for each in world.store.page(ACME, limit=9, before=None, now=world.clock.now()).memories if "tea" in each.text
        )
        world.service.forget(ACME, row.memory_id)

    added(world, Said("I live in Rome."))
    world.clock.advance(seconds=60)
    said = TEA, Said("I live in Rome. I like tea."), Said("I live in Oslo.")

    found = added(world, *said, calls=Meanwhile("BatchGetItem", forget))

    assert found[1].outcomes[0].outcome is Outcome.MERGED
    assert found[2].outcomes[0].outcome is Outcome.SUPERSEDED
    assert standing(world) == ["I live in Oslo."]


def saying(text: str, since: int | None, lasts: int | None, ttl: int | None, *, deduplicate: bool) -> Said:
    begin = NOW if since is None else NOW - timedelta(days=since)
    end = None if lasts is None else begin + timedelta(days=lasts)
    occurred_at = None if since is None else begin
    return Said(text, occurred_at=occurred_at, valid_until=end, ttl_minutes=ttl, deduplicate=deduplicate)


SAYINGS = st.builds(
    saying,
    st.sampled_from(["I like tea.", "i like TEA", "I live in Oslo.", "I live in Rome.", "I live in Oslo. I like tea."]),
    st.none() | st.integers(1, 4),
    st.none() | st.none() | st.integers(1, 4),
    st.none() | st.none() | st.integers(5, 6),
    deduplicate=st.sampled_from([True, True, True, False]),
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(SAYINGS, min_size=2, max_size=6))
def test_together_they_come_to_what_they_come_to_one_after_the_other(world: World, said: list[Said]) -> None:
    one_after_the_other, at_once = (user_scope("acme", "support", Environment.LIVE, f"again-{next(NUMBERS)}") for _ in range(2))

    alone = [found for each in said for found in added(world, each, scope=one_after_the_other)]
    together = added(world, *said, scope=at_once)

    assert told(together) == told(alone)
    assert kept(world, at_once) == kept(world, one_after_the_other)


def told(found: list[Added]) -> list[Any]:
    """Return what was told of each statement, its memory by its place among those that were told of before."""
    places: dict[str, int] = {}
    return [(each.outcome, each.rule, places.setdefault(each.memory_id, len(places))) for one in found for each in one.outcomes]


def kept(world: World, scope: Scope) -> list[Any]:
    """Return what is there, by what it says of itself."""
    rows = world.store.page(scope, limit=50, before=None, now=world.clock.now()).memories
    return sorted(
        (
            row.text,
            str(row.valid_from),
            str(row.valid_until),
            str(row.expires_at),
            world.store.evidence_count("acme", row.memory_id),
        )
        for row in rows
    )


def test_an_attempt_that_died_finds_its_own_memory_though_it_is_met_before(world: World) -> None:
    world.requests = BreakingOnce(Table(IDEMPOTENCY, world.seam), world.ids, world.clock)
    with pytest.raises(ZeroDivisionError):
        added(world, TEA, requests=(keyed(2),))

    found = added(world, TEA, TEA, requests=(keyed(1), keyed(2)))

    assert outcomes(found) == [Outcome.MERGED, Outcome.STORED]
