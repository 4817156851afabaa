"""The sentences of memories, and how near they are to a question or to each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backend.composing.model import Sentence
from backend.embedding.model import Vector
from backend.extraction import structure
from backend.extraction.model import Span
from backend.index.text import stems
from backend.memories.model import Memory

LONGEST_SENTENCE = 400
"""Characters. What goes on longer without an end is cut between words: a quote should be read at a glance."""

Matrix = NDArray[np.float64]


def sentences_of(memory: Memory, within: Span | None = None) -> list[Sentence]:
    """Return the sentences of a memory in their order, or of a part of it. A memory that cannot be decrypted has none."""
    if memory.unreadable is not None:
        return []
    start, end = within or (0, len(memory.text))
    # A text of marks alone has no sentence: then it is one.
    found = structure.sentences(memory.text[start:end]) or [structure.trim(memory.text[start:end], (0, end - start))]
    return [Sentence(memory, part) for first, last in found for part in _cut(memory.text, start + first, start + last)]


def matrix_of(vectors: Sequence[Vector]) -> Matrix:
    """Return unit vectors as the rows of a matrix: products of two rows are cosines."""
    return np.array([np.frombuffer(each, dtype="<f4") for each in vectors], dtype=np.float64)


def words_of(texts: Sequence[str]) -> Matrix:
    """Return the texts' stems as unit vectors, one column a stem: what stands in for meaning while the embedder is down."""
    counted = [stems(text) for text in texts]
    places = {stem: place for place, stem in enumerate(sorted({stem for each in counted for stem in each}))}
    rows = np.zeros((len(texts), max(1, len(places))))
    for row, each in zip(rows, counted, strict=True):
        for stem in each:
            row[places[stem]] = 1.0
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: Matrix = rows / np.where(lengths > 0, lengths, 1.0)
    return unit


def _cut(text: str, start: int, end: int) -> list[Span]:
    parts: list[Span] = []
    while end - start > LONGEST_SENTENCE:
        space = text.rfind(" ", start + LONGEST_SENTENCE // 2, start + LONGEST_SENTENCE)
        last = space if space > start else start + LONGEST_SENTENCE
        parts.append((start, last))
        start = last + (space > start)
    return [*parts, (start, end)] if start < end else parts
