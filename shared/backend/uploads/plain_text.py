"""Plain text and Markdown: kept as they were written."""

from __future__ import annotations

import re

from backend.uploads.cleaning import cleaned
from backend.uploads.encoding import decode
from backend.uploads.model import Draft

_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(\S[^\n]*)")
_FENCE = re.compile(r" {0,3}(```|~~~)")


def read_text(content: bytes, charset: str | None) -> Draft:
    """Return a plain text as it is."""
    text, warnings = decode(content, charset)
    return Draft(text, warnings=warnings)


def read_markdown(content: bytes, charset: str | None) -> Draft:
    """Return a Markdown text as it is; its first heading is the title."""
    text, warnings = decode(content, charset)
    return Draft(text, title=_first_heading(cleaned(text)[0]), warnings=warnings)


def _first_heading(text: str) -> str | None:
    fence = ""
    for line in text.split("\n"):
        opened = _FENCE.match(line)
        if opened and (not fence or opened[1] == fence):
            fence = "" if fence else opened[1]
        elif not fence and (found := _HEADING.match(line)):
            return found[1].rstrip().rstrip("#").rstrip()
    return None
