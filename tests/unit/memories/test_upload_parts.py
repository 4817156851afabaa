"""A file's text becomes parts that each fit a memory, and nothing of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.memories.uploading import MOST_PARTS, PART_BYTES, TEXT_LIMIT_BYTES, parts_of

PARAGRAPH = "The committee met and discussed the minutes at some length. " * 20


def squeezed(text: str) -> str:
    return "".join(text.split())


def test_a_text_that_fits_is_one_part_as_it_is() -> None:
    assert parts_of("a\n\nb ") == ["a\n\nb "]


@pytest.mark.parametrize("text", [f"{PARAGRAPH}\n\n" * 400, "x" * 500_000, "語" * 200_000, "- item\n" * 60_000])
def test_every_part_fits_and_together_they_say_all(text: str) -> None:
    parts = parts_of(text)

    assert all(0 < len(part.encode()) <= PART_BYTES for part in parts)
    assert squeezed("".join(parts)) == squeezed(text)
    assert len(parts) <= 2 * len(text.encode()) / PART_BYTES + 1


def test_a_part_ends_where_a_paragraph_does() -> None:
    parts = parts_of(f"{PARAGRAPH}\n\n" * 200)

    assert {part.strip()[-8:] for part in parts} == {"length. ".strip().rjust(8)}


def test_the_largest_text_has_no_more_parts_than_one_request_may() -> None:
    assert len(parts_of("word " * (TEXT_LIMIT_BYTES // 5))) <= MOST_PARTS


@given(st.lists(st.text(max_size=40), max_size=30), st.integers(1, 400))
def test_no_character_that_says_something_is_lost(lines: list[str], times: int) -> None:
    text = "\n".join(lines * times)

    assert squeezed("".join(parts_of(text))) == squeezed(text)
