"""HTML: what a reader sees, without what a program does, a menu lists or a style hides.

Read by the tokenizer of justhtml (MIT, Python alone), which follows the standard and takes linear time on anything. A tree
of the page costs more: the standard's rules for one walk all open elements for each new one, so that 100,000 nested elements
keep selectolax busy for long; and html.parser of Python 3.11.7 needs quadratic time for tags and comments that never end.
"""

from __future__ import annotations

import re

from backend.uploads.encoding import decode
from backend.uploads.layout import Page
from backend.uploads.model import Draft, Reason, refused, require_time

EVENTS_LIMIT = 1_000_000
"""Tags, and texts between them."""

_CHECKED_EVERY = 1_000
_PROGRAM = ("script", "style", "template", "noscript", "iframe", "noembed", "noframes", "object", "head")
_UNSEEN = frozenset((*_PROGRAM, "nav", "svg", "canvas", "audio", "video"))
_VOID = frozenset(
    ("area", "base", "basefont", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_LISTS = frozenset(("ul", "ol", "menu", "dir"))
_CELLS = frozenset(("td", "th"))
_FLOW = (
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "center",
    "details",
    "dialog",
    "div",
    "footer",
    "header",
    "hgroup",
    "html",
)
_PARTS = ("dd", "dl", "dt", "figcaption", "figure", "hr", "li", "main", "p", "pre", "section", "summary", "title")
_FORM = ("button", "fieldset", "form", "legend", "option", "select", "textarea")
_TABLE = ("caption", "table", "tbody", "tfoot", "thead", "tr")
_BLOCKS = frozenset((*_FLOW, *_PARTS, *_FORM, *_TABLE, *_HEADINGS, *_LISTS, *_CELLS))
# What a start tag ends when its writer left the end tag out (HTML standard, section 13.1.2.4).
_ROW = frozenset(("td", "th", "p"))
_ENDS = (
    {name: frozenset(("p",)) for name in _BLOCKS - {"option", "select", "button"}}
    | {"li": frozenset(("li", "p")), "option": frozenset(("option",)), "tr": _ROW | {"tr"}}
    | dict.fromkeys(("td", "th"), _ROW)
    | dict.fromkeys(("dt", "dd"), frozenset(("dt", "dd", "p")))
    | dict.fromkeys(("thead", "tbody", "tfoot"), _ROW | {"tr", "thead", "tbody", "tfoot"})
    | {"body": frozenset(("head", "title"))}
)
# What may stand in a head that was never closed; anything else ends it.
_OF_HEAD = frozenset(("title", "meta", "link", "base", "basefont", "style", "script", "noscript", "template"))
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)
_HEAD_BYTES = 1_024
"""Where the standard wants the encoding named (HTML standard, section 4.2.5.4)."""


def read_html(content: bytes, charset: str | None, limit_bytes: int) -> Draft:
    """Return what the page says, with its title. A page without one has the first heading for its title."""
    from justhtml import stream  # noqa: PLC0415 - paid for by uploads of this kind alone

    named = _CHARSET.search(content[:_HEAD_BYTES])
    text, warnings = decode(content, charset or (named[1].decode("ascii", "replace") if named else None))
    view = _View(limit_bytes)
    for number, event in enumerate(stream(text)):
        if number > EVENTS_LIMIT:
            raise refused(Reason.TOO_COMPLEX)
        if number % _CHECKED_EVERY == 0:
            require_time()
        if event[0] == "text":
            view.text(event[1])
        elif event[0] == "start":
            view.start(*event[1])
        elif event[0] == "end":
            view.end(event[1])
    return Draft(view.finish(), title=view.title, warnings=warnings)


class _View:
    """The page as it is seen so far. Open elements are a stack that only the tags move: each is pushed and popped once."""

    def __init__(self, limit_bytes: int) -> None:
        self._page = Page(limit_bytes)
        self._open: list[tuple[str, bool]] = []
        self._count: dict[str, int] = {}
        self._unseen = 0
        self._inline: list[str] = []
        self._title: list[str] = []
        self._pending: tuple[str, int] | None = None
        # Cells of data and cells of names in the row.
        self._cells = [0, 0]

    @property
    def title(self) -> str | None:
        return "".join(self._title).strip() or self._page.first_heading

    def start(self, name: str, attributes: dict[str, str | None]) -> None:
        """Begin an element."""
        if self._inside("head") and name not in _OF_HEAD:
            self.end("head")
        ends = _ENDS.get(name, frozenset())
        while self._open and self._open[-1][0] in ends:
            self._close()
        if name == "br":
            self._inline.append("\n")
        if name in _BLOCKS:
            self._flush()
        if name in _VOID:
            return
        unseen = name in _UNSEEN or _is_hidden(attributes)
        self._open.append((name, unseen))
        self._count[name] = self._count.get(name, 0) + 1
        self._unseen += unseen
        if not self._unseen:
            self._begin(name, attributes)

    def end(self, name: str) -> None:
        """End an element and what was left open in it; the end of what is not open says nothing."""
        if name == "p" and not self._inside("p"):
            self._flush()
        if not self._inside(name):
            return
        while self._close() != name:
            pass

    def text(self, text: str) -> None:
        """Add text, unless nobody sees it."""
        if self._inside("title") and not self._inside("svg"):
            self._title.append(text)
        elif not self._unseen:
            self._inline.append(text if self._inside("pre") or self._inside("textarea") else _collapsed(text))
        elif self._inside("head") and self._open[-1][0] == "head" and text.strip():
            # Text ends a head that was never closed.
            self.end("head")
            self.text(text)

    def finish(self) -> str:
        """Close everything and return the text."""
        while self._open:
            self._close()
        self._flush()
        return self._page.text()

    def _inside(self, name: str) -> bool:
        return bool(self._count.get(name))

    def _begin(self, name: str, attributes: dict[str, str | None]) -> None:
        if name in _HEADINGS:
            self._pending = ("heading", _HEADINGS[name])
        elif name == "li":
            depth = sum(self._count.get(each, 0) for each in _LISTS) - 1
            self._pending = ("item", depth)
        elif name == "table":
            self._page.open_table()
        elif name == "tr":
            self._page.open_row(header=self._inside("thead"))
            self._cells = [0, 0]
        elif name in _CELLS:
            self._page.open_cell(attributes.get("colspan"))
            self._cells[name == "th"] += 1

    def _close(self) -> str:
        name, unseen = self._open[-1]
        if name in _BLOCKS:
            self._flush()
        self._open.pop()
        self._count[name] -= 1
        if not self._unseen:
            self._finish(name)
        self._unseen -= unseen
        return name

    def _finish(self, name: str) -> None:
        if name in _CELLS:
            self._page.close_cell()
        elif name == "tr":
            if self._cells[1] and not self._cells[0]:
                self._page.mark_header()
            self._page.close_row()
        elif name == "table":
            self._page.close_table()
        if name in _HEADINGS or name == "li":
            self._pending = None

    def _flush(self) -> None:
        """Hand over the text of the block that ends here, as what it is."""
        if not self._inline:
            return
        raw, self._inline = "".join(self._inline), []
        text = raw.strip("\n") if self._inside("pre") else _trimmed(raw)
        if not text.strip():
            return
        mark, self._pending = self._pending, None
        if mark is None:
            self._page.paragraph(text)
        elif mark[0] == "heading":
            self._page.heading(mark[1], text)
        else:
            self._page.item(mark[1], text)


def _is_hidden(attributes: dict[str, str | None]) -> bool:
    if "hidden" in attributes and (attributes["hidden"] or "").strip().lower() != "until-found":
        return True
    if (attributes.get("aria-hidden") or "").strip().lower() == "true" or (
        attributes.get("role") or ""
    ).strip().lower() == "navigation":
        return True
    return bool(_HIDING.search(attributes.get("style") or ""))


def _collapsed(text: str) -> str:
    """Return the text with each run of white space as one blank, as browsers show it; no-break spaces are none."""
    return _WHITE.sub(" ", text)


def _trimmed(text: str) -> str:
    lines = (line.strip(" ") for line in _RUNS.sub(" ", text).split("\n"))
    return "\n".join(line for line in lines if line)


_WHITE = re.compile(r"[ \t\r\n\f]+")
_RUNS = re.compile(r" {2,}")
