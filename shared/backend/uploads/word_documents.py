"""DOCX: paragraphs, headings, lists, tables, foot- and endnotes, as they stand once every tracked change is accepted.

Read as a stream of XML by defusedxml (PSF licence, Python alone) from the package itself. python-docx and docx2python need
lxml, 12 MB of native code for each processor; mammoth works by recursion, which fifty tables inside each other end. A stream
needs neither, and takes what memory the text takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from backend.uploads.layout import Page
from backend.uploads.model import Draft, Reason, refused, require_time
from backend.uploads.word_body import Body, Styles
from backend.uploads.word_packages import EMBEDDED_LEFT_OUT, WordPackage, part_name

CHANGES_ACCEPTED = "Tracked changes were read as accepted: what they delete was left out."

_TITLE = "{http://purl.org/dc/elements/1.1/}title"
_MAIN = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_CHUNK_BYTES = 262_144
_DOCUMENT_RELATION = "/relationships/officeDocument"


class _Handler(Protocol):
    """What takes the events of one XML part."""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None: ...
    def end(self, tag: str) -> None: ...
    def data(self, text: str) -> None: ...
    def close(self) -> None: ...


def read_docx(content: bytes, limit_bytes: int) -> Draft:
    """Return what the document says. Raises `ValidationFailedError` as `WordPackage` does, and for XML with entities."""
    package = WordPackage(content)
    kinds = _Attributes("ContentType", "PartName")
    _parse(package, "[Content_Types].xml", kinds)
    if any("macroenabled" in kind.lower() for kind, _ in kinds.found):
        raise refused(Reason.MACROS)
    main = _related(package, "_rels/.rels", "").get(_DOCUMENT_RELATION, "word/document.xml")
    if (_MAIN, f"/{main}") not in kinds.found:
        raise refused(Reason.MISLABELLED)
    if not package.has(main):
        raise refused(Reason.DAMAGED)
    folder, _, file = main.rpartition("/")
    related = _related(package, f"{folder}/_rels/{file}.rels", main)
    styles = Styles()
    _parse_if_there(package, related.get("/relationships/styles"), styles)
    page = Page(limit_bytes)
    body = Body(page, styles)
    _parse(package, main, body)
    for notes in ("/relationships/footnotes", "/relationships/endnotes"):
        _parse_if_there(package, related.get(notes), body)
    title = _CoreTitle()
    _parse_if_there(package, "docProps/core.xml", title)
    noticed = {CHANGES_ACCEPTED: body.changed, EMBEDDED_LEFT_OUT: package.has_embedded}
    text = page.text()
    return Draft(
        text, title="".join(title.parts).strip() or page.first_heading, warnings=tuple(each for each in noticed if noticed[each])
    )


def _parse(package: WordPackage, name: str, handler: _Handler) -> None:
    from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]  # noqa: PLC0415 - ships no types; paid for by uploads of this kind alone
    from defusedxml.ElementTree import DefusedXMLParser, ParseError  # type: ignore[import-untyped]  # noqa: PLC0415 - as above

    parser = DefusedXMLParser(target=handler, forbid_dtd=True)
    try:
        part = package.part(name)
        for start in range(0, len(part), _CHUNK_BYTES):
            require_time()
            parser.feed(part[start : start + _CHUNK_BYTES])
        parser.close()
    except DefusedXmlException:
        raise refused(Reason.XML_ENTITIES) from None
    except (ParseError, LookupError, UnicodeError):
        raise refused(Reason.DAMAGED) from None


def _parse_if_there(package: WordPackage, name: str | None, handler: _Handler) -> None:
    if name is not None and package.has(name):
        _parse(package, name, handler)


def _related(package: WordPackage, name: str, base: str) -> dict[str, str]:
    """Return the parts that the relations of a part lead to, by the end of the relation's type."""
    relations = _Attributes("Type", "Target")
    _parse_if_there(package, name, relations)
    return {f"/relationships/{kind.rpartition('/')[2]}": part_name(base, target) for kind, target in relations.found}


class _Attributes:
    """Collects two attributes of each element that has both."""

    def __init__(self, first: str, second: str) -> None:
        self._names = (first, second)
        self.found: list[tuple[str, str]] = []

    def start(self, _tag: str, attributes: Mapping[str, str]) -> None:
        if all(name in attributes for name in self._names):
            self.found.append((attributes[self._names[0]], attributes[self._names[1]]))

    def end(self, _tag: str) -> None:
        """Elements say nothing at their end."""

    def data(self, _text: str) -> None:
        """Nor is there text in them."""

    def close(self) -> None:
        """Nothing is left open."""


class _CoreTitle(_Attributes):
    """Collects the title among the document's properties."""

    def __init__(self) -> None:
        super().__init__("", "")
        self.parts: list[str] = []
        self._inside = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        del attributes
        self._inside = tag == _TITLE

    def end(self, _tag: str) -> None:
        self._inside = False

    def data(self, text: str) -> None:
        if self._inside:
            self.parts.append(text)
