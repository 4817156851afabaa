"""Sentences that say nothing by themselves are kept with the one that they lean on."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from backend.extraction.model import Category, Statement, Utterance
from backend.extraction.pipeline import Pipeline
from backend.extraction.policy import ExtractionPolicy, GuardPolicy, Reaction
from backend.extraction.rules import statements_in
from backend.extraction.words import is_english, plain

SAID = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)

FRAGMENTS = (
    "Damp.",
    "Horses!",
    "Long walks.",
    "I did.",
    "Loved it.",
    "Not anymore.",
    "The left one.",
    "Two hens, brown.",
    "So cold.",
)
FACTS = ("We saw the flat on Hill Street.", "My sister has a dog.", "The house needs work.", "I went riding with Ada.")
CLAIMS = ("I live in Lisbon.", "My name is Sam.", "Ada works at Acme.")
SHORT_FACTS = ("I'm vegan.", "Rex died.", "I prefer tea.", "Use tabs.", "Bought shoes.", "In October.", "My son is nine.")
REFUSED = ("Thanks!", "How was it?", "Imagine that.")


def kept(text: str) -> list[str]:
    return [each.text for each in read(text) if each.refusal is None]


def read(text: str) -> list[Statement]:
    return statements_in(text, SAID)


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_a_fragment_stands_with_the_sentence_before_it(fragment: str) -> None:
    text = f"We saw the flat on Hill Street. {fragment}"

    [statement] = read(text)

    assert (statement.text, statement.span) == (text, (0, len(text)))
    assert (statement.category, statement.confidence) == (Category.EPISODIC, 0.9)


@pytest.mark.parametrize(
    "short", [*SHORT_FACTS, "Call me Sam.", "Be kind.", "It rained.", "The clocks changed.", "Bring a towel"]
)
def test_a_short_sentence_that_says_something_stands_by_itself(short: str) -> None:
    assert kept(f"We saw the flat on Hill Street. {short}") == ["We saw the flat on Hill Street.", short]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Damp. The house needs work.", ["Damp. The house needs work."]),
        ("Damp. So, the house needs work.", ["Damp. So, the house needs work."]),
        ("How was it? Damp. I fell off.", ["Damp. I fell off."]),
        ("It was grey. Damp. Cold. The sea fell.", ["It was grey. Damp. Cold.", "The sea fell."]),
        ("I like tea and my wife loves coffee. Black.", ["I like tea", "My wife loves coffee. Black."]),
        ("Damp.", ["Damp."]),
        ("Damp. Horses.", ["Damp. Horses."]),
        ("Thanks! Damp.", ["Damp."]),
        ("Went there.", ["Went there."]),
    ],
)
def test_without_one_before_it_stands_with_the_one_after_or_alone(text: str, parts: list[str]) -> None:
    assert kept(text) == parts


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("I live in Lisbon. Damp. The house needs work.", ["I live in Lisbon.", "Damp.", "The house needs work."]),
        ("Damp. I live in Lisbon.", ["Damp.", "I live in Lisbon."]),
        ("I went to Rome. How was it? Damp.", ["I went to Rome.", "Damp."]),
        ("- I fixed the roof. Damp.\n- Horses.", ["I fixed the roof. Damp.", "Horses."]),
        ("- Horses.\n- I fixed the roof.", ["Horses.", "I fixed the roof."]),
        ("# Horses\nI ride each morning.", ["Horses", "I ride each morning."]),
        ("Horses\nI ride each morning.", ["Horses", "I ride each morning."]),
        ("I ride each morning.\nHorses", ["I ride each morning.\nHorses"]),
        ("I ride each morning.\n```\nDamp\n```", ["I ride each morning.", "```\nDamp\n```"]),
        ("I ride each morning. ana@example.com", ["I ride each morning.", "ana@example.com"]),
        ("I ride each morning. +49 30 1234567", ["I ride each morning.", "+49 30 1234567"]),
    ],
)
def test_a_claim_and_what_is_laid_out_apart_keep_their_own_words(text: str, parts: list[str]) -> None:
    assert kept(text) == parts


def test_a_doubt_that_follows_makes_the_statement_less_sure() -> None:
    [statement] = read("She comes to the party. Perhaps.")

    assert statement.confidence == 0.6


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        (
            "I use Flask. Here is my config:\n```\nDEBUG = True\n```\nI deploy on Fridays.",
            ["I use Flask.", "Here is my config:\n```\nDEBUG = True\n```", "I deploy on Fridays."],
        ),
        (
            "We still need these things:\n- milk\n- eggs\n\nRex died.",
            ["We still need these things:\n- milk\n- eggs", "Rex died."],
        ),
        ("We still need:\n- milk\n- my sister comes on Monday", ["We still need:\n- milk", "my sister comes on Monday"]),
        ("I moved.\n```\nx = 2\n```", ["I moved.", "```\nx = 2\n```"]),
        ("My name is Sam:\n```\nx = 2\n```", ["My name is Sam:", "```\nx = 2\n```"]),
        ("These are mine:\n- milk\n- sam@example.com", ["These are mine:\n- milk", "sam@example.com"]),
    ],
)
def test_code_and_items_that_say_nothing_stand_with_the_sentence_that_introduces_them(text: str, statements: list[str]) -> None:
    assert kept(text) == statements


SENTENCES = st.lists(st.sampled_from([*FRAGMENTS, *FACTS, *CLAIMS, *SHORT_FACTS, *REFUSED]), min_size=1, max_size=8)
BREAKS = st.sampled_from([" ", "\n", "\n\n", "\n- ", "  "])


@given(SENTENCES, BREAKS)
def test_joining_loses_no_word_and_changes_no_claim_and_no_refusal(said: list[str], between: str) -> None:
    text = between.join(said)
    # With few words that every English text has it is kept whole, as another language is.
    assume(is_english(plain(text)))
    alone = [statement for sentence in said for statement in read(sentence)]

    statements = read(text)

    assert [each.claimed for each in statements if each.claimed] == [each.claimed for each in alone if each.claimed]
    assert [each.text for each in statements if each.refusal] == [each.text for each in alone if each.refusal]
    assert {each.text for each in statements if each.claimed} == {each.text for each in alone if each.claimed}
    assert all(each.text == text[slice(*each.span)] for each in statements)
    assert (
        "".join(each.text for each in statements).replace("- ", "").split()
        == "".join(text[slice(*each.span)] for each in statements).replace("- ", "").split()
    )
    assert [word for each in statements for word in each.text.replace("\n- ", " ").split()] == [
        word for sentence in said for word in sentence.split()
    ]


@given(SENTENCES)
def test_what_was_joined_is_one_statement_of_its_kind_when_it_is_read_again(said: list[str]) -> None:
    for each in read(" ".join(said)):
        # With few words that every English text has it is kept whole, as another language is.
        if each.refusal is None and is_english(plain(each.text)):
            [again] = read(each.text)
            assert (again.text, again.category, again.claimed) == (each.text, each.category, each.claimed)


GUARDED = ("sk-ant-REDACTED", "ana@example.com", "+49 30 1234567", "4111 1111 1111 1111", "pin 9371x", "123-45-6789")


@given(st.lists(st.sampled_from([*FRAGMENTS, *FACTS, *GUARDED]), min_size=1, max_size=6))
def test_what_a_guard_refuses_takes_no_other_statement_with_it(said: list[str]) -> None:
    policy = ExtractionPolicy(guards=GuardPolicy(personal=Reaction.BLOCK))
    pipeline = Pipeline()

    text = ". ".join(each.rstrip(".!") for each in said)
    assume(is_english(plain(text)))

    whole = pipeline.read(Utterance(text, SAID), policy)

    kept_words = {word.strip(".!") for each in whole.candidates if each.refusal is None for word in each.text.split()}
    assert {word.strip(".!") for each in said if each in FACTS for word in each.split()} <= kept_words
