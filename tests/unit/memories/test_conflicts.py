"""What becomes of statements that cannot both hold: the newest holds, and the other stays as what was true."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.extraction.model import Claimed
from backend.extraction.pipeline import Pipeline
from backend.index.model import IndexDocument
from backend.kit.clock import epoch_ms
from backend.memories.conflicts import MOST_HOLDERS, claim_of, contradicts, restored
from backend.memories.model import (
    OnConflict,
    Said,
    State,
)
from backend.memories.outcomes import (
    Outcome,
)
from backend.memories.policy import Winner
from tests.unit.memories.conflict_cases import CLAIM, DAY, YEAR, added, city, row, standing, told
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, NEIGHBOUR, NOW, OTHER_PROJECT, memory, memory_id

# What contradicts what


@pytest.mark.parametrize(
    ("first", "second", "contradict"),
    [
        ("lisbon", "porto", True),
        ("lisbon", "old lisbon", False),
        ("old lisbon", "lisbon", False),
        ("lisbon", "lisbon", False),
        ("new york", "york old", True),
    ],
)
def test_two_values_of_one_attribute_contradict_unless_one_only_says_it_more_exactly(
    first: str, second: str, contradict: bool
) -> None:
    one, other = (memory(number, claimed=Claimed("i", "live in", value)) for number, value in ((1, first), (2, second)))

    assert contradicts(one, other) is contradicts(other, one) is contradict


def test_what_claims_nothing_contradicts_nothing() -> None:
    assert not contradicts(memory(1), memory(2, claimed=Claimed("i", "live in", "porto")))
    assert claim_of(memory(1)) is None


UNRELATED = [
    ("I live in Porto.", "My sister lives in Lisbon."),
    ("I live in Porto.", "I work at Acme."),
    ("I like tea.", "I like coffee."),
    ("I visited Porto.", "I visited Lisbon."),
    ("My name is Samuel.", "My dog's name is Rex."),
    ("I live in Porto.", "I do not live in Lisbon."),
    ("The sky is red.", "The sky is blue."),
    # Who somebody is, and how they are
    ("My boss is Ada.", "My boss is angry."),
    ("My boss is Ada.", "My boss is Portuguese."),
    ("My manager is Tom.", "My manager is on holiday."),
    ("My husband is Rui.", "My husband is tired."),
    ("My wife is Ana.", "My wife is a doctor."),
    ("My school is Lincoln High.", "My school is closed today."),
    ("My favorite restaurant is Noma.", "My favourite restaurant is closed."),
    ("My favorite color is green.", "My favourite colour is ugly."),
    ("Our deadline is Friday.", "Our deadline is tight."),
    ("My e-mail is ada@example.com.", "My e-mail is full."),
    ("My title is Senior Engineer.", "My title is too long."),
    # Places, employers and names, and what stands in their place
    ("I live in Porto.", "I moved to the sofa."),
    ("I live in Porto.", "I live in fear."),
    ("I live in Porto.", "I live in a van."),
    ("I live in Porto.", "I live in Faro during the summer."),
    ("I work at Acme.", "I work for two hours."),
    ("I work at Acme.", "I work at night."),
    ("I work as a nurse.", "I work as hard as I can."),
    ("I am called Sam.", "I go by train."),
    ("My name is Samuel.", "Call me Sam."),
    # Numbers that are no age, and what is no marriage
    ("I am 34 years old.", "I am 3 in the queue."),
    ("We are 20 years old.", "We are 8 for dinner."),
    ("I am married.", "I am engaged in politics."),
    ("I am married.", "I am married to my work."),
    # Whom or what a sentence before has named
    ("She lives in Porto.", "She lives in Rome."),
    ("He is married.", "He is single."),
    ("Her boss is Ada.", "Her boss is Tom."),
    ("Their budget is 500 euros.", "Their budget is 900 euros."),
    ("The price is 5 euros.", "The price is 9 euros."),
    ("The status is open.", "The status is closed."),
    ("The deadline is Friday.", "The deadline is Monday."),
    ("The price is 5.", "The price is 9."),
]

CONTRARY = [
    ("I live in Porto.", "I moved to Lisbon."),
    ("I live in Porto, Portugal.", "I'm based in the Netherlands now."),
    ("My boss is Ada.", "My boss is Tom."),
    ("My boss is Ada.", "Tom is my new boss."),
    ("I am 34.", "I am 35 years old."),
    ("My son is 8.", "My son is 9 years old."),
    ("I work at Acme, Inc.", "I work for Bosch since May."),
    ("I work as a nurse.", "I work as a teacher."),
    ("My favorite color is green.", "My favourite colour is red."),
    ("My neighbour lives in Porto.", "My neighbor moved to Braga last year."),
    ("Call me Sam.", "I go by Max."),
    ("I am married.", "I am divorced."),
    ("I am engaged to Tom.", "I got married in May."),
    ("Our deadline is Friday.", "Our deadline was moved to Monday."),
    ("The deadline for the report is Friday.", "The deadline for the report is Monday."),
    ("Ana's boss is Tom.", "Ana's boss is Rui."),
]


@pytest.mark.parametrize(("first", "second"), CONTRARY)
def test_of_two_values_of_one_attribute_the_later_holds(world: FakeWorld, first: str, second: str) -> None:
    one, other = told(world, Said(first)), told(world, Said(second))

    assert other.supersedes == (one.memory_id,)
    assert standing(world) == {second}


@pytest.mark.parametrize(("first", "second"), [*UNRELATED, *((second, first) for first, second in UNRELATED)])
def test_unrelated_facts_never_retire_each_other(world: FakeWorld, first: str, second: str) -> None:
    one, other = told(world, Said(first)), told(world, Said(second))

    assert row(world, one).valid_until is None
    assert row(world, one).revision == 1
    assert other.supersedes == ()


def test_another_speaker_user_or_project_says_another_thing(world: FakeWorld) -> None:
    told(world, city("Porto"))
    memories = world.remembering(extractor=Pipeline())

    done = [
        memories.add(ACME, city("Lisbon", speaker="Ana")),
        memories.add(NEIGHBOUR, city("Lisbon")),
        memories.add(OTHER_PROJECT, city("Lisbon")),
    ]

    assert [each.outcomes[0].outcome for each in done] == [Outcome.STORED] * 3
    assert "I live in Porto." in standing(world)


@settings(max_examples=40)
@given(st.lists(st.sampled_from([text for pair in UNRELATED for text in pair]), max_size=8))
def test_whatever_is_told_in_whatever_order_unrelated_facts_all_hold(texts: list[str]) -> None:
    world = FakeWorld()
    for text in texts:
        told(world, Said(text))

    assert standing(world) == set(texts)


# The newest holds


def test_the_newest_of_two_holds_and_the_other_stays_as_what_was_true(world: FakeWorld) -> None:
    first = told(world, city("Porto"))
    before = world.clock.now()

    done = added(world, city("Lisbon"))

    (winner,) = done.memories
    assert (done.outcomes[0].outcome, done.outcomes[0].rule) == (Outcome.SUPERSEDED, "same_claim")
    assert winner.supersedes == (first.memory_id,)
    ended = row(world, first)
    assert (ended.state, ended.valid_until, ended.ended_before) == (State.ACTIVE, winner.valid_from, None)
    assert (ended.superseded_by, ended.superseded_at) == (winner.memory_id, before)
    assert (ended.revision, ended.row_version, ended.actor, ended.reason) == (2, 2, "key:1", "superseded")
    (revision,) = world.store.revisions("acme", first.memory_id)
    assert (revision.memory, revision.known_until, revision.closed_by) == (first, before, "key:1")
    assert standing(world) == {"I live in Lisbon."}
    assert standing(world, at=NOW) == {"I live in Porto."}


def test_the_index_is_told_of_the_end_and_of_what_was_known_before(world: FakeWorld) -> None:
    first, second = told(world, city("Porto")), told(world, city("Lisbon"))

    found = [each for each in world.store.pending(ACME)[0] if isinstance(each, IndexDocument)]

    assert {(each.memory_id, each.revision): (each.valid_until, each.known_until) for each in found} == {
        (first.memory_id, 2): (epoch_ms(second.valid_from), None),
        (first.memory_id, 1): (None, epoch_ms(second.created_at)),
        (second.memory_id, 1): (None, None),
    }


def test_a_fact_that_was_superseded_and_is_true_again_is_a_memory_of_its_own(world: FakeWorld) -> None:
    first = told(world, city("Porto"))
    told(world, city("Lisbon"))

    again = added(world, city("Porto"))

    assert again.outcomes[0].outcome is Outcome.SUPERSEDED
    assert again.memories[0].memory_id != first.memory_id
    assert standing(world) == {"I live in Porto."}


def test_what_says_the_same_more_exactly_stands_beside_it(world: FakeWorld) -> None:
    told(world, city("Lisbon"))

    assert added(world, city("old Lisbon")).outcomes[0].outcome is Outcome.STORED
    assert len(standing(world)) == 2
    moved = told(world, city("Porto"))
    assert len(moved.supersedes) == 2
    assert standing(world) == {"I live in Porto."}


# What was true when


def test_what_is_said_late_is_kept_as_what_was_true_until_the_other_began(world: FakeWorld) -> None:
    holder = told(world, city("Lisbon", valid_from=NOW - YEAR))

    done = added(world, city("Porto", valid_from=NOW - 3 * YEAR))

    (late,) = done.memories
    assert done.outcomes[0].outcome is Outcome.STORED
    assert (late.valid_until, late.supersedes) == (NOW - YEAR, ())
    assert row(world, holder) == holder
    assert standing(world) == {"I live in Lisbon."}
    assert standing(world, at=NOW - 2 * YEAR) == {"I live in Porto."}
    assert world.store.holders("acme", CLAIM).memory_ids == (holder.memory_id,)


def test_what_is_said_late_and_ended_by_itself_ends_at_the_earlier_of_the_two(world: FakeWorld) -> None:
    told(world, city("Lisbon", valid_from=NOW - YEAR))

    late = told(world, city("Porto", valid_from=NOW - 4 * YEAR, valid_until=NOW - 2 * YEAR))

    assert late.valid_until == NOW - 2 * YEAR


def test_a_history_that_is_sent_again_is_stored_once(world: FakeWorld) -> None:
    cities = {3: "Faro", 2: "Porto", 1: "Lisbon"}
    history = [city(name, valid_from=NOW - years * YEAR) for years, name in cities.items()]
    ids = [told(world, each).memory_id for each in history]

    again = [added(world, each) for each in history]

    assert [each.memories[0].memory_id for each in again] == ids
    assert [each.outcomes[0].outcome for each in again] == [Outcome.MERGED] * 3


def test_what_is_said_to_have_lasted_longer_than_is_known_is_stored_anew(world: FakeWorld) -> None:
    said = Said("The cinema is open on Mondays.", valid_from=NOW - 3 * YEAR, valid_until=NOW - 2 * YEAR)
    first = told(world, said)

    longer = told(world, replace(said, valid_until=NOW - YEAR))

    assert longer.memory_id != first.memory_id
    assert told(world, replace(said, valid_until=NOW - YEAR)).memory_id == longer.memory_id
    assert told(world, replace(said, valid_from=NOW - 2 * YEAR - DAY)).memory_id == longer.memory_id


@settings(max_examples=40)
@given(st.permutations(range(5)))
def test_a_history_is_the_same_in_whatever_order_it_is_told(order: list[int]) -> None:
    world = FakeWorld()
    names = ["Faro", "Porto", "Braga", "Evora", "Lisbon"]
    for number in order:
        told(world, city(names[number], valid_from=NOW - (5 - number) * YEAR))

    assert standing(world) == {"I live in Lisbon."}
    for number, name in enumerate(names):
        # Which of those before is seen ended depends on the order; what held in its own time is there in each.
        assert f"I live in {name}." in standing(world, at=NOW - (5 - number) * YEAR)
    assert len(world.store.holders("acme", CLAIM).memory_ids) == 1


def test_what_has_ended_by_its_own_words_retires_nothing(world: FakeWorld) -> None:
    holder = told(world, city("Lisbon", valid_from=NOW - 5 * YEAR))

    done = added(world, city("Porto", valid_from=NOW - 2 * YEAR, valid_until=NOW - YEAR))

    assert done.outcomes[0].outcome is Outcome.STORED
    assert row(world, holder) == holder
    assert standing(world) == {"I live in Lisbon."}


def test_what_will_be_true_ends_what_is_true_when_it_begins_and_not_before(world: FakeWorld) -> None:
    told(world, city("Porto"))
    told(world, city("Lisbon", valid_from=NOW + YEAR))

    assert standing(world) == {"I live in Porto."}
    assert standing(world, at=NOW + 2 * YEAR) == {"I live in Lisbon."}


def test_what_is_true_until_a_plan_begins_still_contradicts_what_is_said_now(world: FakeWorld) -> None:
    told(world, city("Porto"))
    told(world, city("Lisbon", valid_from=NOW + YEAR))

    faro = told(world, city("Faro"))

    assert faro.valid_until == NOW + YEAR
    assert standing(world) == {"I live in Faro."}
    assert standing(world, at=NOW + 2 * YEAR) == {"I live in Lisbon."}
    told(world, city("Braga"))
    assert standing(world) == {"I live in Braga."}


def test_two_plans_that_do_not_meet_leave_each_other_alone(world: FakeWorld) -> None:
    summer = told(world, city("Faro", valid_from=NOW + DAY, valid_until=NOW + 10 * DAY))
    winter = told(world, city("Braga", valid_from=NOW + 20 * DAY, valid_until=NOW + 30 * DAY))

    assert (row(world, summer).revision, row(world, winter).revision, winter.supersedes) == (1, 1, ())


# Undoing it


def test_a_supersession_is_undone_as_if_it_had_not_been(world: FakeWorld) -> None:
    first = told(world, city("Porto", valid_until=NOW + 9 * YEAR))
    told(world, city("Lisbon"))
    ended = row(world, first)
    assert ended.ended_before == NOW + 9 * YEAR

    step = restored(ended, "ops", world.clock.now())

    back = step.memory
    assert (back.valid_until, back.ended_before, back.superseded_by, back.superseded_at) == (NOW + 9 * YEAR, None, None, None)
    assert (back.revision, back.row_version, back.actor, back.reason) == (3, 3, "ops", "restored")
    assert step.closes
    assert (step.closes.memory, step.closes.known_until) == (ended, world.clock.now())
    told_of = [each for each in step.changes if isinstance(each, IndexDocument)]
    assert [(each.revision, each.known_until is None) for each in told_of] == [(3, True), (2, False)]


# Many that were kept beside each other


def test_no_more_than_twenty_hold_a_claim_and_the_oldest_is_compared_no_more(world: FakeWorld) -> None:
    for number in range(MOST_HOLDERS + 2):
        told(world, city(f"City{number}", on_conflict=OnConflict.KEEP_BOTH))

    winner = told(world, city("Lisbon"))

    assert len(world.store.holders("acme", CLAIM).memory_ids) == 1
    assert len(winner.supersedes) == MOST_HOLDERS
    assert standing(world) == {"I live in Lisbon.", "I live in City0.", "I live in City1."}


def test_who_is_forgotten_or_has_expired_no_longer_holds_a_claim(world: FakeWorld) -> None:
    forgotten = told(world, city("Porto"))
    world.memories.forget(ACME, forgotten.memory_id)
    told(world, city("Faro", ttl_minutes=1, on_conflict=OnConflict.KEEP_BOTH))
    world.clock.advance(minutes=2)

    done = added(world, city("Lisbon"), winner=Winner.ASK)

    assert done.outcomes[0].outcome is Outcome.STORED
    assert world.store.holders("acme", CLAIM).memory_ids == (done.memories[0].memory_id,)
    assert memory_id(1) not in world.store.holders("acme", CLAIM).memory_ids
