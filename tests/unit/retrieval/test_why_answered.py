"""What is said of why an answer stands where it stands."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import pytest

from backend.index.model import IndexFilter
from backend.memories.model import REDACTED
from backend.retrieval.model import BOOSTS, Question, Weighed, Weights, Why
from backend.retrieval.weighing_schemas import Explanation
from backend.retrieval.why_answered import MOST_FEATURES, MOST_SPANS, explanation, places_of, words_of
from tests.unit.memories.samples import NOW, memory, memory_id
from tests.unit.retrieval.answer_samples import FACTORS, answer
from tests.unit.retrieval.retrieval_world import World

QUESTION = Question("Where are the red boats, boats?", 5, IndexFilter(), Weights(), explain=True)
WHY = Why(frozenset({"boat"}), is_named=True, date="on_day", is_pending=False, features={"dense": 1.0, "words": -2.0})


def explained(why: Why | None = WHY, question: Question = QUESTION, **changes: Any) -> dict[str, Any]:
    each = answer(memory(1, **changes), why=why, weighed=Weighed(0.5, FACTORS, memory_id(2)))
    found = explanation(each, question, (0, len(each.memory.text)))
    assert found is not None
    Explanation.model_validate(found, strict=True)
    assert set(found) == set(Explanation.model_fields)
    return found


def test_nothing_is_explained_unasked() -> None:
    assert explanation(answer(memory(1)), QUESTION, (0, 10)) is None


def test_what_matched_is_told_in_the_words_of_the_question() -> None:
    found = explained(text="Two boats, no BOAT", source="chat", session_id="s1", speaker="Ana", occurred_at=NOW)

    assert found["matched"] == {
        "words": ["boats"],
        "dense": True,
        "cosine": 0.5,
        "speaker": True,
        "date": "on_day",
        "from_overlay": False,
    }
    assert found["spans"] == [[4, 9], [14, 18]]
    assert found["sources"] == [
        {"source": "chat", "session_id": "s1", "speaker": "Ana", "occurred_at": "2026-01-05T09:00:00.000Z"}
    ]
    assert (found["tier_band"], found["relevance"], found["duplicate_of"]) == (0, 0.75, memory_id(2))


def test_the_shares_of_the_factors_make_up_the_score() -> None:
    question = replace(QUESTION, weights=Weights(recency=0.9, quality=0.5))

    factors = explained(question=question)["factors"]

    assert {name: each["weight"] for name, each in factors.items()} == asdict(question.weights) | dict(BOOSTS)
    assert {name: each["value"] for name, each in factors.items()} == FACTORS
    total = sum(each["weight"] for each in factors.values())
    assert sum(each["share"] for each in factors.values()) == pytest.approx(
        sum(each["weight"] * each["value"] for each in factors.values()) / total, abs=1e-5
    )


def test_the_features_that_moved_most_come_first() -> None:
    many = {f"f{number}": float(number) * (-1) ** number for number in range(9)}

    found = explained(replace(WHY, features=many))["features"]

    assert list(found.items()) == [(f"f{n}", float(n) * (-1) ** n) for n in range(8, 8 - MOST_FEATURES, -1)]


def test_a_text_that_cannot_be_opened_is_not_searched_for_words() -> None:
    found = explained(text=REDACTED, unreadable=b"sealed")

    assert (found["matched"]["words"], found["spans"]) == ([], [])


def test_a_tier_further_down_is_another_band() -> None:
    assert [explained(tier=tier)["tier_band"] for tier in ("hot", "warm", "cold")] == [0, 1, 2]


def test_places_are_those_of_the_whole_text_and_bounded() -> None:
    assert places_of("a boat; two boats", {"boat"}, (7, 17)) == [(12, 17)]
    assert len(places_of("boat " * 100, {"boat"}, (0, 500))) == MOST_SPANS
    assert places_of("boat", frozenset(), (0, 4)) == []
    assert words_of("the Boat the boats the boat", {"boat"}) == ["Boat", "boats", "boat"]


def test_asked_why_the_use_case_says_what_each_answer_met(world: World) -> None:
    world.remember("the boat is red", "the car is blue", speaker="Ana")
    world.remember("the boat of Ben is old", shown=False)

    answers = world.ask("Ana has a red boat?", explain=True).answers
    by_text = {each.memory.text: each.why for each in answers}

    first, pending = by_text["the boat is red"], by_text["the boat of Ben is old"]
    assert first is not None
    assert pending is not None
    assert (first.stems, first.is_named, first.is_pending, first.date) == (frozenset({"ana", "red", "boat"}), True, False, None)
    assert (pending.stems, pending.is_named, pending.is_pending) == (frozenset({"boat"}), False, True)
    assert first.features["named"] > 0
    assert "named" not in pending.features


def test_unasked_the_use_case_says_nothing(world: World) -> None:
    world.remember("the boat is red")

    assert world.ask("boat").answers[0].why is None
