"""What a question is after."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.extraction.model import Category
from backend.retrieval.reading import read

QUESTIONS = {
    "Which city is her home?": Category.FACTUAL,
    "Where does Ana work?": Category.FACTUAL,
    "What is the sister like?": Category.FACTUAL,
    "What does the house look like from behind?": Category.FACTUAL,
    "\u00bfD\u00f3nde vive Ana?": Category.FACTUAL,
    "": Category.FACTUAL,
    "What does she like for breakfast?": Category.PREFERENCE,
    "And what do the children like?": Category.PREFERENCE,
    "Which seat does he prefer?": Category.PREFERENCE,
    "What is Ana's favourite tea?": Category.PREFERENCE,
    "When is the dentist's appointment?": Category.TEMPORAL,
    "How long did the trip last?": Category.TEMPORAL,
    "What was agreed on 5 March?": Category.TEMPORAL,
    "What is planned for next week?": Category.TEMPORAL,
    "Who is the current owner, lately?": Category.TEMPORAL,
    "How do I restart the router?": Category.PROCEDURAL,
    "how to make the sauce": Category.PROCEDURAL,
    "What are the steps to open an account?": Category.PROCEDURAL,
    "How did she feel about the party?": Category.EMOTIONAL,
    "Is Ben upset?": Category.EMOTIONAL,
    "What happened at the market?": Category.EPISODIC,
    "Where did they go with the children?": Category.EPISODIC,
    "Have you ever been to Rome?": Category.EPISODIC,
}


@pytest.mark.parametrize(("question", "intent"), QUESTIONS.items())
def test_what_a_question_is_after_is_told_by_its_words(question: str, intent: Category) -> None:
    assert read(question, frozenset()).intent is intent


def test_each_kind_of_question_is_among_them() -> None:
    assert set(QUESTIONS.values()) == set(Category)


@given(st.text())
def test_whatever_is_asked_is_after_something(text: str) -> None:
    assert read(text, frozenset()).intent in Category
