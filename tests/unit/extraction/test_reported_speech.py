"""What somebody else says is theirs, wherever the sentence names them and however it is quoted."""

from __future__ import annotations

# ruff: noqa: RUF001 - typographic quotes are what is tested
from datetime import UTC, datetime

import pytest

from backend.extraction.clauses import clauses, main_clause
from backend.extraction.model import Statement
from backend.extraction.rules import statements_in
from backend.extraction.words import QUOTED, plain

SAID = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)


def read(text: str) -> list[Statement]:
    return statements_in(text, SAID)


@pytest.mark.parametrize(
    ("text", "teller"),
    [
        ("I live in Paris, Tom said.", "tom"),
        ("I live in Paris, my boss told us yesterday.", "my boss"),
        ("I live in Paris, said my boss yesterday.", "my boss"),
        ("I live in Paris, she thinks.", "she"),
        ("I live in Paris, as Tom said.", "tom"),
        ("I live in Paris — said Tom.", "tom"),
        ("'I live in Paris', said Tom.", "tom"),
        ("‘I live in Paris,’ Tom said.", "tom"),
        ("“I live in Paris,” Tom wrote to me.", "tom"),
        ("'I live in Paris. I don't hate tea,' said Tom.", "tom"),
        ("Tom said 'I live in Paris'.", "tom"),
        ("Ana told us, ‘I live in Paris’.", "ana"),
    ],
)
def test_what_is_told_before_or_behind_it_is_hearsay_and_no_claim_of_the_speaker(text: str, teller: str) -> None:
    [statement] = read(text)

    assert (statement.text, statement.subject, statement.claimed) == (text, teller, None)
    assert 0.5 <= statement.confidence <= 0.7


def test_the_part_of_a_sentence_that_is_told_is_hearsay_and_the_rest_is_not() -> None:
    own, told = read("I live in Oslo, and Tom told me that he works at Acme.")

    assert own.claimed is not None
    assert (told.subject, told.claimed, told.confidence) == ("tom", None, 0.6)


@pytest.mark.parametrize(
    "text",
    ["I live in Paris.", "After lunch, I live in Paris.", "I live in Paris, and my sister likes it.", "I'm in Paris, I said."],
)
def test_what_nobody_else_tells_is_the_speakers_own(text: str) -> None:
    assert {each.confidence for each in read(text)} <= {0.9, 0.95}


@pytest.mark.parametrize(
    "text",
    [
        "I don't like the dogs' owner and my parents' car.",
        "In the '90s I lived in the students' home.",
        "I've got my sister's keys, and they're Ana's.",
        "It's 5' long and 6' wide",
        "Rock 'n' roll is what I'm playing",
        "Tell 'em that the boys' room is ready",
    ],
)
def test_an_apostrophe_quotes_nothing(text: str) -> None:
    assert QUOTED not in plain(text)


@pytest.mark.parametrize("text", ["'I hate tea.'", "‘I don’t hate tea.’"])
def test_nothing_but_a_quotation_is_refused_whatever_its_marks(text: str) -> None:
    [statement] = read(text)

    assert statement.refusal is not None
    assert statement.refusal.rule == "quoted"


@pytest.mark.parametrize("text", ["My motto is 'I moved and I work there'.", "My motto is (I moved and I work there)."])
def test_nothing_is_cut_within_quotes_and_brackets(text: str) -> None:
    assert [each.text for each in clauses(main_clause(text, (0, len(text))))] == [text]
