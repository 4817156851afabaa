"""Bar charts as SVG, written by hand: a plotting library would weigh more than everything else that benchmarks need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

WIDTH = 860
_LABELS = 300
_BAR = 16
_GAP = 6
_HEAD = 34
_CHARACTER = 7
_BARS_WIDTH = WIDTH - _LABELS - 100


class Bar(NamedTuple):
    """A label and its value, which is not below 0."""

    label: str
    value: float


def chart(title: str, panels: Mapping[str, Sequence[Bar]]) -> str:
    """Return an SVG document: one panel of horizontal bars below the other, each scaled to its longest bar."""
    parts = [_text(10, 22, title, size=15)]
    top = _HEAD
    for name, bars in panels.items():
        parts.append(_text(10, top + 18, name, size=12))
        top += _HEAD
        longest = max((bar.value for bar in bars), default=0) or 1
        for bar in bars:
            length = round(_BARS_WIDTH * bar.value / longest, 1)
            parts.append(_text(_LABELS - 8, top + 12, bar.label, anchor="end"))
            parts.append(f'<rect x="{_LABELS}" y="{top}" width="{length}" height="{_BAR}" fill="#4472a8"/>')
            parts.append(_text(_LABELS + length + 6, top + 12, f"{bar.value:,.4g}"))
            top += _BAR + _GAP
        top += _GAP
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{top + 10}" font-family="sans-serif">\n'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _text(left: float, base: float, words: str, *, size: int = 11, anchor: str = "start") -> str:
    room = int((_LABELS if anchor == "end" else WIDTH) / _CHARACTER)
    said = words if len(words) <= room else f"{words[: room - 1]}…"
    return f'<text x="{left}" y="{base}" font-size="{size}" text-anchor="{anchor}" fill="#222222">{escape(said)}</text>'
