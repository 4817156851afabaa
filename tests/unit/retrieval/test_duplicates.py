"""What is taken for a repetition, and what never is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.embedding.model import to_unit
from backend.extraction.model import EventTime, Precision
from backend.retrieval.duplicates import duplicates, said_words
from tests.unit.memories.samples import NOW, VECTOR, memory, memory_id

REPEATED = [
    ("I like green tea", "I like green tea!"),
    ("Ana lives in Lisbon.", "ana lives in \u201cLisbon\u201d"),
    ("The project deadline is March 15.", "Project deadline: March 15"),
    ("A red boat and a blue car", "red boat, blue car"),
    ("\uff21na \uff11\uff12", "Ana 12"),
    ("\u79c1\u306f\u8336\u304c\u597d\u304d\u3067\u3059", "\u79c1\u306f\u8336\u304c\u597d\u304d\u3067\u3059."),
]
DIFFERENT = [
    ("I live in Paris", "I lived in Paris"),
    ("Ann hit Bob", "Bob hit Ann"),
    ("I like tea", "I do not like tea"),
    ("I like tea", "I don't like tea"),
    ("The dentist is at 10:30", "The dentist is at 10:40"),
    ("It costs 1.000 euros", "It costs 1,000 euros"),
    ("It is 1.5 metres", "It is 15 metres"),
    ("I moved from Rome to Oslo", "I moved to Rome from Oslo"),
    ("His dog is brown", "Her dog is brown"),
    ("We chose plan A", "We chose plan"),
    ("tea and coffee", "tea or coffee"),
    ("You live in Rome?", "You live in Rome."),
    ("It is 5 degrees", "It is -5 degrees"),
    ("The fee is 5$", "The fee is 5%"),
    ("I love it \U0001f600", "I love it \U0001f621"),
    ("I know C", "I know C++"),
    ("\u0915\u093f", "\u0915\u0940"),
    ("\u79c1\u306f\u8336\u304c\u597d\u304d", "\u79c1\u306f\u8336\u304c\u5acc\u3044"),
]


def repeated(one: dict[str, Any], other: dict[str, Any]) -> bool:
    both = [memory(1, **one), memory(2, **other)]
    found = duplicates(both, [each.vector for each in both])
    assert found in ({}, {memory_id(2): memory_id(1)})
    return bool(found)


@pytest.mark.parametrize(("one", "other"), REPEATED)
def test_the_same_words_in_other_clothes_are_a_repetition(one: str, other: str) -> None:
    assert repeated({"text": one}, {"text": other})
    assert repeated({"text": other}, {"text": one})


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_facts_are_none_however_alike(one: str, other: str) -> None:
    assert not repeated({"text": one}, {"text": other})
    assert not repeated({"text": other}, {"text": one})


@pytest.mark.parametrize(
    "change",
    [
        {"speaker": "Ben"},
        {"role": "assistant"},
        {"metadata": {"order": 18}},
        {"valid_until": NOW + timedelta(days=1)},
        {"event": EventTime(NOW, NOW + timedelta(days=1), Precision.DAY)},
        {"vector": None},
        {"vector": to_unit([4.0, -3.0, 2.0, -1.0])},
        {"is_summary": True},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_same_words_are_none_when_something_else_differs(change: dict[str, Any]) -> None:
    assert not repeated({"text": "Paid"}, {"text": "Paid", **change})


def test_a_text_that_tells_the_time_is_repeated_only_on_the_same_day() -> None:
    said = {"text": "I ran yesterday", "occurred_at": NOW}

    assert repeated(said, {**said, "occurred_at": NOW + timedelta(hours=3)})
    assert not repeated(said, {**said, "occurred_at": NOW + timedelta(days=1)})
    assert repeated({**said, "text": "I like tea"}, {"text": "I like tea", "occurred_at": NOW + timedelta(days=1)})


def test_all_repetitions_name_the_first() -> None:
    several = [memory(number, text="I like tea") for number in range(4)]

    assert duplicates(several, [VECTOR] * 4) == {memory_id(number): memory_id(0) for number in range(1, 4)}
    assert duplicates(several, [None, VECTOR, None, VECTOR]) == {memory_id(3): memory_id(1)}
    assert duplicates([], []) == {}


@given(st.text())
def test_case_and_stops_change_nothing_and_every_other_sign_counts(text: str) -> None:
    assert said_words(f" {text} .") == said_words(text)
    assert said_words(f"{text} %") == (*said_words(text), "%")
