"""The part of a long text that answers best."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable

from backend.extraction.model import Span
from backend.index.text import stems

_BORDER = re.compile(r"(?<=[.!?])\s+|\n+")


def best_span(text: str, question_stems: frozenset[str], most_bytes: int, piece: Span | None = None) -> Span:
    """Return (start, end) in characters of the run of whole sentences within the size that shares most with the question.

    Each of the question's stems counts once in a run; among equals the first wins. A sentence over the size is cut. With a
    `piece`, which is what the index found, the run holds all of it; where that is too much for the size, a part of it.
    """
    if len(text.encode()) <= most_bytes:
        return 0, len(text)
    if piece and len(text[slice(*piece)].encode()) > most_bytes:
        first, last = best_span(text[slice(*piece)], question_stems, most_bytes)
        return piece[0] + first, piece[0] + last
    sentences = _sentences(text, most_bytes, piece or ())
    sizes = [len(text[start:end].encode()) for start, end in sentences]
    shared = [question_stems & stems(text[start:end]).keys() for start, end in sentences]
    best, best_count = sentences[0], -1
    # The run from `first` up to `following`, with its size in bytes and how often it holds each of the question's stems.
    following, size = 0, 0
    held: Counter[str] = Counter()
    for first, (start, _) in enumerate(sentences):
        while following < len(sentences) and size + sizes[following] <= most_bytes:
            size += sizes[following]
            if shared[following]:
                held.update(shared[following])
            following += 1
        end = sentences[following - 1][1]
        if len(held) > best_count and (piece is None or (start <= piece[0] and piece[1] <= end)):
            best, best_count = (start, end), len(held)
        size -= sizes[first]
        for stem in shared[first]:
            held[stem] -= 1
            if not held[stem]:
                del held[stem]
    return best


def _sentences(text: str, most_bytes: int, piece: Iterable[int]) -> list[Span]:
    """Return the sentences one after the other, cut also where the piece begins and ends."""
    borders = sorted({0, *(match.end() for match in _BORDER.finditer(text)), *piece, len(text)})
    found: list[Span] = []
    # Four bytes hold any character of UTF-8, so this many characters always fit.
    step = most_bytes // 4
    for start, end in itertools.pairwise(borders):
        if len(text[start:end].encode()) <= most_bytes:
            found.append((start, end))
        else:
            found += [(cut, min(cut + step, end)) for cut in range(start, end, step)]
    return [(start, end) for start, end in found if end > start]
