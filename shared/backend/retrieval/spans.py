"""The part of a long text that answers best."""

from __future__ import annotations

import itertools
import re

from backend.index.text import stems

_BORDER = re.compile(r"(?<=[.!?])\s+|\n+")


def best_span(text: str, question_stems: frozenset[str], most_bytes: int) -> tuple[int, int]:
    """Return (start, end) in characters of the run of whole sentences within the size that shares most with the question.

    Each of the question's stems counts once in a run; among equals the first wins. A sentence over the size is cut.
    """
    if len(text.encode()) <= most_bytes:
        return 0, len(text)
    sentences = _sentences(text, most_bytes)
    shared = [question_stems & stems(text[start:end]).keys() for start, end in sentences]
    best, best_count = (sentences[0][0], sentences[0][1]), -1
    last = 0
    for first, (start, _) in enumerate(sentences):
        last = max(last, first)
        while last + 1 < len(sentences) and len(text[start : sentences[last + 1][1]].encode()) <= most_bytes:
            last += 1
        count = len(frozenset().union(*shared[first : last + 1]))
        if count > best_count:
            best, best_count = (start, sentences[last][1]), count
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
