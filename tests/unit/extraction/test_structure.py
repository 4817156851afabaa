"""Texts are read as their writers laid them out."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.extraction.structure import Kind, blocks, sentences


def read(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


def laid_out(text: str) -> list[tuple[Kind, str]]:
    return [(block.kind, text[slice(*block.content)]) for block in blocks(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith moved to St. Louis. He likes tea.", ["Dr. Smith moved to St. Louis.", "He likes tea."]),
        ("I use e.g. Python 3.12.1 at Acme Inc. daily.", ["I use e.g. Python 3.12.1 at Acme Inc. daily."]),
        ("See https://a.example/b?c=1.2. It works!", ["See https://a.example/b?c=1.2.", "It works!"]),
        ("Great!! 😀 See you.", ["Great!!", "😀 See you."]),
        ("我住在东京。我喜欢茶。", ["我住在东京。", "我喜欢茶。"]),
        ("- I like tea\n- I hate noise", ["I like tea", "I hate noise"]),
        ("1. Open it\n2) Close it", ["Open it", "Close it"]),
        ("I like tea\nI live in Oslo", ["I like tea", "I live in Oslo"]),
        ("I like\ntea a lot", ["I like\ntea a lot"]),
        ("Run:\n```\na. b. c.\n```\nThen stop.", ["Run:", "```\na. b. c.\n```", "Then stop."]),
        (" \n\t", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert read(text) == expected


def test_a_line_broken_by_the_margin_goes_on() -> None:
    wrapped = "This line is as long as a margin of seventy characters lets it be, so\nParis stands on the next."

    assert read(wrapped) == [wrapped]


def test_headings_items_code_and_paragraphs_are_told_apart() -> None:
    text = "# Plan\nFirst we read.\n\nNotes\n-----\n* one\n  more of one\n\n~~~\n# no heading\n~~~\nend"

    assert laid_out(text) == [
        (Kind.HEADING, "Plan"),
        (Kind.PARAGRAPH, "First we read."),
        (Kind.HEADING, "Notes"),
        (Kind.ITEM, "one\n  more of one"),
        (Kind.CODE, "~~~\n# no heading\n~~~"),
        (Kind.PARAGRAPH, "end"),
    ]


def test_code_that_is_never_closed_goes_to_the_end() -> None:
    assert laid_out("```\na\n\nb")[0] == (Kind.CODE, "```\na\n\nb")


@given(st.text(alphabet=st.sampled_from("aA1.!? \n\t-*#=`~()日。é\u0301👍"), max_size=200))
def test_blocks_and_sentences_stand_in_order_and_blocks_leave_nothing_out(text: str) -> None:
    spans = [block.span for block in blocks(text)]
    assert "".join("".join(text[start:end] for start, end in spans).split()) == "".join(text.split())
    for found in (spans, sentences(text)):
        assert all(start < end for start, end in found)
        assert all(one[1] <= other[0] for one, other in pairwise(found))
