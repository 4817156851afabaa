"""A PDF is read page by page, and refused when it is locked, broken, a picture, or too much."""

from __future__ import annotations

import logging
import zlib

import pytest

from backend.uploads.model import PAGES_LIMIT, Reason
from backend.uploads.pdf_pages import CONTENT_LIMIT_BYTES, OPERATIONS_LIMIT, PAGES_WITHOUT_TEXT, unhyphenated
from tests.unit.uploads.upload_samples import encrypted_pdf, pdf, pdf_of, read, reason_of

CATALOG = [b"<< /Type /Catalog /Pages 2 0 R >>"]
FONT = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
BOX = b"/MediaBox [0 0 612 792]"


def stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (len(content), more, content)


def one_page(drawing: bytes, *more: bytes) -> bytes:
    """Return a PDF of one page, whose drawing is object 4, with more objects from 6 on."""
    page = (
        b"<< /Type /Page /Parent 2 0 R %s /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> /XObject << /A 6 0 R >> >> >>" % BOX
    )
    return pdf_of([*CATALOG, b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", page, drawing, FONT, *more])


def test_pages_follow_each_other_and_are_counted() -> None:
    found = read("a.pdf", pdf(["The shop opens at nine.\nIt closes at six.", "Caf\u00e9."], title="House rules"))

    assert found.text == "The shop opens at nine.\nIt closes at six.\n\nCaf\u00e9."
    assert (found.title, found.pages, found.warnings) == ("House rules", 2, ())


def test_pages_without_text_are_owned_up_to() -> None:
    found = read("a.pdf", pdf(["One.", b"0 0 9 9 re f", "Three."]))

    assert (found.text, found.pages, found.warnings) == ("One.\n\nThree.", 3, (PAGES_WITHOUT_TEXT,))


def test_text_in_forms_is_read_where_it_is_drawn() -> None:
    form = stream(
        b"BT /F1 9 Tf 10 10 Td (from the form) Tj ET",
        b"/Type /XObject /Subtype /Form /BBox [0 0 99 99] /Resources << /Font << /F1 5 0 R >> >>",
    )

    assert read("a.pdf", one_page(stream(b"/A Do"), form)).text == "from the form"


def test_drawing_that_is_compressed_is_unpacked() -> None:
    drawing = zlib.compress(b"BT /F1 9 Tf 10 10 Td (small) Tj ET")

    assert read("a.pdf", one_page(stream(drawing, b"/Filter /FlateDecode"))).text == "small"


@pytest.mark.parametrize("password", ["secret", ""])
def test_an_encrypted_document_is_refused_also_when_its_password_is_empty(password: str) -> None:
    assert reason_of("a.pdf", encrypted_pdf(password)) is Reason.ENCRYPTED


def test_a_scanned_document_has_no_text() -> None:
    assert reason_of("a.pdf", pdf([b"q 9 0 0 9 0 0 cm /A Do Q", b""])) is Reason.NO_TEXT


def test_a_document_without_pages_has_no_text() -> None:
    assert reason_of("a.pdf", pdf([])) is Reason.NO_TEXT


@pytest.mark.parametrize(
    "content",
    [
        b"%PDF-1.7\n",
        b"%PDF-1.7\n%%EOF",
        b"%PDF-1.7\nstartxref\n99999\n%%EOF",
        b"%PDF-1.7\n" + b"1 0 obj\n" * 20_000,
        b"%PDF-1.7\n" + b"<<" * 100_000,
        b"%PDF-1.7\n" + b"(" * 1_000_000,
        b"%PDF-1.7\n" + b"startxref\n9\n%%EOF" * 10_000,
        pdf_of([*CATALOG, b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>"]),
    ],
    ids=["bare", "ended", "nowhere", "objects", "dictionaries", "string", "ends", "loop"],
)
def test_a_damaged_document_is_refused_as_damaged(content: bytes) -> None:
    assert reason_of("a.pdf", content) is Reason.DAMAGED


def test_a_document_whose_list_of_objects_is_misplaced_is_read_all_the_same() -> None:
    whole = pdf(["The shop opens at nine."])

    assert read("a.pdf", whole.replace(b"startxref\n", b"startxref\n9")).text == "The shop opens at nine."


@pytest.mark.parametrize("end", [b"endobj", b"xref", b"trailer"])
def test_a_document_whose_end_is_missing_is_damaged(end: bytes) -> None:
    whole = pdf(["The shop opens at nine."])

    assert reason_of("a.pdf", whole[: whole.index(end)]) is Reason.DAMAGED


@pytest.mark.parametrize("pages", [PAGES_LIMIT + 1, 3 * PAGES_LIMIT])
def test_a_document_of_too_many_pages_is_refused_for_them_whatever_it_says_their_number_is(pages: int) -> None:
    kids = b"3 0 R " * pages
    content = pdf_of([*CATALOG, b"<< /Type /Pages /Kids [%s] /Count 1 >>" % kids, b"<< /Type /Page /Parent 2 0 R %s >>" % BOX])

    assert reason_of("a.pdf", content) is Reason.TOO_MANY_PAGES


@pytest.mark.parametrize("times", [1, 2])
def test_a_page_that_unpacks_too_far_is_refused_as_a_bomb(times: int) -> None:
    bomb = b" " * 60_000_000
    for _ in range(times):
        bomb = zlib.compress(bomb, 9)

    assert reason_of("a.pdf", one_page(stream(bomb, b"/Filter [%s]" % (b"/FlateDecode " * times)))) is Reason.ZIP_BOMB


def test_pages_that_share_one_large_drawing_pay_for_it_each() -> None:
    drawing = stream(zlib.compress(b" " * 1_000_000), b"/Filter /FlateDecode")
    kids = b"3 0 R " * (CONTENT_LIMIT_BYTES // 1_000_000 + 1)
    content = pdf_of(
        [
            *CATALOG,
            b"<< /Type /Pages /Kids [%s] /Count 9 >>" % kids,
            b"<< /Type /Page /Parent 2 0 R %s /Contents 4 0 R >>" % BOX,
            drawing,
        ]
    )

    assert reason_of("a.pdf", content) is Reason.TOO_COMPLEX


def test_a_page_with_more_drawing_than_can_be_read_is_refused_for_it() -> None:
    assert reason_of("a.pdf", pdf([b"q Q " * 300_000])) is Reason.TOO_COMPLEX


def test_operations_are_counted_over_all_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert OPERATIONS_LIMIT > 1_000
    monkeypatch.setattr("backend.uploads.pdf_pages.OPERATIONS_LIMIT", 1_000)

    assert read("a.pdf", pdf([b"q Q " * 400, "text"])).text == "text"
    assert reason_of("a.pdf", pdf([b"q Q " * 400, "text", b"q Q " * 400])) is Reason.TOO_COMPLEX


def test_forms_that_draw_each_other_twice_end() -> None:
    depth = 30
    inner = [
        stream(
            b"/A Do /A Do",
            b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /A %d 0 R >> >>" % (7 + number),
        )
        for number in range(depth)
    ]
    last = stream(
        b"BT /F1 9 Tf (x) Tj ET", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /Font << /F1 5 0 R >> >>"
    )

    found = read("a.pdf", one_page(stream(b"BT /F1 9 Tf (before) Tj ET /A Do"), *inner, last))

    assert found.text.startswith("before")


def test_nothing_of_a_damaged_document_reaches_the_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    whole = pdf(["The secret shop."])

    read("a.pdf", whole.replace(b"startxref\n", b"startxref\n9"))

    assert caplog.records == []


@pytest.mark.parametrize(
    ("lines", "whole"),
    [
        ("an extra-\nordinary day", "an extraordinary\nday"),
        ("extra\u00ad\nordinary", "extraordinary"),
        ("extra\u2010 \n ordinary.\nNext", "extraordinary.\nNext"),
        ("three-\nfold-\ned words", "threefolded\nwords"),
        ("Smith-\nJones", "Smith-\nJones"),
        ("- item\n- item", "- item\n- item"),
        ("1990-\nand on", "1990-\nand on"),
        ("-\nand", "-\nand"),
        ("end-", "end-"),
        ("a\x0cb", "a\nb"),
    ],
)
def test_words_that_were_parted_at_a_line_end_are_put_together(lines: str, whole: str) -> None:
    assert unhyphenated(lines) == whole
