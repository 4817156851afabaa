"""From a file's text to what is to be remembered of it: parts that each fit a memory, cut where the text pauses."""

from __future__ import annotations

from collections.abc import Iterator

from backend.extraction.structure import blocks
from backend.memories.model import MAX_TEXT_BYTES

PART_BYTES = MAX_TEXT_BYTES - 1024
MOST_PARTS = 50
TEXT_LIMIT_BYTES = MOST_PARTS * PART_BYTES // 2
"""Parts are at least half full but for the last, as blocks are cut where they are too long."""


def parts_of(text: str) -> list[str]:
    """Return the text in as few parts as fit a memory each: cut between blocks, within one only where it is too long itself."""
    if len(text.encode()) <= PART_BYTES:
        return [text]
    parts: list[str] = []
    start = end = 0
    size = 0
    for first, last in _spans(text):
        grown = len(text[end:last].encode())
        if end > start and size + grown > PART_BYTES:
            parts.append(text[start:end])
            start, size, grown = first, 0, len(text[first:last].encode())
        end, size = last, size + grown
    parts.append(text[start:end])
    return [part for part in parts if part.strip()]


def _spans(text: str) -> Iterator[tuple[int, int]]:
    # Four bytes hold any character of UTF-8, so this many characters always fit twice.
    step = PART_BYTES // 8
    for block in blocks(text):
        first, last = block.span
        yield from ((cut, min(cut + step, last)) for cut in range(first, last, step))
