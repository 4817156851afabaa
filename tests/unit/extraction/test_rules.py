"""What the rules make of what people say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.extraction.model import LONGEST_UTTERANCE, Category, Claimed, Guarded, Precision, Statement
from backend.extraction.rules import statements_in, word_for_word

SAID = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)


def read(text: str, role: str | None = None) -> list[Statement]:
    return statements_in(text, SAID, role)


def kept(text: str) -> list[str]:
    return [each.text for each in read(text) if each.refusal is None]


def rules(text: str) -> list[str]:
    return [each.refusal.rule for each in read(text) if each.refusal]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "I moved to Lisbon in March and work from home on Fridays.",
            ["I moved to Lisbon in March", "I work from home on Fridays."],
        ),
        ("I prefer tea, but my wife loves coffee.", ["I prefer tea", "My wife loves coffee."]),
        (
            "My sister Anna works at Acme and lives in Berlin.",
            ["My sister Anna works at Acme", "My sister Anna lives in Berlin."],
        ),
        ("We launched it in 2021 and sold it two years later.", ["We launched it in 2021", "We sold it two years later."]),
        ("I like tea and coffee.", ["I like tea and coffee."]),
        ("She loves hiking and swimming in cold lakes.", ["She loves hiking and swimming in cold lakes."]),
        ("I want to move to Porto and work from home.", ["I want to move to Porto and work from home."]),
        ("I don't smoke and drink in public.", ["I don't smoke and drink in public."]),
        ("Rex is my dog and he loves the beach.", ["Rex is my dog and he loves the beach."]),
        (
            "When I was young, I lived in Oslo and went to school there.",
            ["When I was young, I lived in Oslo and went to school there."],
        ),
        ("What I like about Porto, my home, is the river.", ["What I like about Porto, my home, is the river."]),
        ("I play chess, and my parents live in Porto.", ["I play chess", "My parents live in Porto."]),
        ("I painted the doors and my sons need paint.", ["I painted the doors and my sons need paint."]),
        ("It was Ludmila who found it and put it under my cup.", ["It was Ludmila who found it and put it under my cup."]),
        ("I won that bottle in 2009 and gave it straight back.", ["I won that bottle in 2009", "I gave it straight back."]),
        ("Hi Ana, I bought a bike.", ["I bought a bike."]),
        ("I can't stand mushrooms. I love olives!", ["I can't stand mushrooms.", "I love olives!"]),
    ],
)
def test_a_sentence_is_taken_apart_only_where_both_sides_surely_say_something(text: str, parts: list[str]) -> None:
    assert kept(text) == parts


@pytest.mark.parametrize(
    ("text", "category", "least", "most"),
    [
        ("I prefer window seats.", Category.PREFERENCE, 0.9, 1),
        ("The customer prefers email over phone calls.", Category.PREFERENCE, 0.9, 1),
        ("I don't like loud music.", Category.PREFERENCE, 0.9, 1),
        ("I usually order oat milk lattes.", Category.PREFERENCE, 0.5, 0.7),
        ("I would love to visit Japan someday.", Category.PREFERENCE, 0.5, 0.7),
        ("My brother is a nurse.", Category.FACTUAL, 0.9, 1),
        ("I think the office closes at six.", Category.FACTUAL, 0.5, 0.7),
        ("I feel so anxious about the exam.", Category.EMOTIONAL, 0.9, 1),
        ("We went hiking last weekend.", Category.EPISODIC, 0.9, 1),
        ("We have a meeting with the board next Tuesday.", Category.TEMPORAL, 0.9, 1),
        ("Always run the tests before you push.", Category.PROCEDURAL, 0.9, 1),
        ("To reset the router, hold the button for ten seconds.", Category.PROCEDURAL, 0.9, 1),
        ("Anna said she moved to Oslo.", Category.EPISODIC, 0.5, 0.7),
    ],
)
def test_a_statement_has_a_category_and_a_confidence(text: str, category: Category, least: float, most: float) -> None:
    [statement] = read(text)

    assert statement.refusal is None
    assert statement.category is category
    assert least <= statement.confidence <= most


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("Do you know a good dentist?", "question"),
        ("What time is it", "question"),
        ("Hi Ana!", "small_talk"),
        ("Thanks so much for your help!", "small_talk"),
        ("lol ok", "small_talk"),
        ("That sounds amazing!", "praise"),
        ("If I had a million dollars, I would buy a boat.", "hypothetical"),
        ("I wish I had a dog.", "hypothetical"),
        ("Imagine we lived on Mars.", "hypothetical"),
        ("I should have studied law.", "hypothetical"),
        ("> I live in Oslo", "quoted"),
        ("“I hate tea.”", "quoted"),
        ("Tell me a joke.", "request"),
        ("Sent from my iPhone", "boilerplate"),
        ("👍🎉", "no_content"),
    ],
)
def test_what_states_nothing_is_refused_by_a_named_rule(text: str, rule: str) -> None:
    [statement] = read(text)

    assert statement.refusal is not None
    assert (statement.refusal.outcome, statement.refusal.rule) == (Guarded.LOW_SIGNAL, rule)


@pytest.mark.parametrize(
    "text", ["The API is down right now.", "The build is failing again", "I'm on my way.", "I'm in a meeting"]
)
def test_what_is_so_for_a_moment_only_is_transient(text: str) -> None:
    [statement] = read(text)

    assert statement.refusal is not None
    assert statement.refusal.outcome is Guarded.TRANSIENT


def test_a_fault_that_lasts_is_kept() -> None:
    assert kept("The build is always slow on Mondays.") == ["The build is always slow on Mondays."]


def test_what_somebody_else_said_is_theirs() -> None:
    [told] = read("Anna said she moved to Oslo.")
    [quoted] = read('My boss said "I live in Oslo" on stage.')

    assert (told.subject, told.claimed) == ("anna", None)
    assert (quoted.subject, quoted.claimed) == ("my boss", None)


@pytest.mark.parametrize(
    ("text", "claimed"),
    [
        ("I moved to Lisbon in March", Claimed("i", "live in", "lisbon")),
        ("I live in Lisbon now.", Claimed("i", "live in", "lisbon")),
        ("My sister works for Acme.", Claimed("my sister", "work at", "acme")),
        ("My favourite colour is green.", Claimed("i", "favorite color", "green")),
        ("Call me Sam.", Claimed("i", "be called", "sam")),
        ("The deadline for the report is Friday.", Claimed("the report", "deadline", "friday")),
        ("I'm 42 years old.", Claimed("i", "be years old", "42")),
        ("I like tea.", None),
        ("I visited Lisbon.", None),
        ("I don't live in Lisbon.", None),
        ("I no longer work at Acme.", None),
        ("I used to live in Rome.", None),
        ("The sky is blue.", None),
        ("I might move to Berlin.", None),
        ("If I lived in Rome I would be happy", None),
    ],
)
def test_only_what_is_true_of_one_value_at_a_time_is_a_claim(text: str, claimed: Claimed | None) -> None:
    assert [each.claimed for each in read(text)] == [claimed]


def test_when_it_happens_is_read_against_when_it_was_said() -> None:
    [statement] = read("I visited Rome two weeks ago.")

    assert statement.event is not None
    assert (statement.event.start.date().isoformat(), statement.event.precision) == ("2026-11-02", Precision.WEEK)


@pytest.mark.parametrize(
    "text",
    [
        "Ich wohne in Hamburg. Ich mag Tee.",
        "我住在里斯本。我喜欢茶。",
        "Rex",
        "user_id=7; retry=true",
        "Vivo en Madrid y trabajo en un banco.",
    ],
)
def test_what_no_rule_understands_is_kept_whole(text: str) -> None:
    [statement] = read(text)

    assert (statement.text, statement.refusal) == (text, None)


def test_what_a_machine_says_is_inferred_and_contradicts_nobody() -> None:
    [statement] = read("You live in Lisbon.", "assistant")

    assert statement.confidence <= 0.7
    assert statement.claimed is None


def test_a_document_is_one_statement_with_chunks() -> None:
    text = "# Guide\n\n" + "The office is in Lisbon. " * 100

    [statement] = read(text)

    assert statement.text == text.strip()
    assert len(statement.chunks) > 1
    assert all(statement.text[start:end].strip() for start, end in statement.chunks)


def test_word_for_word_is_the_whole_text_untouched() -> None:
    statement = word_for_word("  Hi! \n", SAID)

    assert (statement.text, statement.span, statement.confidence, statement.refusal) == ("  Hi! \n", (0, 7), 1.0, None)


PIECES = st.sampled_from(
    [
        *(
            "I live in Oslo",
            "and",
            "but",
            ", ",
            ". ",
            "? ",
            "work from home",
            "my wife",
            "loves tea",
            "if",
            "would",
            '"',
            "(",
            "\n",
        ),
        *("- ", "Anna said", "hi", "thanks", "yesterday", "日本。", "😀", "I'm", "not", "> ", "```", "to", "the", "42"),
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(PIECES, max_size=25).map(" ".join))


@given(TEXTS)
def test_every_word_stands_in_exactly_one_statement_in_order(text: str) -> None:
    statements = read(text)

    assert statements == read(text)
    assert len(text) > LONGEST_UTTERANCE or bool(statements) == bool(text.strip())
    place = 0
    for each in statements:
        start, end = each.span
        assert place <= start < end <= len(text) or (start, end) == statements[0].span
        place = max(place, end)
        assert each.text.strip()
        assert 0 <= each.confidence <= 1
