"""What a file is: its content, its name and its media type have to agree."""

from __future__ import annotations

import pytest

from backend.kit.errors import UnsupportedMediaTypeError, slug_of
from backend.kit.problems import document
from backend.uploads.model import Kind, Reason
from backend.uploads.service import text_of
from tests.unit.uploads.upload_samples import OLE, docx, docx_parts, named, packed, paragraph, pdf, read, reason_of

PROGRAM = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00" * 8
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01"
DOCX_TYPE = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
WORD = docx(paragraph("The shop opens at nine."))
PDF = pdf(["The shop opens at nine."])
SAMPLES: dict[Kind, bytes] = {
    Kind.TXT: b"The shop opens at nine.",
    Kind.MD: b"# Shop\n\nIt opens at nine.",
    Kind.HTML: b"<!doctype html><p>The shop opens at nine.",
    Kind.PDF: PDF,
    Kind.DOCX: WORD,
    Kind.CSV: b"name,opens\nshop,nine\n",
    Kind.JSON: b'{"shop": {"opens": "at nine"}}',
}


@pytest.mark.parametrize(
    ("name", "declared", "kind"),
    [
        ("a.txt", None, Kind.TXT),
        ("a.TXT", "text/plain; charset=utf-8", Kind.TXT),
        ("a.text", "", Kind.TXT),
        ("a.md", "text/markdown", Kind.MD),
        ("a.markdown", "application/octet-stream", Kind.MD),
        ("a.md", "text/plain", Kind.MD),
        ("a.html", "text/html; charset=utf-8", Kind.HTML),
        ("a.htm", None, Kind.HTML),
        ("a.pdf", "application/pdf", Kind.PDF),
        ("two words.v2.pdf", None, Kind.PDF),
        ("a.docx", DOCX_TYPE, Kind.DOCX),
        ("a.docx", "application/zip", Kind.DOCX),
        ("a.csv", "text/csv", Kind.CSV),
        ("a.csv", "application/vnd.ms-excel", Kind.CSV),
        ("a.tsv", "text/tab-separated-values", Kind.CSV),
        ("a.json", "application/json", Kind.JSON),
        ("a.json", "text/plain", Kind.JSON),
        ("blob", "application/pdf", Kind.PDF),
        ("blob", "text/csv", Kind.CSV),
        ("blob", DOCX_TYPE, Kind.DOCX),
        ("notes.log", "text/plain", Kind.TXT),
        ("blob", None, Kind.TXT),
        ("", None, Kind.PDF),
        ("blob", None, Kind.DOCX),
        ("blob", "application/octet-stream", Kind.HTML),
    ],
)
def test_a_file_is_read_as_what_its_name_or_its_media_type_says(name: str, declared: str | None, kind: Kind) -> None:
    found = text_of(name, declared, SAMPLES[kind])

    assert found.kind is kind
    assert "opens" in found.text
    assert "nine" in found.text


@pytest.mark.parametrize(
    ("name", "declared", "content"),
    [
        ("notes.txt", None, PDF),
        ("notes.txt", "text/plain", WORD),
        ("notes.md", None, PICTURE),
        ("report.pdf", None, PROGRAM),
        ("report.pdf", "application/pdf", b"The shop opens at nine."),
        ("report.docx", None, PDF),
        ("report.docx", None, OLE + bytes(600)),
        ("report.docx", "text/csv", WORD),
        ("table.csv", "text/html", b"a,b\n1,2\n"),
        ("table.csv", None, b"<!DOCTYPE html><html><body>Not found</body></html>"),
        ("values.json", None, b"<html><body>Not found</body></html>"),
        ("page.html", "application/pdf", PDF),
        ("letter.txt", None, b"{\\rtf1\\ansi The shop opens at nine.}"),
        ("blob", "text/plain", bytes(range(256)) * 4),
    ],
    ids=named,
)
def test_a_file_that_is_not_what_it_is_called_is_refused_as_mislabelled(name: str, declared: str | None, content: bytes) -> None:
    assert reason_of(name, content, declared) is Reason.MISLABELLED


@pytest.mark.parametrize(
    ("name", "declared", "content"),
    [
        ("setup.exe", None, PROGRAM),
        ("setup.exe", "application/octet-stream", PROGRAM),
        ("program", None, PROGRAM),
        ("picture.png", "image/png", PICTURE),
        ("notes.txt", "image/png", b"The shop opens at nine."),
        ("sheet.xlsx", None, packed({"xl/workbook.xml": "<x/>"})),
        ("archive", None, packed({"a.txt": "text"})),
        ("notes.log", None, b"The shop opens at nine."),
        ("old.doc", "application/msword", OLE + bytes(600)),
        ("letter.rtf", "application/rtf", b"{\\rtf1 text}"),
    ],
    ids=named,
)
def test_a_file_of_another_kind_is_refused_with_the_kinds_that_are_read(name: str, declared: str | None, content: bytes) -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        text_of(name, declared, content)

    assert all(kind in caught.value.faults[0].detail for kind in Kind)


def test_a_refusal_is_a_problem_that_a_program_can_tell_from_others() -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        text_of("a.exe", None, PROGRAM)
    other = document(caught.value, instance="/memory/upload", request_id="r")

    assert (other["status"], other["code"]) == (415, slug_of(UnsupportedMediaTypeError))
    assert other["errors"][0]["pointer"] == "/file"


def test_an_empty_file_is_refused_as_empty() -> None:
    assert reason_of("notes.txt", b"") is Reason.EMPTY
    assert reason_of("report.pdf", b"") is Reason.EMPTY


def test_a_file_of_nothing_but_white_space_has_no_text() -> None:
    assert reason_of("notes.txt", b" \r\n\t \n") is Reason.NO_TEXT


def test_a_document_that_is_encrypted_with_a_password_is_refused_as_encrypted() -> None:
    locked = OLE + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(600)

    assert reason_of("report.docx", locked) is Reason.ENCRYPTED


@pytest.mark.parametrize(
    ("name", "declared", "content"),
    [
        ("letter.docm", None, WORD),
        ("letter.docm", "application/vnd.ms-word.document.macroEnabled.12", WORD),
        ("letter.docx", "application/vnd.ms-word.document.macroEnabled.12", WORD),
        ("letter.docx", None, docx(paragraph("x"), **{"word/vbaProject.bin": b"x"})),
        ("letter.docx", None, packed(docx_parts("", main="application/vnd.ms-word.document.macroEnabled.main+xml"))),
    ],
    ids=named,
)
def test_a_document_with_macros_is_refused_for_them(name: str, declared: str | None, content: bytes) -> None:
    assert reason_of(name, content, declared) is Reason.MACROS


def test_prose_that_begins_like_a_program_is_still_prose() -> None:
    assert read("a.txt", "MZ is a mark; %PDF- is another.").text == "MZ is a mark; %PDF- is another."


def test_no_refusal_quotes_the_file_or_its_name() -> None:
    for name, content in (
        ("secretname.json", b"{secrettext"),
        ("secretname.pdf", b"%PDF-1.4 secrettext"),
        ("secretname.docx", b"PK\x03\x04secrettext"),
    ):
        with pytest.raises(Exception, match="The file cannot be read") as caught:
            text_of(name, None, content)
        told = repr(caught.value.args) + repr(vars(caught.value)) + repr(caught.value.__cause__)
        assert "secret" not in told
