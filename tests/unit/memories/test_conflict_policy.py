"""Which of two contradicting statements holds, by the caller's wish and the tenant's policy."""

from __future__ import annotations

import pytest

from backend.memories.model import (
    OnConflict,
    Said,
    State,
)
from backend.memories.outcomes import (
    Outcome,
)
from backend.memories.policy import MemoryPolicy, Verdict, Winner
from tests.unit.memories.conflict_cases import CLAIM, DAY, added, city, row, standing, told
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import NOW, memory

# What the caller asks for


def test_both_are_kept_when_the_caller_says_so(world: FakeWorld) -> None:
    told(world, city("Porto"))

    done = added(world, city("Lisbon", on_conflict=OnConflict.KEEP_BOTH), winner=Winner.ASK)

    assert done.outcomes[0].outcome is Outcome.STORED
    assert standing(world) == {"I live in Porto.", "I live in Lisbon."}
    assert len(told(world, city("Faro")).supersedes) == 2


def test_what_the_caller_wants_decided_waits_and_changes_nothing(world: FakeWorld) -> None:
    first = told(world, city("Porto"))

    done = added(world, city("Lisbon", on_conflict=OnConflict.INBOX))

    (waiting,) = done.memories
    assert (done.outcomes[0].outcome, done.outcomes[0].rule) == (Outcome.DISPUTED, "same_claim")
    assert (waiting.state, waiting.disputes) == (State.DISPUTED, (first.memory_id,))
    assert row(world, first) == first
    assert standing(world) == {"I live in Porto."}
    assert world.store.holders("acme", CLAIM).memory_ids == (first.memory_id,)
    assert added(world, city("Lisbon", on_conflict=OnConflict.INBOX)).outcomes[0].outcome is Outcome.MERGED


@pytest.mark.parametrize("winner", Winner)
def test_what_the_caller_asks_for_goes_before_the_policy(world: FakeWorld, winner: Winner) -> None:
    told(world, city("Porto", source="crm"))

    done = added(world, city("Lisbon", on_conflict=OnConflict.SUPERSEDE), winner=winner, trusted=("crm",))

    assert done.outcomes[0].outcome is Outcome.SUPERSEDED


def test_what_is_known_already_is_no_dispute_whatever_is_claimed_beside_it(world: FakeWorld) -> None:
    known = told(world, city("Porto"))
    told(world, city("Lisbon", on_conflict=OnConflict.KEEP_BOTH))

    again = added(world, city("Porto"), winner=Winner.ASK)

    assert (again.outcomes[0].outcome, again.memories[0].memory_id) == (Outcome.MERGED, known.memory_id)


# The policy


def test_a_tenant_that_wants_to_be_asked_is_asked(world: FakeWorld) -> None:
    told(world, city("Porto"), winner=Winner.ASK)

    assert added(world, city("Lisbon"), winner=Winner.ASK).outcomes[0].outcome is Outcome.DISPUTED
    assert added(world, Said("I like tea."), winner=Winner.ASK).outcomes[0].outcome is Outcome.STORED


@pytest.mark.parametrize(
    ("holds", "comes", "outcome"),
    [
        ("chat", "crm", Outcome.SUPERSEDED),
        ("crm", "chat", Outcome.DISPUTED),
        ("crm", None, Outcome.DISPUTED),
        (None, "mail", Outcome.SUPERSEDED),
        ("mail", "crm", Outcome.SUPERSEDED),
        ("crm", "mail", Outcome.DISPUTED),
        ("crm", "crm", Outcome.SUPERSEDED),
        ("chat", "fax", Outcome.SUPERSEDED),
    ],
)
def test_the_most_trusted_source_holds_and_among_equals_the_newest(
    world: FakeWorld, holds: str | None, comes: str | None, outcome: Outcome
) -> None:
    told(world, city("Porto", source=holds))

    done = added(world, city("Lisbon", source=comes), winner=Winner.TRUSTED, trusted=("crm", "mail"))

    assert done.outcomes[0].outcome is outcome


@pytest.mark.parametrize(
    ("holds", "comes", "verdict"),
    [(0.5, 0.75, Verdict.SUPERSEDES), (0.75, 0.5, Verdict.INBOX), (0.5, 0.5, Verdict.SUPERSEDES)],
)
def test_the_surest_statement_holds_and_among_equals_the_newest(holds: float, comes: float, verdict: Verdict) -> None:
    policy = MemoryPolicy(winner=Winner.CONFIDENT)

    assert policy.verdict(memory(2, confidence=comes), memory(1, confidence=holds), None) is verdict


@pytest.mark.parametrize("winner", [Winner.NEWEST, Winner.TRUSTED, Winner.CONFIDENT])
def test_among_equals_what_was_true_earlier_ends_where_the_later_begins(winner: Winner) -> None:
    policy = MemoryPolicy(winner=winner, trusted_sources=("crm",))
    earlier, later = memory(1, valid_from=NOW - DAY), memory(2)

    assert policy.verdict(earlier, later, None) is Verdict.ENDED
    assert policy.verdict(later, earlier, None) is Verdict.SUPERSEDES
    assert policy.verdict(later, later, None) is Verdict.SUPERSEDES


@pytest.mark.parametrize("winner", Winner)
@pytest.mark.parametrize(("asked", "verdict"), [(OnConflict.KEEP_BOTH, Verdict.BESIDE), (OnConflict.INBOX, Verdict.INBOX)])
def test_the_callers_wish_is_the_verdict(winner: Winner, asked: OnConflict, verdict: Verdict) -> None:
    policy = MemoryPolicy(winner=winner, trusted_sources=("crm",))

    assert policy.verdict(memory(2), memory(1, source="crm"), asked) is verdict
    assert policy.verdict(memory(2, source="crm"), memory(1), asked) is verdict
