"""The last step for every format: line ends, controls, halves of surrogate pairs. Every script, sign and direction stays."""

from __future__ import annotations

import re

from backend.uploads.model import TITLE_CHARACTERS

HALVES = "Halves of surrogate pairs were replaced by U+FFFD."

_HALF = re.compile(r"[\ud800-\udfff]")
# C0 but for tab and new line (ISO/IEC 6429); what parts pages or lines becomes a line end first.
_CONTROLS = dict.fromkeys((*range(0x09), *range(0x0E, 0x20)))
_LINE_ENDS = {0x0B: "\n", 0x0C: "\n"}
_DROPPED = str.maketrans(_CONTROLS | _LINE_ENDS)


def cleaned(text: str) -> tuple[str, tuple[str, ...]]:
    """Return the text with new line as its only line end, without other controls than tabs, and warnings."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_DROPPED)
    warnings: tuple[str, ...] = ()
    if _HALF.search(text):
        # A pair that was written as two halves, as JSON may, is one sign.
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        warnings = (HALVES,)
    return text.strip("\n"), warnings


def title_of(raw: str | None) -> str | None:
    """Return a title on one line of at most 200 characters, None for a blank one."""
    if raw is None:
        return None
    line = " ".join(cleaned(raw[: 4 * TITLE_CHARACTERS])[0].split())
    return line[:TITLE_CHARACTERS].rstrip() or None
