"""Where it is kept what became of turns: the fake and DynamoDB keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from backend.memories.outcomes import CandidateOutcome, Outcome
from backend.turns.fake import FakeTurnStore
from backend.turns.model import MOST_OUTCOMES, TOLD_FOR, MessageOutcome, Turn
from backend.turns.ports import TurnStore
from backend.turns.store import DynamoTurnStore
from tests.support.tables import aws, engine, template_table
from tests.unit.memories.samples import ACME, NEIGHBOUR, RIVAL, memory_id

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
TURN_ID = f"turn_{1:026d}"


@pytest.fixture(params=["fake", engine()])
def store(request: pytest.FixtureRequest) -> Iterator[TurnStore]:
    if request.param == "fake":
        yield FakeTurnStore()
        return
    with aws():
        yield DynamoTurnStore(template_table("StateTable"))


def turn(*outcomes: MessageOutcome) -> Turn:
    return Turn(TURN_ID, "s1", 3, 4, outcomes, {"stored": 1, "skipped_transient": 2}, NOW)


def test_a_turn_is_read_as_it_was_stored_by_its_owner_alone(store: TurnStore) -> None:
    kept = turn(
        MessageOutcome(0, CandidateOutcome(0, Outcome.STORED, memory_id(1))),
        MessageOutcome(1, CandidateOutcome(0, Outcome.TRANSIENT, "", "greeting")),
    )
    store.put("acme", ACME.home, kept)
    store.put("acme", ACME.home, kept)

    assert store.get(ACME.home, TURN_ID, NOW) == kept
    for other in (NEIGHBOUR, RIVAL):
        assert store.get(other.home, TURN_ID, NOW) is None
    assert store.get(ACME.home, f"turn_{2:026d}", NOW) is None


def test_a_turn_is_told_of_for_thirty_days(store: TurnStore) -> None:
    store.put("acme", ACME.home, turn())

    assert store.get(ACME.home, TURN_ID, NOW + TOLD_FOR - timedelta(milliseconds=1))
    assert store.get(ACME.home, TURN_ID, NOW + TOLD_FOR) is None


def test_as_many_outcomes_as_are_told_of_fit(store: TurnStore) -> None:
    each = [
        MessageOutcome(49, CandidateOutcome(number, Outcome.LOW_SIGNAL, memory_id(number), "the_longest_of_all_rules"))
        for number in range(MOST_OUTCOMES)
    ]
    store.put("acme", ACME.home, turn(*each))

    found = store.get(ACME.home, TURN_ID, NOW)
    assert found is not None
    assert len(found.outcomes) == MOST_OUTCOMES
