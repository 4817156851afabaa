"""How sure it is that what was found answers the question.

Relevance says which of an owner's memories answers best, not whether any does. So the confidence goes by what can be compared
between owners and questions: the cosine of the best sentence, and how many of the question's telling words are in what was
found. The weights are fitted (`python -m benchmarks.abstention`, docs/retrieval.md): logistic regression on the questions of
benchmarks/conversations, asked of their own conversation and, with the names changed, of others.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from backend.index.text import query_stems, stems

BY_MEANING = (-7.4, 14.2, 2.0)
"""Weights of: nothing, the best cosine, the share of words. Fitted with MiniLM: cosines of other models lie elsewhere."""

BY_WORDS = (-2.4, 4.4)
"""Weights of nothing and the share of words, while the embedder is down."""


@dataclass(frozen=True, slots=True)
class Signals:
    """What speaks for an answer: the best sentence's cosine with the question (None without vectors), and the share of words."""

    cosine: float | None
    coverage: float

    @property
    def confidence(self) -> float:
        """How sure it is, from 0 to 1."""
        if self.cosine is None:
            start, words = BY_WORDS
            return _logistic(start + words * self.coverage)
        start, meaning, words = BY_MEANING
        return _logistic(start + meaning * self.cosine + words * self.coverage)


def coverage(bare_question: str, texts: Sequence[str]) -> float:
    """Return the share of the question's distinct stems that stand in any of the texts; 0 for a question without words."""
    asked = frozenset(query_stems(bare_question))
    return share(asked, frozenset().union(*(stems(text).keys() for text in texts)))


def share(asked: Collection[str], held: Collection[str]) -> float:
    """Return the part of what is asked for that is held."""
    return sum(stem in held for stem in asked) / len(asked) if asked else 0.0


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value))
