"""Which sentences say most of many: extraction by what is central, each thing once. Deterministic, without a language model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from backend.composing.sentences import Matrix

DAMPING = 0.85
"""Of the walk between sentences (Mihalcea and Tarau, TextRank, EMNLP 2004; PageRank's own)."""

NEWNESS = 0.3
"""What a sentence loses for being like one that is chosen already: 1 - lambda of maximal marginal relevance (Carbonell and
Goldstein, SIGIR 1998)."""

_STEPS = 60


def central(vectors: Matrix) -> NDArray[np.float64]:
    """Return how central each sentence is, from 0 to 1: half its rank in a walk along likenesses, half its nearness to the mean.

    Rows of `vectors` have length 1 or 0. The walk is TextRank's over cosines, as in LexRank (Erkan and Radev, JAIR 2004); the
    mean is the centroid of MEAD (Radev et al., 2004).
    """
    count = len(vectors)
    if count == 0:
        return np.zeros(0)
    likeness = np.clip(vectors @ vectors.T, 0.0, None)
    np.fill_diagonal(likeness, 0.0)
    sums = likeness.sum(axis=1, keepdims=True)
    # From a sentence that is like no other the walk goes on anywhere.
    steps = np.where(sums > 0, likeness / np.where(sums > 0, sums, 1.0), 1.0 / count)
    rank = np.full(count, 1.0 / count)
    for _ in range(_STEPS):
        rank = (1 - DAMPING) / count + DAMPING * (rank @ steps)
    return 0.5 * _scaled(rank) + 0.5 * _scaled(vectors @ vectors.mean(axis=0))


def chosen(scores: NDArray[np.float64], vectors: Matrix, most: int) -> list[int]:
    """Return the places of at most so many sentences, the best first, none like those before it (maximal marginal relevance)."""
    left = list(range(len(scores)))
    taken: list[int] = []
    while left and len(taken) < most:
        nearest = (vectors[left] @ vectors[taken].T).max(axis=1) if taken else np.zeros(len(left))
        gains = (1 - NEWNESS) * scores[left] - NEWNESS * nearest
        # Of equals the first is taken: the same sentences always give the same choice. Cosines of equal texts differ by rounding.
        best = left[int(np.argmax(np.round(gains, 9)))]
        taken.append(best)
        left.remove(best)
    return taken


def _scaled(values: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = float(values.min()), float(values.max())
    spread: NDArray[np.float64] = (values - low) / (high - low) if high - low > 1e-12 else np.ones(len(values))  # noqa: PLR2004 - rounding
    return spread
