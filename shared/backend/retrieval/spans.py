"""The part of a long text that answers best."""

from __future__ import annotations

import itertools
import re
from collections import Counter

from backend.index.text import stems

_BORDER = re.compile(r"(?<=[.!?])\s+|\n+")


def best_span(text: str, question_stems: frozenset[str], most_bytes: int) -> tuple[int, int]:
    """Return (start, end) in characters of the run of whole sentences within the size that shares most with the question.

    Each of the question's stems counts once in a run; among equals the first wins. A sentence over the size is cut.
    """
    if len(text.encode()) <= most_bytes:
        return 0, len(text)
    sentences = _sentences(text, most_bytes)
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
        if len(held) > best_count:
            best, best_count = (start, sentences[following - 1][1]), len(held)
        size -= sizes[first]
        for stem in shared[first]:
            held[stem] -= 1
            if not held[stem]:
                del held[stem]
    return best


def _sentences(text: str, most_bytes: int) -> list[tuple[int, int]]:
    borders = [0, *(match.end() for match in _BORDER.finditer(text)), len(text)]
    found: list[tuple[int, int]] = []
    # Four bytes hold any character of UTF-8, so this many characters always fit.
    step = most_bytes // 4
    for start, end in itertools.pairwise(borders):
        if len(text[start:end].encode()) <= most_bytes:
            found.append((start, end))
        else:
            found += [(cut, min(cut + step, end)) for cut in range(start, end, step)]
    return [(start, end) for start, end in found if end > start]
