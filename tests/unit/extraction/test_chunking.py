"""A long text is found by its parts: each part is coherent, and nothing is in none of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.extraction.chunking import LONGEST_CHUNK, chunks
from backend.extraction.model import LONGEST_UTTERANCE

PIECES = st.sampled_from(
    [
        "# Head\n",
        "\n\n",
        "\n",
        "- item\n",
        "```\n",
        "Dr. Who came. ",
        "a" * 700,
        "word " * 150,
        "日本語。" * 90,
        "e\u0301" * 200,
        "👨‍👩‍👧" * 60,
        " ",
    ]
)
LONG = st.lists(PIECES, min_size=1, max_size=30).map("".join).map(lambda text: text + "x" * (LONGEST_UTTERANCE + 1 - len(text)))


def parts(text: str) -> list[str]:
    return [text[start:end] for start, end in chunks(text)]


@given(LONG)
def test_every_visible_character_is_in_exactly_one_chunk_in_order(text: str) -> None:
    assert "".join("".join(parts(text)).split()) == "".join(text.split())
    assert all(0 < len(part) <= LONGEST_CHUNK and part == part.strip() for part in parts(text))


@given(st.text(max_size=LONGEST_UTTERANCE))
def test_a_short_text_is_one_piece(text: str) -> None:
    assert chunks(text) == ()


def test_a_heading_goes_with_what_it_heads() -> None:
    text = "\n\n".join(f"## Part {number}\n\n" + f"Sentence of part {number}. " * 28 for number in range(5))

    assert [part.splitlines()[0] for part in parts(text)] == [f"## Part {number}" for number in range(5)]


def test_a_heading_without_room_above_what_it_heads_stays_where_it_is() -> None:
    text = "Above. " * 60 + "\n# Head\n\n" + "x" * (LONGEST_CHUNK - 4) + "\n"

    assert [len(part) for part in parts(text)] == [427, LONGEST_CHUNK - 4]


def test_a_paragraph_that_is_too_long_is_cut_between_sentences() -> None:
    text = "Dr. Adams met Mr. Brown at 5 p.m. in St. Louis, e.g. for tea. " * 40

    assert len(parts(text)) > 1
    assert all(part.startswith("Dr. Adams") and part.endswith("for tea.") for part in parts(text))


def test_a_sentence_that_is_too_long_is_cut_between_words() -> None:
    text = "word " * 600

    assert all(set(part.split()) == {"word"} for part in parts(text))


@pytest.mark.parametrize("character", ["e\u0301", "👍🏽", "👨‍👩‍👧", "❤️"])
def test_what_is_seen_as_one_character_is_never_cut_apart(character: str) -> None:
    assert all(part == character * (len(part) // len(character)) for part in parts(character * 2000))


def test_list_items_and_code_stay_whole() -> None:
    item = "- " + "an item of a list " * 12 + "\n"
    code = "```\n" + "x = 1\n\n" * 60 + "```\n"
    text = item * 8 + code

    assert all(part.startswith(("- an item", "```")) for part in parts(text))
    assert sum(part.count("```") for part in parts(text)) == 2
    assert any(part.count("```") == 2 for part in parts(text))
