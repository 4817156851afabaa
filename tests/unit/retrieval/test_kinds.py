"""What kind of question it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.retrieval.kinds import Route, kind_of, telling, types_named

KINDS = {
    "Where does Ana live?": Route.FACTS,
    "How many kids do I have?": Route.FACTS,
    "What is my favourite tea?": Route.PREFERENCES,
    "What does the house look like?": Route.FACTS,
    "When did I move?": Route.EPISODES,
    "What happened last week?": Route.TIMELINE,
    "Tell me about the boat": Route.ENTITY,
    "How many times did I swim?": Route.COUNT,
    "List all my hobbies": Route.LIST,
    "What did we decide about the roof?": Route.DECISION,
    "How long ago did I move?": Route.DATES,
    "Delete my notes": Route.NONE,
    "": Route.NONE,
    "?!": Route.NONE,
    "\u00bfD\u00f3nde vive Ana?": Route.FACTS,
}


@pytest.mark.parametrize("text", KINDS)
def test_a_question_goes_the_way_of_its_form(text: str) -> None:
    kind = kind_of(text)

    assert kind.route is KINDS[text]
    assert kind.reason.endswith(".")


@pytest.mark.parametrize(
    ("text", "about"),
    [("Tell me about the red boat?", "the red boat"), ("Who is Marek Nowak?", "Marek Nowak"), ("Describe my boss", "my boss")],
)
def test_what_a_question_is_about_is_known(text: str, about: str) -> None:
    assert kind_of(text).about == about


@given(st.text(max_size=300))
def test_every_text_has_a_kind(text: str) -> None:
    assert kind_of(text).route in set(Route)
    assert len(set(telling(text))) == len(telling(text))


def test_what_tells_is_what_is_no_form() -> None:
    assert telling("How many times did I go to the gym?") == ("gym",)
    assert types_named("How many of my preferences and events are there?") == ("preference", "event")
    assert types_named("How many factories?") == ()
