"""The text of a WordprocessingML part (ECMA-376, part 1, section 17), from the events of its XML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from backend.uploads.layout import Page

_SPACES = ("{http://schemas.openxmlformats.org/wordprocessingml/2006/main}", "{http://purl.oclc.org/ooxml/wordprocessingml/main}")
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_HEADING = re.compile(r"heading ([1-9])\Z", re.IGNORECASE)
_DELETED = frozenset(("del", "moveFrom"))
_UNREAD = _DELETED | frozenset(
    ("delText", "instrText", "delInstrText", "rPrChange", "pPrChange", "tblPrChange", "trPrChange", "tcPrChange", "sectPrChange")
)
_SIGNS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_RUNS = frozenset(("r", "t", "vanish", *_SIGNS))
_NOTES = frozenset(("footnoteReference", "endnoteReference", "footnote", "endnote"))
_TABLES = frozenset(("tbl", "tblLook", "tr", "tblHeader", "tc", "gridSpan"))
_OFF = frozenset(("0", "false", "off"))
_SEPARATORS = frozenset(("separator", "continuationSeparator", "continuationNotice"))
_FIRST_ROW = 0x0020
"""The bit of `tblLook` that says that the first row is a header (section 17.4.56)."""
_BODY_LEVEL = 9
"""The outline level that is none (section 17.3.1.20)."""


@dataclass(slots=True)
class Form:
    """How a paragraph or a style looks; None where it says nothing of it. `level` is a heading's, from 1."""

    style: str | None = None
    level: int | None = None
    listed: bool | None = None
    depth: int = 0


@dataclass(slots=True)
class _Paragraph:
    form: Form = field(default_factory=Form)
    parts: list[str] = field(default_factory=list)


class Styles:
    """Takes the part of styles."""

    def __init__(self) -> None:
        self._forms: dict[str, Form] = {}
        self._open = Form()

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an element."""
        name = _local(tag)
        if name == "style":
            self._open = self._forms.setdefault(_attribute(attributes, "styleId"), Form())
        elif name == "name":
            _name(self._open, _attribute(attributes, "val"))
        elif name == "basedOn":
            self._open.style = _attribute(attributes, "val")
        else:
            _property(self._open, name, attributes)

    def end(self, _tag: str) -> None:
        """Take the end of an element, which says nothing here."""

    def data(self, _text: str) -> None:
        """Take text, of which there is none here."""

    def close(self) -> None:
        """Take the end of the part."""

    def form(self, own: Form) -> Form:
        """Return how a paragraph looks, by itself and by what its styles are based on."""
        level, listed, style = own.level, own.listed, own.style
        seen: set[str] = set()
        while style is not None and style not in seen and style in self._forms:
            seen.add(style)
            based = self._forms[style]
            level = based.level if level is None else level
            listed = based.listed if listed is None else listed
            style = based.style
        return Form(None, level, listed, own.depth)


class Body:
    """Takes the part of the document, or of notes, and puts its text on a page."""

    def __init__(self, page: Page, styles: Styles) -> None:
        self.changed = False
        self._page = page
        self._styles = styles
        self._skipped = 0
        self._paragraphs: list[_Paragraph] = []
        self._has_header: list[bool] = []
        self._in_run = False
        self._hidden = False
        self._in_text = False
        self._note = ""

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """Take the beginning of an element."""
        name = _local(tag)
        if self._skipped or name in _UNREAD or tag == _FALLBACK:
            self._skipped += 1
            self.changed = self.changed or name in _DELETED
        elif name in _TABLES:
            self._begin_of_table(name, attributes)
        elif name in _NOTES:
            self._begin_of_note(name, attributes)
        elif name in _RUNS:
            self._begin_of_run(name, attributes)
        elif name == "p":
            self._paragraphs.append(_Paragraph())
        elif self._paragraphs:
            form = self._paragraphs[-1].form
            if name == "pStyle":
                form.style = _attribute(attributes, "val")
            else:
                _property(form, name, attributes)

    def end(self, tag: str) -> None:
        """Take the end of an element."""
        if self._skipped:
            self._skipped -= 1
            return
        name = _local(tag)
        if name == "t":
            self._in_text = False
        elif name == "r":
            self._in_run = self._hidden = False
        elif name == "p" and self._paragraphs:
            self._write(self._paragraphs.pop())
        elif name == "tc":
            self._page.close_cell()
        elif name == "tr":
            self._page.close_row()
        elif name == "tbl" and self._has_header:
            self._has_header.pop()
            self._page.close_table()

    def data(self, text: str) -> None:
        """Take text: what stands between other elements than those of text is the file's indentation."""
        if self._in_text and not self._skipped:
            self._add(text)

    def close(self) -> None:
        """Take the end of the part."""

    def _add(self, text: str) -> None:
        if self._paragraphs and not self._hidden:
            self._paragraphs[-1].parts.append(text)

    def _begin_of_run(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "r":
            self._in_run = True
        elif name == "t":
            self._in_text = True
        elif not self._in_run:
            # Tab stops and the mark of the paragraph have properties of the same names.
            return
        elif name == "vanish":
            self._hidden = _attribute(attributes, "val") not in _OFF
        else:
            self._add(_SIGNS[name])

    def _begin_of_note(self, name: str, attributes: Mapping[str, str]) -> None:
        if name in ("footnoteReference", "endnoteReference"):
            self._add(_label(name, attributes))
        elif _attribute(attributes, "type") in _SEPARATORS:
            self._skipped = 1
        else:
            self._note = f"{_label(name, attributes)} "

    def _begin_of_table(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "tbl":
            self._has_header.append(False)
            self._page.open_table()
        elif name == "tblLook" and self._has_header:
            self._has_header[-1] = _first_row(attributes)
        elif name == "tr":
            self._page.open_row(header=bool(self._has_header) and self._has_header[-1])
        elif name == "tblHeader" and _attribute(attributes, "val") not in _OFF:
            self._page.mark_header()
        elif name == "tc":
            self._page.open_cell()
        elif name == "gridSpan":
            self._page.widen(_attribute(attributes, "val"))

    def _write(self, paragraph: _Paragraph) -> None:
        text = "".join(paragraph.parts).strip()
        if not text:
            return
        text, self._note = self._note + text, ""
        form = self._styles.form(paragraph.form)
        if form.level:
            self._page.heading(form.level, text)
        elif form.listed:
            self._page.item(form.depth, text)
        else:
            self._page.paragraph(text)


def _property(form: Form, name: str, attributes: Mapping[str, str]) -> None:
    """Take a property of a paragraph, which may stand in a style too."""
    value = _attribute(attributes, "val")
    if name == "outlineLvl":
        level = _number(value, _BODY_LEVEL)
        form.level = level + 1 if level < _BODY_LEVEL else 0
    elif name == "numPr" and form.listed is None:
        form.listed = True
    elif name == "numId":
        form.listed = value != "0"
    elif name == "ilvl":
        form.depth = _number(value, 0)


def _name(form: Form, name: str) -> None:
    """Take a style's name: those of headings are English in every language of the program (section 17.7.4.9)."""
    if heading := _HEADING.match(name):
        form.level = int(heading[1])
    elif name.lower() == "title":
        form.level = 1


def _first_row(attributes: Mapping[str, str]) -> bool:
    said = _attribute(attributes, "firstRow")
    if said:
        return said not in _OFF
    try:
        return bool(int(_attribute(attributes, "val")[:8] or "0", 16) & _FIRST_ROW)
    except ValueError:
        return False


def _label(name: str, attributes: Mapping[str, str]) -> str:
    return f"[{'e' if name.startswith('endnote') else ''}{_attribute(attributes, 'id')}]"


def _number(value: str, otherwise: int) -> int:
    return int(value) if len(value) == 1 and value.isascii() and value.isdigit() else otherwise


def _local(tag: str) -> str:
    """Return an element's name, nothing for those of other vocabularies."""
    space, _, name = tag.rpartition("}")
    return name if f"{space}}}" in _SPACES else ""


def _attribute(attributes: Mapping[str, str], name: str) -> str:
    return next((attributes[space + name] for space in _SPACES if space + name in attributes), "")
