"""Files made to exhaust their reader end in text or a refusal. Work that grew with the square of these sizes would not end."""

from __future__ import annotations

import zipfile

import pytest

from backend.kit.deadline import deadline
from backend.kit.errors import MemorySyncError, PayloadTooLargeError
from backend.uploads.layout import Lines
from backend.uploads.model import RESERVED_SECONDS, Extracted, Kind, Reason
from backend.uploads.service import text_of
from tests.unit.uploads.upload_samples import docx, docx_parts, named, packed, paragraph, pdf, read, reason_of, run

MANY = 50_000
LONG = 3_000_000

PAGES = {
    "open elements": b"<div>" * MANY,
    "open and stray": b"<div></p>" * MANY,
    "unlike elements": b"".join(b"<b%d>" % number for number in range(MANY // 2)),
    "items": b"<li>" * MANY + b"</ul>" * MANY,
    "lists": b"<ul><li>" * (MANY // 2) + b"x",
    "tables": b"<table><tr><td>" * (MANY // 3) + b"x" * MANY,
    "comments": b"<!--" * MANY * 10,
    "tags": b"<a " * MANY * 5,
    "quotes": b'<a b="' * MANY * 5,
    "attributes": b"<a " + b" ".join(b"a%d=1" % number for number in range(MANY)) + b">",
    "brackets": b"<" * MANY,
    "ampersands": b"&" * MANY * 5,
    "one line": b"x" * LONG,
    "blanks": b" " * LONG + b"x",
    "marks": b"<![CDATA[" * MANY,
    "meta": b"<meta " * MANY,
}
TABLES = {
    "one line": b"a" * LONG,
    "commas": b"," * LONG,
    "quotes": b'"' * LONG,
    "commas and quotes": b',"' * (LONG // 2),
    "quotes of both kinds": b";'\" " * (LONG // 4),
    "rows": b"a,b\n" * MANY,
    "columns": b",".join(b"c%d" % number for number in range(MANY)) + b"\n" + b"1," * MANY,
}
VALUES = {
    "arrays": b"[" * MANY,
    "objects": b'{"a":' * MANY,
    "one text": b'"' + b"a" * LONG + b'"',
    "escapes": b'"' + b"\\u0041" * (LONG // 6) + b'"',
    "empty": b"[" + b'{"a":[]},' * MANY + b"1]",
    "names": b'{"' + b"k" * 5_000 + b'":[' + b"[1]," * MANY + b"1]}",
    "figure": b"9" * LONG,
    "deep": b"[" * 150 + b'{"text":"x"}' + b"]" * 150,
}
TEXTS = {
    "hashes": b"#" * LONG,
    "fences": b"```" * (LONG // 3),
    "empty lines": b"\n" * LONG + b"x",
    "returns": b"\r" * LONG + b"x",
    "not unicode": b"\xe9a\n" * (LONG // 3),
    "wide": b"\xff\xfe" + b"\x3d\xd8" * (LONG // 2),
}
CASES = [
    *(
        (f"a.{kind}", content)
        for kind, cases in (("html", PAGES), ("csv", TABLES), ("json", VALUES), ("md", TEXTS))
        for content in cases.values()
    )
]
NAMES = [
    f"{kind}: {name}" for kind, cases in (("html", PAGES), ("csv", TABLES), ("json", VALUES), ("md", TEXTS)) for name in cases
]


@pytest.mark.parametrize(("name", "content"), CASES, ids=NAMES)
def test_what_was_made_to_exhaust_its_reader_ends(name: str, content: bytes) -> None:
    found = outcome(name, content)

    assert found.faults if isinstance(found, MemorySyncError) else len(found.text) <= 2 * len(content)


def outcome(name: str, content: bytes) -> Extracted | MemorySyncError:
    try:
        return text_of(name, None, content)
    except MemorySyncError as refusal:
        return refusal


@pytest.mark.parametrize(
    "body",
    [
        "<w:p>" * MANY + run("x") + "</w:p>" * MANY,
        "<w:tbl><w:tr><w:tc>" * MANY + paragraph("x" * MANY) + "</w:tc></w:tr></w:tbl>" * MANY,
        "<w:del>" * MANY + "</w:del>" * MANY + paragraph("x"),
        "<w:p " + " ".join(f'a{number}="1"' for number in range(MANY)) + f">{run('x')}</w:p>",
    ],
    ids=["paragraphs", "tables", "deletions", "attributes"],
)
def test_documents_nested_fifty_thousand_levels_deep_are_read(body: str) -> None:
    assert set(read("a.docx", packed(docx_parts(body), zipfile.ZIP_STORED)).text) == {"x"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "\u00e9" * 51),
        ("a.md", "x" * 101),
        ("a.html", "<p>" + "x" * 101),
        ("a.csv", "name\n" + "x" * 101),
        ("a.json", '{"a": "' + "x" * 101 + '"}'),
        ("a.pdf", pdf(["x" * 60, "y" * 60])),
        ("a.docx", docx(paragraph("x" * 101))),
    ],
    ids=named,
)
def test_a_text_beyond_the_callers_limit_is_refused_with_the_limit(name: str, content: bytes | str) -> None:
    raw = content.encode() if isinstance(content, str) else content

    with pytest.raises(PayloadTooLargeError) as caught:
        text_of(name, None, raw, limit_bytes=100)

    assert caught.value.facts["limit_bytes"] == 100
    assert caught.value.faults[0].pointer == "/file"
    assert text_of(name, None, raw, limit_bytes=200).text


def test_a_text_of_exactly_the_limit_is_taken() -> None:
    assert text_of("a.txt", None, b"x" * 100, limit_bytes=100).kind is Kind.TXT


def test_a_small_file_that_repeats_its_names_does_not_become_a_huge_text() -> None:
    header = ",".join(["id", "n" * 39, *(f"n{number}" for number in range(50))])

    with pytest.raises(PayloadTooLargeError):
        text_of("a.csv", None, f"{header}\n{'1,' * 50}\n".encode() + b",".join([b"1"] * 50) * 1_000, limit_bytes=10_000)


def test_a_text_stops_growing_at_its_limit_and_not_at_its_end() -> None:
    lines = Lines(6)
    lines.add("abc")
    lines.add("\u00e9")

    with pytest.raises(PayloadTooLargeError):
        lines.add("")


def test_a_page_of_too_many_tags_is_refused_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backend.uploads.web_pages.EVENTS_LIMIT", 1_000)

    assert read("a.html", "<b>x</b>" * 300).text
    assert reason_of("a.html", b"<b>x</b>" * 400) is Reason.TOO_COMPLEX


@pytest.mark.parametrize(
    ("name", "content"), [("a.html", b"<p>text"), ("a.docx", docx(paragraph("x"))), ("a.pdf", pdf(["x"]))], ids=named
)
def test_reading_ends_while_there_is_time_left_to_answer(name: str, content: bytes) -> None:
    with deadline(RESERVED_SECONDS):
        assert reason_of(name, content) is Reason.TOO_COMPLEX
