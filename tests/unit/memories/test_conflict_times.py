"""Statements of other times than now: each meets those that held in its own, and sent again it changes nothing."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.extraction.pipeline import Pipeline
from backend.memories.conflicts import MOST_PAST
from backend.memories.model import Memory, OnConflict, Said, State
from backend.memories.outcomes import Outcome
from backend.memories.policy import Winner
from backend.memories.reviewing import Decision, Reviewing
from tests.unit.memories.conflict_cases import CLAIM, DAY, YEAR, added, city, row, standing, told
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, NOW, keyed

FIRST, SECOND, THIRD, FOURTH = (NOW - years * YEAR for years in (7, 6, 5, 3))
"""2019, 2020, 2021 and 2023, as it were."""

Lasting = tuple[str, datetime, datetime | None]


def work(name: str, since: datetime, until: datetime | None = None) -> Said:
    return Said(f"I work at {name}.", valid_from=since, valid_until=until)


def reviewing(world: FakeWorld) -> Reviewing:
    return Reviewing(
        store=world.store,
        requests=world.requests,
        embedder=world.embedder,
        policies=world.policies,
        clock=world.clock,
        ids=world.ids,
    )


def every(world: FakeWorld) -> list[Memory]:
    """Return all live rows of the owner and those that wait, oldest first."""
    after: dict[str, str] | None = None
    found: list[tuple[str, str]] = []
    while True:
        rows, after = world.store.walk(after)
        found += rows
        if after is None:
            break
    stored = world.store.get_many("acme", [memory_id for _, memory_id in found])
    return [each for each in stored.values() if each.state is not State.FORGOTTEN]


def lasting(world: FakeWorld) -> set[Lasting]:
    """Return what held when."""
    return {(each.text, each.valid_from, each.valid_until) for each in every(world)}


def oslo_then_rome(world: FakeWorld) -> tuple[Memory, Memory]:
    oslo = told(world, city("Oslo", occurred_at=FIRST))
    return oslo, told(world, city("Rome", occurred_at=THIRD))


# What held in its own time


def test_what_is_said_late_is_evidence_of_the_memory_that_held_then(world: FakeWorld) -> None:
    oslo, rome = oslo_then_rome(world)

    done = added(world, city("Oslo", occurred_at=SECOND))

    assert (done.outcomes[0].outcome, done.outcomes[0].memory_id) == (Outcome.MERGED, oslo.memory_id)
    assert len(every(world)) == 2
    assert world.store.evidence_count("acme", oslo.memory_id) == 2
    assert row(world, rome) == rome


def test_what_is_said_late_contradicts_what_held_then_and_never_what_holds_now(world: FakeWorld) -> None:
    oslo, rome = oslo_then_rome(world)

    done = added(world, city("Paris", occurred_at=SECOND))

    (paris,) = done.memories
    assert (done.outcomes[0].outcome, paris.supersedes) == (Outcome.SUPERSEDED, (oslo.memory_id,))
    assert (row(world, oslo).superseded_by, row(world, oslo).ended_before) == (paris.memory_id, None)
    assert row(world, rome) == rome
    assert lasting(world) == {
        ("I live in Oslo.", FIRST, SECOND),
        ("I live in Paris.", SECOND, THIRD),
        ("I live in Rome.", THIRD, None),
    }


def test_the_caller_decides_what_becomes_of_what_held_then(world: FakeWorld) -> None:
    oslo, _ = oslo_then_rome(world)
    before = row(world, oslo)

    waits = added(world, city("Paris", occurred_at=SECOND, on_conflict=OnConflict.INBOX))
    beside = added(world, city("Bern", occurred_at=SECOND, on_conflict=OnConflict.KEEP_BOTH))

    assert (waits.outcomes[0].outcome, waits.memories[0].disputes) == (Outcome.DISPUTED, (oslo.memory_id,))
    assert (beside.outcomes[0].outcome, beside.memories[0].valid_until) == (Outcome.STORED, None)
    assert row(world, oslo) == before


@pytest.mark.parametrize("winner", [Winner.ASK, Winner.TRUSTED, Winner.CONFIDENT])
def test_what_is_said_of_the_time_before_asks_nobody(world: FakeWorld, winner: Winner) -> None:
    rome = told(world, city("Rome", occurred_at=THIRD, source="chat"), winner=winner, trusted=("crm",))

    done = added(world, city("Oslo", occurred_at=FIRST, source="crm"), winner=winner, trusted=("crm",))

    assert (done.outcomes[0].outcome, done.memories[0].valid_until) == (Outcome.STORED, THIRD)
    assert row(world, rome) == rome


def test_the_same_of_the_time_before_is_a_memory_of_that_time(world: FakeWorld) -> None:
    told(world, city("Oslo", occurred_at=FOURTH))
    told(world, city("Oslo", occurred_at=FIRST))
    told(world, city("Rome", occurred_at=THIRD))

    assert lasting(world) == {
        ("I live in Oslo.", FIRST, THIRD),
        ("I live in Rome.", THIRD, FOURTH),
        ("I live in Oslo.", FOURTH, None),
    }
    assert told(world, city("Oslo")).valid_from == FOURTH


def test_what_was_said_again_of_a_later_time_is_not_ended_before_it(world: FakeWorld) -> None:
    oslo = told(world, city("Oslo", occurred_at=FIRST))
    told(world, city("Oslo", occurred_at=FOURTH))

    rome = told(world, city("Rome", occurred_at=THIRD))

    assert (rome.valid_until, rome.supersedes) == (FOURTH, ())
    assert row(world, oslo).last_said == FOURTH
    assert standing(world) == {"I live in Oslo."}


def test_an_episode_within_what_held_on_ends_nothing_in_either_order(world: FakeWorld) -> None:
    other = FakeWorld()
    lisbon, porto = city("Lisbon", occurred_at=FIRST), city("Porto", valid_from=SECOND, valid_until=THIRD)

    for each in (lisbon, porto):
        told(world, each)
    for each in (porto, lisbon):
        told(other, each)

    assert lasting(world) == lasting(other) == {("I live in Lisbon.", FIRST, None), ("I live in Porto.", SECOND, THIRD)}


def test_an_episode_waits_where_the_caller_wants_to_be_asked(world: FakeWorld) -> None:
    lisbon = told(world, city("Lisbon", occurred_at=FIRST))

    done = added(world, city("Porto", valid_from=SECOND, valid_until=THIRD), winner=Winner.ASK)

    assert (done.outcomes[0].outcome, done.memories[0].disputes) == (Outcome.DISPUTED, (lisbon.memory_id,))


# Sent again


def test_of_two_said_of_the_same_moment_neither_is_stored_again(world: FakeWorld) -> None:
    both = [city("Oslo", occurred_at=SECOND), city("Rome", occurred_at=SECOND)]
    ids = [told(world, each).memory_id for each in both]

    again = [added(world, each) for each in (*both, *reversed(both))]

    assert [each.memories[0].memory_id for each in again] == [*ids, *reversed(ids)]
    assert {each.outcomes[0].outcome for each in again} == {Outcome.MERGED}
    assert standing(world) == {"I live in Rome."}


@pytest.mark.parametrize("asked", [None, OnConflict.SUPERSEDE])
def test_one_that_came_back_is_stored_once_for_each_time(world: FakeWorld, asked: OnConflict | None) -> None:
    moves = [(FIRST, "Oslo"), (SECOND, "Rome"), (THIRD, "Oslo"), (FOURTH, "Rome")]
    told_of = [city(name, occurred_at=when, on_conflict=asked) for when, name in moves]
    ids = [told(world, each).memory_id for each in told_of]

    again = [told(world, each).memory_id for each in (*told_of, *reversed(told_of))]

    assert again == [*ids, *reversed(ids)]
    assert len(set(ids)) == 4


def test_one_that_waits_for_a_decision_is_not_asked_about_twice(world: FakeWorld) -> None:
    oslo_then_rome(world)
    paris = city("Paris", occurred_at=SECOND, on_conflict=OnConflict.INBOX)
    waits = told(world, paris)

    assert added(world, paris).outcomes[0].memory_id == waits.memory_id
    assert len([each for each in every(world) if each.state is State.DISPUTED]) == 1


def test_one_that_waited_is_taken_as_of_its_own_time(world: FakeWorld) -> None:
    oslo = told(world, city("Oslo", occurred_at=FIRST))
    waits = told(world, city("Rome", occurred_at=SECOND, on_conflict=OnConflict.INBOX))
    rome = told(world, city("Rome", occurred_at=THIRD))

    decided, _ = reviewing(world).decide(ACME, waits.memory_id, Decision.SUPERSEDE, None, "key:1")

    assert (decided.outcome.outcome, decided.memory.supersedes) == (Outcome.SUPERSEDED, (oslo.memory_id,))
    assert lasting(world) == {
        ("I live in Oslo.", FIRST, SECOND),
        ("I live in Rome.", SECOND, THIRD),
        ("I live in Rome.", THIRD, None),
    }
    assert told(world, city("Rome")).memory_id == rome.memory_id
    assert told(world, city("Rome", occurred_at=SECOND)).memory_id == waits.memory_id


def test_one_that_waited_and_is_known_of_its_time_by_now_becomes_evidence(world: FakeWorld) -> None:
    told(world, city("Oslo", occurred_at=FIRST))
    waits = told(world, city("Rome", occurred_at=SECOND, on_conflict=OnConflict.INBOX))
    known = told(world, city("Rome", occurred_at=SECOND))
    told(world, city("Bern", occurred_at=THIRD))

    decided, _ = reviewing(world).decide(ACME, waits.memory_id, Decision.SUPERSEDE, None, "key:1")

    assert (decided.outcome.outcome, decided.memory.memory_id) == (Outcome.MERGED, known.memory_id)
    assert world.store.evidence_count("acme", known.memory_id) == 2


MOMENTS = [NOW - days * DAY for days in (3000, 2500, 2000, 1500, 1000, 500)]
NAMES = ["Oslo", "Rome", "Paris", "Bern"]


@st.composite
def statements(draw: st.DrawFn) -> Said:
    """Return where somebody lives since a moment, or within two."""
    since = draw(st.sampled_from(MOMENTS))
    later = [None, None, *(each for each in MOMENTS if each > since), NOW + YEAR]
    asked = draw(st.sampled_from([None, None, OnConflict.SUPERSEDE]))
    return city(draw(st.sampled_from(NAMES)), valid_from=since, valid_until=draw(st.sampled_from(later)), on_conflict=asked)


@settings(max_examples=100)
@given(st.lists(statements(), max_size=7).flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))))
def test_whatever_is_told_told_again_in_any_order_changes_nothing(told_of: tuple[list[Said], list[Said]]) -> None:
    world = FakeWorld()
    for each in told_of[0]:
        told(world, each)
    before = every(world)

    again = [added(world, each).outcomes[0].outcome for each in told_of[1]]

    assert every(world) == before
    assert set(again) <= {Outcome.MERGED}


@settings(max_examples=40)
@given(st.permutations(range(5)), st.sets(st.integers(0, 4)))
def test_moves_told_in_any_order_leave_the_same_timeline(order: list[int], repeated: set[int]) -> None:
    world = FakeWorld()
    names = ["Oslo", "Rome", "Paris", "Bern", "Faro"]
    for number in (*order, *repeated):
        told(world, city(names[number], occurred_at=MOMENTS[number]))

    ends = [*MOMENTS[1:5], None]
    assert lasting(world) == {(f"I live in {name}.", MOMENTS[at], ends[at]) for at, name in enumerate(names)}


# What it costs


def test_what_is_said_today_does_not_read_what_has_ended(world: FakeWorld) -> None:
    for number in range(6):
        told(world, city(NAMES[number % 4]))
    read: list[int] = []
    rows = world.store.get_many

    def counted(tenant_id: str, memory_ids: list[str]) -> dict[str, Memory]:
        read.append(len(memory_ids))
        return rows(tenant_id, memory_ids)

    world.store.get_many = counted  # type: ignore[method-assign,assignment] # counts what is read

    told(world, city("Faro"))

    assert read == [1]


def test_no_more_than_so_many_that_ended_are_kept_to_compare_with(world: FakeWorld) -> None:
    for number in range(MOST_PAST + 3):
        told(world, city(f"City{number}"))

    holders = world.store.holders("acme", CLAIM)

    assert (len(holders.memory_ids), len(holders.past)) == (1, MOST_PAST)


def test_a_dry_run_tells_the_same_of_a_statement_said_late(world: FakeWorld) -> None:
    oslo, _ = oslo_then_rome(world)
    memories = world.remembering(extractor=Pipeline())

    foreseen = [memories.preview(ACME, city(name, occurred_at=SECOND)).outcomes[0] for name in ("Oslo", "Paris")]

    assert [each.outcome for each in foreseen] == [Outcome.MERGED, Outcome.SUPERSEDED]
    assert foreseen[0].memory_id == oslo.memory_id


def test_a_late_statement_under_a_key_answers_the_same_when_it_is_sent_again(world: FakeWorld) -> None:
    oslo_then_rome(world)
    memories = world.remembering(extractor=Pipeline())

    first, again = (memories.add(ACME, city("Paris", occurred_at=SECOND), keyed()) for _ in range(2))

    assert (again.replayed, again.outcomes, again.memories) == (True, first.outcomes, first.memories)


# The examples of docs/memories.md

SIEMENS, BOSCH, MAY, BEFORE = (
    datetime(*each, tzinfo=NOW.tzinfo) for each in ((2024, 1, 1), (2025, 6, 1), (2024, 5, 1), (2023, 5, 1))
)


@pytest.mark.parametrize(
    ("said", "outcome", "held"),
    [
        (work("Zeiss", BEFORE), Outcome.STORED, {("Zeiss", BEFORE, SIEMENS), ("Siemens", SIEMENS, BOSCH)}),
        (work("Siemens", MAY), Outcome.MERGED, {("Siemens", SIEMENS, BOSCH)}),
        (work("Zeiss", MAY), Outcome.SUPERSEDED, {("Siemens", SIEMENS, MAY), ("Zeiss", MAY, BOSCH)}),
        (work("Siemens", BEFORE), Outcome.STORED, {("Siemens", BEFORE, SIEMENS), ("Siemens", SIEMENS, BOSCH)}),
        (
            work("Zeiss", datetime(2024, 2, 1, tzinfo=NOW.tzinfo), MAY),
            Outcome.STORED,
            {("Siemens", SIEMENS, BOSCH), ("Zeiss", datetime(2024, 2, 1, tzinfo=NOW.tzinfo), MAY)},
        ),
    ],
)
def test_what_is_told_late_of_where_somebody_worked(world: FakeWorld, said: Said, outcome: Outcome, held: set[Lasting]) -> None:
    for each in (work("Siemens", SIEMENS), work("Bosch", BOSCH)):
        told(world, each)

    assert added(world, said).outcomes[0].outcome is outcome
    employers = {(text.removeprefix("I work at ").removesuffix("."), since, until) for text, since, until in lasting(world)}
    assert employers == held | {("Bosch", BOSCH, None)}
