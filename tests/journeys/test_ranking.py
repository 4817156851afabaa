"""What a caller can rely on of the order of answers, and of what is said about it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.conftest import User, problem

FIVE = {"semantic", "cluster", "recency", "importance", "usage"}


def asked(user: User, query: str, **fields: Any) -> dict[str, Any]:
    answer = user.call("POST", "/memory/query", {"query": query, **fields})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_every_answer_says_its_factors_and_the_question_what_it_is_after(user: User) -> None:
    user.add("I prefer window seats.", importance=0.9)
    user.add("The window of the kitchen is broken.", importance=0.1)

    body = asked(user, "Which seat do I prefer?")

    assert body["query_intent"] == "preference"
    assert body["memories"][0]["text"] == "I prefer window seats."
    for memory in body["memories"]:
        assert set(memory["factors"]) == FIVE
        assert all(0 <= value <= 1 for value in [memory["score"], *memory["factors"].values()])
        assert memory["explanation"] is None
    assert [memory["factors"]["importance"] for memory in body["memories"]] == [1.0, 0.111111]


def test_weights_change_the_order_and_nothing_else(user: User) -> None:
    user.add("The red boat lies in the harbour.", importance=0.2)
    user.add("The boat was painted by Marek.", importance=1.0)

    plain = [memory["text"] for memory in asked(user, "Where does the red boat lie?")["memories"]]
    weighed = asked(user, "Where does the red boat lie?", weights={"semantic": 0.1, "importance": 1})

    assert weighed["warnings"] == []
    assert [memory["text"] for memory in weighed["memories"]] == plain[::-1]


@pytest.mark.parametrize(
    ("weights", "pointer"),
    [
        ({"color": 1}, "/weights/color"),
        ({"graph": 0.5}, "/weights/graph"),
        ({"recency": 2}, "/weights/recency"),
        (dict.fromkeys(FIVE, 0), "/weights"),
    ],
)
def test_weights_that_cannot_be_are_refused(passer_by: User, weights: dict[str, float], pointer: str) -> None:
    refused = problem(passer_by.call("POST", "/memory/query", {"query": "a", "weights": weights}), 422, "validation-failed")

    assert [fault["pointer"] for fault in refused["errors"]] == [pointer]


def test_explained_an_answer_says_why_it_stands_where_it_stands(user: User) -> None:
    memory = user.add("Mint tea, always.", speaker="Ana", source="chat", session_id="s1")

    (found,) = asked(user, "What tea does Ana drink?", explain=True)["memories"]

    why = found["explanation"]
    assert found["id"] == memory["id"]
    assert (why["tier_band"], why["duplicate_of"]) == (0, None)
    assert (why["matched"]["words"], why["matched"]["dense"], why["matched"]["speaker"]) == (["tea", "Ana"], True, True)
    assert why["spans"] == [[5, 8]]
    assert why["sources"] == [{"source": "chat", "session_id": "s1", "speaker": "Ana", "occurred_at": None}]
    assert set(why["factors"]) == FIVE | {"decay", "quality", "confidence"}
    assert sum(factor["share"] for factor in why["factors"].values()) == pytest.approx(found["score"], abs=1e-5)
    assert why["features"]


def test_what_is_said_twice_takes_one_place(user: User) -> None:
    user.add("The red boat lies in the harbour.")
    user.add("The red boat lies in the harbour!", deduplicate=False)
    user.add("The boat was painted by Marek.")

    found = asked(user, "Where does the red boat lie?", explain=True)["memories"]

    assert [each["explanation"]["duplicate_of"] for each in found] == [None, None, found[0]["id"]]
