"""Cuts a long text into coherent pieces for the index. The memory keeps the whole."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from backend.extraction.model import LONGEST_UTTERANCE, Span
from backend.extraction.structure import Block, Kind, blocks, sentences_of, trim

LONGEST_CHUNK = 1000
"""Characters: about 250 word pieces of English, which is what the embedding model reads (256)."""

ENOUGH = LONGEST_CHUNK // 2
"""A heading begins a chunk of its own once the one before it has this many characters."""

_JOINERS = ("\u200d", "\ufe0e", "\ufe0f")
_SKIN_TONES = range(0x1F3FB, 0x1F400)


def chunks(text: str) -> tuple[Span, ...]:
    """Return the pieces of a long text in their order, none for a short one, which is a piece by itself.

    Cut at headings, paragraphs, list items, sentences, words, and characters, in that order of preference. Pieces do not
    overlap, hold every character that is not white space, and are at most 1,000 characters long.
    """
    if len(text) <= LONGEST_UTTERANCE:
        return ()
    found: list[Span] = []
    waiting: list[Block] = []
    for block in blocks(text):
        if waiting and _closes(waiting, block):
            # A heading goes with what it heads.
            above, waiting = _without_last_headings(waiting, block)
            found.append((above[0].span[0], above[-1].span[1]))
        if _size(block.span) <= LONGEST_CHUNK:
            waiting.append(block)
        else:
            # What stands right above a piece that is too long belongs to its first part, if there is room.
            found += _packed([*(each.span for each in waiting), *_pieces(text, block)])
            waiting = []
    if waiting:
        found.append((waiting[0].span[0], waiting[-1].span[1]))
    return tuple(trim(text, span) for span in found)


def _closes(waiting: list[Block], block: Block) -> bool:
    """Tell whether the block begins a new chunk: at a heading, or when it would make the chunk too long."""
    start, end = waiting[0].span[0], waiting[-1].span[1]
    if _size(block.span) > LONGEST_CHUNK:
        return waiting[-1].kind is not Kind.HEADING
    if block.kind is Kind.HEADING and end - start >= ENOUGH:
        return True
    return block.span[1] - start > LONGEST_CHUNK


def _without_last_headings(waiting: list[Block], block: Block) -> tuple[list[Block], list[Block]]:
    """Return the blocks up to the headings of the block, and those headings; all and none where there is nothing else."""
    cut = len(waiting)
    while cut and waiting[cut - 1].kind is Kind.HEADING:
        cut -= 1
    # So many headings that they fill a chunk by themselves stay where they are, and so do those that have no room above a block
    # that just fits.
    few = cut and _size((waiting[cut - 1].span[1], waiting[-1].span[1])) < ENOUGH
    if few and cut < len(waiting) and _size(block.span) <= LONGEST_CHUNK:
        few = block.span[1] - waiting[cut].span[0] <= LONGEST_CHUNK
    return (waiting[:cut], waiting[cut:]) if few else (waiting, [])


def _pieces(text: str, block: Block) -> list[Span]:
    """Return the sentences of a block that is too long, and the parts of sentences that are."""
    found: list[Span] = []
    start = block.span[0]
    for _, end in sentences_of(text, block):
        found += _cut(text, start, end)
        start = end
    return found


def _cut(text: str, start: int, end: int) -> Iterator[Span]:
    """Return parts that are short enough, cut between words, or between characters where there are no words."""
    while end - start > LONGEST_CHUNK:
        limit = start + LONGEST_CHUNK
        space = max((text.rfind(each, start + ENOUGH, limit) for each in (" ", "\n", "\t")), default=-1)
        cut = space if space > start else _between_characters(text, start, limit)
        yield start, cut
        start = cut
    yield start, end


def _between_characters(text: str, start: int, limit: int) -> int:
    """Return the last place up to the limit where what people see as one character is not cut apart."""
    place = limit
    while place > start + 1 and (_belongs_to_the_one_before(text[place]) or text[place - 1] == _JOINERS[0]):
        place -= 1
    return place if place > start + 1 else limit


def _belongs_to_the_one_before(character: str) -> bool:
    return unicodedata.combining(character) != 0 or character in _JOINERS or ord(character) in _SKIN_TONES


def _packed(spans: list[Span]) -> list[Span]:
    """Return the spans put together, as many as fit."""
    found: list[Span] = []
    for span in spans:
        if found and span[1] - found[-1][0] <= LONGEST_CHUNK:
            found[-1] = (found[-1][0], span[1])
        else:
            found.append(span)
    return found


def _size(span: Span) -> int:
    return span[1] - span[0]
