"""Each row of a CSV file is one line that says what its values are."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.uploads.model import Reason
from backend.uploads.value_tables import NO_HEADER
from tests.unit.uploads.upload_samples import read, reason_of


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_rows_are_named_by_the_header_whatever_parts_the_values(delimiter: str) -> None:
    rows = [["name", "town", "age"], ["Ada", "London", "36"], ["Bob", "", "7"]]

    found = read("a.csv", "\r\n".join(delimiter.join(row) for row in rows))

    assert found.text == "name: Ada; town: London; age: 36\nname: Bob; age: 7"
    assert found.warnings == ()


def test_quoted_values_keep_delimiters_quotes_and_lose_line_ends() -> None:
    found = read("a.csv", 'id,text\n1,"tea, ""green""\nand hot"\n2, "x"\n')

    assert found.text == 'id: 1; text: tea, "green" and hot\nid: 2; text: x'


@pytest.mark.parametrize("content", ["1,2,3\n4,5,6\n", "Ada,36\nBob,7\n", "2024-01-02;9.5\n2024-01-03;9.6\n", "tea,tea\nx,y\n"])
def test_a_table_without_a_header_loses_no_row_and_says_so(content: str) -> None:
    found = read("a.csv", content)

    assert len(found.text.splitlines()) == 2
    assert ":" not in found.text
    assert found.warnings == (NO_HEADER,)


def test_rows_longer_and_shorter_than_the_header_are_kept() -> None:
    assert read("a.csv", "name,town\nAda\nBob,Rome,extra\n\n,,\n").text == "name: Ada\nname: Bob; town: Rome; extra"


def test_a_header_of_words_nobody_knows_is_told_by_the_figures_below() -> None:
    assert read("a.csv", "glorp,blip\nabc,12\nabd,13\nabf,14\n").text.startswith("glorp: abc; blip: 12\n")


def test_a_header_alone_is_still_text() -> None:
    assert read("a.csv", "name,town\n").text == "name; town"


def test_the_delimiter_that_the_first_line_names_is_believed() -> None:
    assert read("a.csv", "sep=|\nname|text\nAda|a;b;c,d\n").text == "name: Ada; text: a;b;c,d"


def test_a_quote_that_is_never_closed_loses_nothing() -> None:
    assert "the rest" in read("a.csv", 'name,text\nAda,"open\nBob,the rest\n').text


def test_a_field_longer_than_the_reader_usually_takes_is_read() -> None:
    assert read("a.csv", f"name,text\nAda,{'x' * 300_000}\n").text == f"name: Ada; text: {'x' * 300_000}"


def test_a_table_of_empty_cells_has_no_text() -> None:
    assert reason_of("a.csv", b",,,\n,,,\n") is Reason.NO_TEXT


words = st.text(alphabet=st.characters(min_codepoint=0x21, exclude_categories=["Cs", "Zs", "Zl", "Zp", "Cc"]), min_size=1)


@given(st.lists(st.lists(words, min_size=3, max_size=3), min_size=1, max_size=8))
def test_every_value_of_every_row_is_in_the_text(rows: list[list[str]]) -> None:
    made = io.StringIO()
    csv.writer(made, quoting=csv.QUOTE_ALL).writerows([["id", "name", "text"], *rows])

    lines = read("a.csv", made.getvalue()).text.splitlines()

    assert lines == [f"id: {a}; name: {b}; text: {c}" for a, b, c in rows]
