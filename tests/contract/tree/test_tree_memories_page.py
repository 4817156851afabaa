"""docs/memories.md shows what the rules do: its tables of examples are tried, and its lists are complete."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from backend.extraction.extracted_key import extracted_key
from backend.extraction.injection import _RULES as INJECTION_RULES
from backend.extraction.model import LONGEST_UTTERANCE, Category, Statement
from backend.extraction.personal import _SHAPES as PERSONAL_SHAPES
from backend.extraction.rules import statements_in
from backend.extraction.secrets import _SHAPES as SECRET_SHAPES
from backend.memories.outcomes import Outcome

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "memories.md").read_text()
SAID_AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading, without its head."""
    below = PAGE.split(f"\n{heading}\n", 1)[1]
    lines = [line for line in re.split(r"\n#+ ", below, maxsplit=1)[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def read(text: str) -> Statement:
    (statement,) = statements_in(text, SAID_AT)
    return statement


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


@pytest.mark.parametrize("row", rows("### Categories"), ids=lambda row: row[0])
def test_every_category_has_an_example_of_its_own(row: list[str]) -> None:
    category, memory_type = Category(*code(row[0])), *code(row[1])

    assert read(row[2]).category is category
    assert category.memory_type == memory_type


def test_all_categories_are_told() -> None:
    assert [code(row[0]) for row in rows("### Categories")] == [[each.value] for each in Category]


@pytest.mark.parametrize("row", rows("### When it happens"), ids=lambda row: row[0])
def test_every_time_is_read_as_it_says(row: list[str]) -> None:
    event = read(row[0]).event

    assert event
    assert event.start.isoformat().startswith(row[1])
    assert event.end.isoformat().startswith(row[2])
    assert code(row[3]) == [event.precision.value]


@pytest.mark.parametrize(
    "row", [row for row in rows("### What is skipped") if "nothing but" not in row[2]], ids=lambda row: row[1]
)
def test_every_skipped_sentence_is_refused_by_its_rule(row: list[str]) -> None:
    for text in row[2].split(" · "):
        refusal = read(text).refusal

        assert refusal
        assert [refusal.rule] == code(row[1])
        assert not row[0] or code(row[0]) == [refusal.outcome.value]


@pytest.mark.parametrize("row", rows("### Fragments"), ids=lambda row: row[0])
def test_every_fragment_stands_where_it_says(row: list[str]) -> None:
    kept = [each.text for each in statements_in(row[0], SAID_AT) if each.refusal is None]

    assert kept == row[1].split(" · ")


@pytest.mark.parametrize("row", rows("## The extracted key"), ids=lambda row: row[1])
def test_every_text_has_the_key_beside_it(row: list[str]) -> None:
    texts, keys = code(row[0]), code(row[1])
    facts = [f"Ada: {text}" if "said by Ada" in row[0] else text for text in texts]

    assert [extracted_key(fact) for fact in facts] == (keys if len(keys) > 1 else keys * len(facts))


@pytest.mark.parametrize("row", rows("## Contradictions"), ids=lambda row: row[1])
def test_every_example_of_a_claim_is_one(row: list[str]) -> None:
    for text in row[1].split(" · "):
        assert read(text).claimed


def test_all_outcomes_are_told() -> None:
    told = [code(row[0]) for row in rows("## Outcomes") if row[0]]

    assert sorted(name for names in told for name in names) == sorted(each.value for each in Outcome)


def test_all_kinds_that_the_guards_find_are_told() -> None:
    told = {code(row[1])[0]: set(code(row[1])[1:]) for row in rows("## Secrets and personal data")}

    assert told == {
        "secret.": {shape.kind for shape in SECRET_SHAPES},
        "personal.": {kind for kind, _, _ in PERSONAL_SHAPES},
        "injection.": {name for name, *_ in INJECTION_RULES} | {"hidden_text"},
    }


def test_a_text_is_a_document_above_the_limit_that_it_names() -> None:
    sentence = "I like tea. "
    longest = (sentence * (LONGEST_UTTERANCE // len(sentence))).strip()

    assert f"more than {LONGEST_UTTERANCE:,} characters is a document" in PAGE
    assert len(statements_in(longest, SAID_AT)) > 1
    assert len(statements_in(f"{longest} {sentence * 2}", SAID_AT)) == 1
