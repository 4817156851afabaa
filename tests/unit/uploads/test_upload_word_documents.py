"""A document of a word processor is read in its order, and refused when it is locked, broken or made to harm."""

from __future__ import annotations

import io
import struct
import zipfile

import pytest

from backend.uploads.model import ENTRIES_LIMIT, Reason
from backend.uploads.word_documents import CHANGES_ACCEPTED
from backend.uploads.word_packages import EMBEDDED_LEFT_OUT
from tests.unit.uploads.upload_samples import STRICT, W, docx, docx_parts, packed, paragraph, read, reason_of, run, table

TEXT = paragraph("The shop opens at nine.")


def said(body: str, **parts: bytes | str) -> str:
    return read("a.docx", docx(body, **parts)).text


def test_headings_lists_and_paragraphs_are_told_apart_in_every_language_of_the_program() -> None:
    body = (
        paragraph("The shop", '<w:pStyle w:val="Ueberschrift1"/>')
        + paragraph("Hours", '<w:pStyle w:val="Mine"/>')
        + paragraph("By level", '<w:outlineLvl w:val="2"/>')
        + paragraph("It opens at nine.")
        + paragraph("tea", '<w:pStyle w:val="Bullet"/>')
        + paragraph("green", '<w:numPr><w:ilvl w:val="1"/><w:numId w:val="2"/></w:numPr>')
        + paragraph("no item", '<w:pStyle w:val="Bullet"/><w:numPr><w:numId w:val="0"/></w:numPr>')
        + paragraph("no heading", '<w:outlineLvl w:val="9"/>')
        + paragraph("in circles", '<w:pStyle w:val="A"/>')
    )

    found = read("a.docx", docx(body))

    assert found.text == (
        "# The shop\n\n# Hours\n\n### By level\n\nIt opens at nine.\n\n- tea\n  - green\n\nno item\n\nno heading\n\nin circles"
    )
    assert found.title == "The shop"


def test_runs_tabs_breaks_and_hyphens_are_put_together() -> None:
    body = (
        f"<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr>{run('a ')}\n  {run('b')}"
        f"<w:r><w:tab/><w:t>c</w:t><w:br/><w:t>d</w:t><w:noBreakHyphen/></w:r>{run('&lt;e&gt;')}</w:p>"
    )

    assert said(body) == "a b\tc\nd-<e>"


def test_tracked_changes_are_read_as_accepted_and_owned_up_to() -> None:
    deleted = "<w:del><w:r><w:delText>coffee</w:delText></w:r></w:del><w:moveFrom>" + run("milk") + "</w:moveFrom>"
    found = read(
        "a.docx", docx(f"<w:p>{run('I like ')}{deleted}<w:ins>{run('tea')}</w:ins><w:moveTo>{run('.')}</w:moveTo></w:p>")
    )

    assert found.text == "I like tea."
    assert found.warnings == (CHANGES_ACCEPTED,)


def test_hidden_text_codes_of_fields_and_fallbacks_are_left_out() -> None:
    hidden = "<w:r><w:rPr><w:vanish/></w:rPr><w:t>secret</w:t></w:r><w:r><w:instrText>PAGE</w:instrText></w:r>"
    shown = '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t>shown</w:t></w:r>'
    boxed = paragraph("boxed")
    box = f"<mc:Choice><w:txbxContent>{boxed}</w:txbxContent></mc:Choice><mc:Fallback>{boxed}</mc:Fallback>"

    assert said(f"<w:p>{hidden}{shown}<w:r><mc:AlternateContent>{box}</mc:AlternateContent></w:r></w:p>") == "boxed\n\nshown"


def test_rows_of_a_table_are_lines_with_the_names_of_its_columns() -> None:
    rows = [["Name", "Town"], ["Ada", "London"], ["Bob", ""]]

    assert said(table(rows, '<w:tblPr><w:tblLook w:val="04A0"/></w:tblPr>')) == "Name: Ada; Town: London\nName: Bob"
    assert said(table(rows, '<w:tblPr><w:tblLook w:firstRow="0"/></w:tblPr>')) == "Name; Town\nAda; London\nBob"
    assert said(table(rows, '<w:tblPr><w:tblLook w:val="zz"/></w:tblPr>') + TEXT).startswith("Name; Town\n")


def test_a_row_that_repeats_on_every_page_names_the_columns_and_spans_are_counted() -> None:
    wide = f'<w:tc><w:tcPr><w:gridSpan w:val="2"/></w:tcPr>{paragraph("Who")}</w:tc>'
    head = f"<w:tr><w:trPr><w:tblHeader/></w:trPr>{wide}<w:tc>{paragraph('Town')}</w:tc></w:tr>"
    row = "<w:tr>" + "".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in ("Ada", "L.", "London")) + "</w:tr>"

    assert said(f"<w:tbl>{head}{row}</w:tbl>") == "Who: Ada; L.; Town: London"


def test_notes_follow_the_text_with_the_number_that_it_names() -> None:
    line = f'<w:footnote w:type="separator" w:id="-1">{paragraph("line")}</w:footnote>'
    notes = f'<w:footnotes xmlns:w="{W}">{line}<w:footnote w:id="2">{paragraph("Green.")}</w:footnote></w:footnotes>'
    body = f'<w:p>{run("I like tea.")}<w:r><w:footnoteReference w:id="2"/></w:r></w:p>'

    assert said(body, **{"word/footnotes.xml": notes}) == "I like tea.[2]\n\n[2] Green."


def test_the_title_is_the_one_of_the_documents_properties() -> None:
    core = '<p xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>x</dc:creator><dc:title>House rules</dc:title></p>'

    assert read("a.docx", docx(TEXT, **{"docProps/core.xml": core})).title == "House rules"


def test_documents_of_the_strict_form_and_in_utf_16_are_read() -> None:
    strict = docx_parts(TEXT, space=STRICT)
    wide = {
        **docx_parts(TEXT),
        "word/document.xml": f'<?xml version="1.0" encoding="UTF-16"?><w:document xmlns:w="{W}">{TEXT}</w:document>'.encode(
            "utf-16"
        ),
    }

    assert read("a.docx", packed(strict)).text == "The shop opens at nine."
    assert read("a.docx", packed(wide)).text == "The shop opens at nine."


def test_a_document_without_styles_or_relations_is_read() -> None:
    parts = {name: part for name, part in docx_parts(TEXT).items() if name in ("[Content_Types].xml", "word/document.xml")}

    assert read("a.docx", packed(parts, zipfile.ZIP_STORED)).text == "The shop opens at nine."


def test_a_document_of_pictures_has_no_text() -> None:
    assert reason_of("a.docx", docx("<w:p><w:r><w:drawing/></w:r></w:p>")) is Reason.NO_TEXT


@pytest.mark.parametrize("names", [["xl/workbook.xml"], ["[Content_Types].xml", "xl/workbook.xml"], ["mimetype", "content.xml"]])
def test_another_package_under_the_name_of_a_document_is_mislabelled(names: list[str]) -> None:
    assert reason_of("a.docx", packed(dict.fromkeys(names, "<Types/>"))) is Reason.MISLABELLED


def test_a_template_or_sheet_in_place_of_the_document_is_mislabelled() -> None:
    other = docx_parts(TEXT, main="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml")

    assert reason_of("a.docx", packed(other)) is Reason.MISLABELLED


@pytest.mark.parametrize("part", ["word/document.xml", "word/styles.xml", "[Content_Types].xml"])
@pytest.mark.parametrize(
    "xml",
    [
        "",
        "<w:p>",
        "<a></b>",
        "\x00",
        '<?xml version="1.0" encoding="no-such"?><a/>',
        '<?xml version="1.0" encoding="utf-8"?>\udcff',
    ],
)
def test_a_part_that_is_no_xml_is_damage(part: str, xml: str) -> None:
    assert reason_of("a.docx", packed(docx_parts(TEXT) | {part: xml.encode("utf-8", "surrogateescape")})) is Reason.DAMAGED


def test_a_document_that_was_cut_or_changed_is_damaged() -> None:
    whole = docx(TEXT)
    changed = packed(docx_parts(TEXT), zipfile.ZIP_STORED).replace(b"opens at nine", b"opens at five")

    assert reason_of("a.docx", whole[: len(whole) // 2]) is Reason.DAMAGED
    assert reason_of("a.docx", changed) is Reason.DAMAGED


def test_a_document_without_its_main_part_is_damaged() -> None:
    parts = docx_parts(TEXT)
    del parts["word/document.xml"]

    assert reason_of("a.docx", packed(parts)) is Reason.DAMAGED


def test_a_way_of_packing_that_no_word_processor_uses_is_damage() -> None:
    assert reason_of("a.docx", packed(docx_parts(TEXT), zipfile.ZIP_BZIP2)) is Reason.DAMAGED


def test_parts_that_are_encrypted_are_refused_as_encrypted() -> None:
    content = bytearray(docx(TEXT))
    at = content.index(b"PK\x01\x02")
    while at >= 0:
        content[at + 8] |= 1
        at = content.find(b"PK\x01\x02", at + 4)

    assert reason_of("a.docx", bytes(content)) is Reason.ENCRYPTED


def test_a_part_that_unpacks_to_a_hundred_times_its_size_is_a_bomb() -> None:
    assert reason_of("a.docx", docx(TEXT, **{"word/media/image.bmp": bytes(2_000_000)})) is Reason.ZIP_BOMB


def test_parts_that_unpack_too_far_together_are_a_bomb() -> None:
    content = bytearray(docx(TEXT, **{f"word/media/{number}.bin": b"x" for number in range(6)}))
    at = content.index(b"PK\x01\x02")
    while at >= 0:
        # What the package says of the sizes: packed and unpacked.
        content[at + 20 : at + 28] = struct.pack("<II", 9_000_000, 9_000_000)
        at = content.find(b"PK\x01\x02", at + 4)

    assert reason_of("a.docx", bytes(content)) is Reason.ZIP_BOMB


def test_a_package_that_lies_about_its_sizes_is_refused_without_unpacking_what_it_hides() -> None:
    large = docx_parts(TEXT)
    large["word/document.xml"] = str(large["word/document.xml"]) + " " * 5_000_000
    content = bytearray(packed(large))
    at = content.index(b"PK\x01\x02")
    while at >= 0:
        content[at + 24 : at + 28] = struct.pack("<I", 100)
        at = content.find(b"PK\x01\x02", at + 4)

    assert reason_of("a.docx", bytes(content)) is Reason.DAMAGED


@pytest.mark.parametrize("name", ["inner.zip", "word/media/inner.docx", "word/x.JAR"])
def test_archives_inside_the_archive_are_refused(name: str) -> None:
    assert reason_of("a.docx", docx(TEXT, **{name: docx(TEXT)})) is Reason.ZIP_BOMB


def test_the_sheet_behind_a_chart_is_left_out_and_owned_up_to() -> None:
    found = read("a.docx", docx(TEXT, **{"word/embeddings/Sheet1.xlsx": packed({"xl/workbook.xml": "<x/>"})}))

    assert found.text == "The shop opens at nine."
    assert found.warnings == (EMBEDDED_LEFT_OUT,)


def test_a_package_of_too_many_parts_is_a_bomb() -> None:
    assert reason_of("a.docx", docx(TEXT, **{f"word/{number}": "" for number in range(ENTRIES_LIMIT)})) is Reason.ZIP_BOMB


@pytest.mark.parametrize("part", ["word/document.xml", "word/styles.xml", "[Content_Types].xml", "_rels/.rels"])
@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd">',
    ],
    ids=["laughs", "file", "address"],
)
def test_entities_and_document_types_are_refused_unread(part: str, doctype: str) -> None:
    assert reason_of("a.docx", packed(docx_parts(TEXT) | {part: f"{doctype}<a>&a;</a>"})) is Reason.XML_ENTITIES


def test_relations_cannot_lead_out_of_the_package() -> None:
    away = '<Relationships><Relationship Type="x/styles" Target="../../../../etc/hostname"/><Relationship Type="x/footnotes" Target="http://127.0.0.1/"/></Relationships>'

    assert said(TEXT, **{"word/_rels/document.xml.rels": away}) == "The shop opens at nine."


def test_a_document_that_zipfile_cannot_open_is_damaged() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w"):
        pass

    assert reason_of("a.docx", b"PK\x03\x04" + bytes(100)) is Reason.DAMAGED
    assert reason_of("a.docx", made.getvalue()) is Reason.MISLABELLED
