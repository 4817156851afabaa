"""Files made by hand, for tests of what is read out of them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence

import pytest
from pypdf import PdfReader, PdfWriter

from backend.kit.errors import ValidationFailedError
from backend.uploads.model import POINTER, Extracted, Reason
from backend.uploads.service import text_of

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

STYLES = """<w:style w:type="paragraph" w:styleId="Ueberschrift1"><w:name w:val="heading 1"/></w:style>
<w:style w:type="paragraph" w:styleId="Mine"><w:name w:val="My heading"/><w:basedOn w:val="Ueberschrift1"/></w:style>
<w:style w:type="paragraph" w:styleId="Bullet"><w:name w:val="List Bullet"/>
<w:pPr><w:numPr><w:numId w:val="3"/></w:numPr></w:pPr></w:style>
<w:style w:type="paragraph" w:styleId="A"><w:name w:val="a"/><w:basedOn w:val="B"/></w:style>
<w:style w:type="paragraph" w:styleId="B"><w:name w:val="b"/><w:basedOn w:val="A"/></w:style>"""


def reason_of(name: str, content: bytes, declared: str | None = None) -> Reason:
    """Return why the file is refused, having seen that the refusal points at the file."""
    with pytest.raises(ValidationFailedError) as caught:
        text_of(name, declared, content)
    assert [fault.pointer for fault in caught.value.faults] == [POINTER]
    return Reason(str(caught.value.facts["reason"]))


def read(name: str, content: bytes | str, declared: str | None = None) -> Extracted:
    return text_of(name, declared, content.encode() if isinstance(content, str) else content)


def named(value: object) -> str | None:
    """Return the name of a case of bytes, by their number; the bytes themselves would be too long."""
    return f"{len(value)} bytes" if isinstance(value, bytes) else None


def packed(parts: Mapping[str, bytes | str], level: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip file of these parts."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", level) as package:
        for name, content in parts.items():
            # An entry made from its name alone holds the time of day.
            package.writestr(zipfile.ZipInfo(name), content, level)
    return made.getvalue()


def docx_parts(body: str, *, space: str = W, main: str = MAIN, styles: str = STYLES) -> dict[str, bytes | str]:
    """Return the parts of a document whose body is this XML."""
    document = f'Type="{RELATIONS}/officeDocument" Target="word/document.xml"'
    compatible = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    return {
        "[Content_Types].xml": f'<Types><Override PartName="/word/document.xml" ContentType="{main}"/></Types>',
        "_rels/.rels": f'<Relationships><Relationship Id="1" {document}/></Relationships>',
        "word/_rels/document.xml.rels": (
            f'<Relationships><Relationship Id="1" Type="{RELATIONS}/styles" Target="styles.xml"/>'
            f'<Relationship Id="2" Type="{RELATIONS}/footnotes" Target="/word/footnotes.xml"/></Relationships>'
        ),
        "word/styles.xml": f'<w:styles xmlns:w="{space}">{styles}</w:styles>',
        "word/document.xml": f'<w:document xmlns:w="{space}" {compatible}><w:body>{body}</w:body></w:document>',
    }


def docx(body: str, **parts: bytes | str) -> bytes:
    return packed(docx_parts(body) | parts)


def run(text: str) -> str:
    return f'<w:r><w:t xml:space="preserve">{text}</w:t></w:r>'


def paragraph(text: str, properties: str = "") -> str:
    return f"<w:p><w:pPr>{properties}</w:pPr>{run(text)}</w:p>"


def table(rows: Sequence[Sequence[str]], properties: str = "") -> str:
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return f"<w:tbl>{properties}{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def drawn(text: str) -> bytes:
    """Return the drawing of a page that shows these lines."""
    lines = (line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for line in text.split("\n"))
    return b"BT /F1 12 Tf 14 TL 72 720 Td " + b" ".join(f"({line}) Tj T*".encode("latin-1") for line in lines) + b" ET"


def pdf(pages: Iterable[str | bytes], *, title: str | None = None) -> bytes:
    """Return a PDF with these pages: what they show, or their drawing itself."""
    drawings = [page if isinstance(page, bytes) else drawn(page) for page in pages]
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(drawings)))
    objects += [f"<< /Type /Pages /Kids [{kids}] /Count {len(drawings)} >>".encode()]
    objects += [b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    for number, drawing in enumerate(drawings):
        resources = "/Resources << /Font << /F1 3 0 R >> >> /MediaBox [0 0 612 792]"
        objects += [f"<< /Type /Page /Parent 2 0 R {resources} /Contents {5 + 2 * number} 0 R >>".encode()]
        objects += [b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawing), drawing)]
    return pdf_of(objects, information=f"<< /Title ({title}) >>".encode() if title else None)


def pdf_of(objects: Sequence[bytes], *, information: bytes | None = None) -> bytes:
    """Return a PDF of these objects, numbered from 1, the first of which is the catalog."""
    made, offsets = io.BytesIO(), []
    made.write(b"%PDF-1.7\n")
    for number, content in enumerate([*objects, *([information] if information else [])], 1):
        offsets.append(made.tell())
        made.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    start = made.tell()
    made.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(offsets) + 1))
    made.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
    named = b" /Info %d 0 R" % len(offsets) if information else b""
    made.write(b"trailer\n<< /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n" % (len(offsets) + 1, named, start))
    return made.getvalue()


def encrypted_pdf(password: str) -> bytes:
    writer, made = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf(["The vault opens at nine."])))), io.BytesIO()
    writer.encrypt(password, "owner", algorithm="AES-256")
    writer.write(made)
    return made.getvalue()
