"""How a text is laid out: paragraphs, headings, list items, code; and the sentences in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sentencex import get_sentence_boundaries

from backend.extraction.model import Span

LANGUAGE = "en"
"""Whose abbreviations the splitter knows. It ends sentences of all scripts."""

WRAPPED_AT = 60
"""A line of fewer characters was ended by its writer, a longer one perhaps by the margin."""

_FENCE = re.compile(r"[ \t]{0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+(?=\S)")
_UNDERLINE = re.compile(r"[ ]{0,3}(?:=+|-{3,})[ \t]*$")
_ITEM = re.compile(r"[ \t]*(?:[-*+\u2022\u25e6\u2013]|\(?(?:[0-9]{1,3}|[a-zA-Z])[.)])[ \t]+(?=\S)")


class Kind(StrEnum):
    """What a block is."""

    PARAGRAPH = "paragraph"
    HEADING = "heading"
    ITEM = "item"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of the layout. `span` holds all of it, `content` leaves out what marks it: `## `, `- `, `1. `."""

    kind: Kind
    span: Span
    content: Span


def blocks(text: str) -> list[Block]:
    """Return the blocks in their order. Every character that is not white space is in exactly one of them."""
    found: list[Block] = []
    fence = ""
    for start, end in _lines(text):
        line = text[start:end]
        last = found[-1] if found else None
        if fence and last:
            found[-1] = _longer(last, end)
            closed = line.strip().startswith(fence) and not line.strip().strip(fence[0])
            fence = "" if closed else fence
        elif opened := _FENCE.match(line):
            fence = opened[1]
            found.append(Block(Kind.CODE, (start, end), (start, end)))
        elif not line.strip():
            if last and last.span[0] < last.span[1]:
                # A blank line ends what stands above it: an empty block that nothing is added to.
                found.append(Block(Kind.PARAGRAPH, (end, end), (end, end)))
        elif marked := _HEADING.match(line):
            found.append(Block(Kind.HEADING, (start, end), (start + marked.end(), end)))
        elif last and last.kind is Kind.PARAGRAPH and _is_line(text, last) and _UNDERLINE.match(line):
            found[-1] = Block(Kind.HEADING, (last.span[0], end), last.content)
        elif marked := _ITEM.match(line):
            found.append(Block(Kind.ITEM, (start, end), (start + marked.end(), end)))
        elif last and last.kind in (Kind.PARAGRAPH, Kind.ITEM) and last.span[0] < last.span[1]:
            found[-1] = _longer(last, end)
        else:
            found.append(Block(Kind.PARAGRAPH, (start, end), (start, end)))
    trimmed = (Block(each.kind, trim(text, each.span), trim(text, each.content)) for each in found)
    return [each for each in trimmed if each.span[0] < each.span[1]]


def sentences(text: str) -> list[Span]:
    """Return the sentences in their order, without the white space and list marks around them. Code is one sentence."""
    return [span for block in blocks(text) for span in sentences_of(text, block)]


def sentences_of(text: str, block: Block) -> list[Span]:
    """Return the sentences of one block."""
    if block.kind is Kind.CODE:
        return [block.span]
    start, end = block.content
    found = (trim(text, each) for line in _meant_lines(text, start, end) for each in _split(text, line))
    return [span for span in found if span[0] < span[1]]


def trim(text: str, span: Span) -> Span:
    """Return the span without the white space at its ends."""
    start, end = span
    inner = text[start:end]
    return start + len(inner) - len(inner.lstrip()), max(end - len(inner) + len(inner.rstrip()), start)


def _lines(text: str) -> Iterator[Span]:
    start = 0
    for line in text.splitlines(keepends=True):
        yield start, start + len(line)
        start += len(line)


def _is_line(text: str, block: Block) -> bool:
    """Tell whether the block is one line so far, as what an underline makes a heading of."""
    start, end = trim(text, block.span)
    return start < end and "\n" not in text[start:end]


def _longer(block: Block, end: int) -> Block:
    return Block(block.kind, (block.span[0], end), (block.content[0], end))


def _meant_lines(text: str, start: int, end: int) -> Iterator[Span]:
    """Return the lines that their writer ended: short ones before a line that begins anew."""
    begun = start
    for first, last in _lines(text[start:end]):
        follows = text[start + last : end].lstrip()[:1]
        if last - first <= WRAPPED_AT and follows and not follows.islower():
            yield begun, start + last
            begun = start + last
    yield begun, end


def _split(text: str, span: Span) -> Iterator[Span]:
    start, end = span
    for found in get_sentence_boundaries(LANGUAGE, text[start:end]):
        yield start + found["start_index"], start + found["end_index"]
