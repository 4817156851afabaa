"""What says nothing, or is true for a moment only, is refused by a rule with a name; what stands beside it is not."""

from __future__ import annotations

# ruff: noqa: RUF001 - texts in other scripts are what is tested
from datetime import UTC, datetime

import pytest

from backend.extraction.model import LONGEST_UTTERANCE, Category, Guarded, Refusal, Statement
from backend.extraction.rules import statements_in

SAID = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
QUESTION = Refusal(Guarded.LOW_SIGNAL, "question")
TOO_SHORT = Refusal(Guarded.LOW_SIGNAL, "too_short")
FAULT = Refusal(Guarded.TRANSIENT, "fault")


def read(text: str) -> list[Statement]:
    return statements_in(text, SAID)


# Several sentences in another language


@pytest.mark.parametrize(
    "text",
    [
        "Ich wohne in Berlin. Kannst du mir helfen?",
        "Kannst du mir helfen? Ich wohne in Berlin.",
        "Vivo en Lima. ¿Y tú?",
        "東京に住んでいます。手伝ってくれますか？",
        "أعيش في القاهرة. هل تساعدني؟",
    ],
)
def test_a_question_takes_no_fact_of_another_language_with_it(text: str) -> None:
    [statement] = read(text)

    assert (statement.text, statement.refusal) == (text, None)


@pytest.mark.parametrize(
    "text", ["Kannst du mir helfen?", "Kannst du mir helfen? Wie geht es dir?", "手伝ってくれますか？", "¿Y tú?"]
)
def test_what_asks_only_is_refused_in_every_language(text: str) -> None:
    assert [each.refusal for each in read(text)] == [QUESTION]


# What only looks like it


@pytest.mark.parametrize(
    "text",
    [
        "Rhodri asked me if I'd go to the pool with him.",
        "Gordon looked at the paper as if it were a parking ticket.",
        "I have until I'm back in January to decide.",
        "At least you got to go home early on Friday.",
        "They're driving down on Good Friday after the lunch service.",
        "Had my knee surgery on Monday.",
        "Have my exam tomorrow at nine.",
        "I wondered why she brought her labels.",
        "I bought tulips, which are my favourite.",
        "People will read beneath your roof for years, which is the highest praise there is.",
        "I need to understand linear algebra for the exam.",
    ],
)
def test_a_statement_is_not_taken_for_what_is_only_supposed_or_of_the_moment(text: str) -> None:
    assert [each.refusal for each in read(text)] == [None]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("I'd be there tonight if I wasn't on shift.", "hypothetical"),
        ("If I were asked if I would go, I would.", "hypothetical"),
        ("I'm back in ten minutes.", "momentary"),
        ("Anyway, I have to run, the pool closes at eight.", "momentary"),
        ("The server is going down again.", "fault"),
        ("The site is down.", "fault"),
        ("I was wondering if you know a plumber.", "request"),
    ],
)
def test_what_is_supposed_or_of_the_moment_still_is_refused(text: str, rule: str) -> None:
    assert [each.refusal and each.refusal.rule for each in read(text)] == [rule]


# Long texts


def test_a_long_text_is_refused_only_when_each_of_its_sentences_is() -> None:
    empty = "Thanks so much for your help!\nSent from my iPhone\nHave a nice day!\n\n" * 30
    assert len(empty) > LONGEST_UTTERANCE

    [refused], [kept] = read(empty), read(empty + "We sold the house.\n" + empty)

    assert refused.refusal == Refusal(Guarded.LOW_SIGNAL, "small_talk")
    assert kept.refusal is None
    assert kept.chunks


def test_a_sentence_too_long_to_be_looked_at_is_kept() -> None:
    [statement] = read("if " * LONGEST_UTTERANCE + "?")

    assert statement.refusal is None


# Length


@pytest.mark.parametrize("text", ["x", "asdf", "tea", "да", "7", "ñ.", "I live in Oslo. asdf"])
def test_one_short_word_that_names_nothing_says_too_little(text: str) -> None:
    assert read(text)[-1].refusal == TOO_SHORT


@pytest.mark.parametrize("text", ["...", "?!", "\U0001f44d"])
def test_signs_say_nothing(text: str) -> None:
    [statement] = read(text)

    assert statement.refusal is not None
    assert statement.refusal.outcome is Guarded.LOW_SIGNAL


@pytest.mark.parametrize("text", ["Rex", "SQL", "茶", "東京", "네", "ดี", "גן", "4471", "B2", "lisbon", "a1", "- tea\n- milk"])
def test_names_codes_and_words_of_scripts_without_capitals_are_long_enough(text: str) -> None:
    assert [each.refusal for each in read(text)] == [None]


def test_a_short_item_of_a_list_belongs_to_it() -> None:
    assert all(each.refusal is None for each in read("- I like tea.\n- milk\n- We rent the house."))


def test_the_night_is_a_time_and_no_greeting() -> None:
    assert [each.refusal for each in read("I work at night.")] == [None]
    assert read("Good night!")[0].refusal == Refusal(Guarded.LOW_SIGNAL, "small_talk")


# For a moment


@pytest.mark.parametrize(
    "text",
    [
        "The car won't start at the moment.",
        "My phone is not working right now.",
        "The server won't start.",
        "The login page does not load.",
        "My laptop doesn't even turn on just now.",
        "The website fails to load again.",
    ],
)
def test_a_thing_that_does_not_work_now_is_a_fault_of_the_moment(text: str) -> None:
    assert [each.refusal for each in read(text)] == [FAULT]


@pytest.mark.parametrize(
    "text",
    [
        "I am not working at the moment.",
        "My sister is not working right now.",
        "The app does not work on Android 9.",
        "The shop does not open on Sundays.",
        "The door does not close.",
        "I use Postgres at the moment.",
    ],
)
def test_what_lasts_or_is_told_of_people_is_no_fault(text: str) -> None:
    assert [each.refusal for each in read(text)] == [None]


# Steps


def test_the_items_of_a_numbered_list_are_steps_and_no_others() -> None:
    numbered = read("Steps:\n1. Open the door.\n(b) Close it.")
    marked = read("2026 was good.\n- call the plumber")

    assert [each.category for each in numbered] == [Category.FACTUAL, Category.PROCEDURAL, Category.PROCEDURAL]
    assert Category.PROCEDURAL not in [each.category for each in marked]
