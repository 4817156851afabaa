"""How good an order of answers is, given which turns hold the answer. An answer is named by the turn that it is a memory of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from statistics import fmean

DEPTHS = (5, 10, 20)
"""k of R@k."""
_GAIN_DEPTH = 10
_ALL_DEPTH = 10
"""k of all@k: the share of questions of whose evidence nothing is missing among the first k."""


def recall(found: Sequence[str], evidence: AbstractSet[str], depth: int) -> float:
    """Return R@depth: the share of the evidence among the first answers."""
    return len(evidence & set(found[:depth])) / len(evidence)


def gain(found: Sequence[str], evidence: AbstractSet[str], depth: int = _GAIN_DEPTH) -> float:
    """Return nDCG@depth with gains of 0 and 1 (Järvelin and Kekäläinen, "Cumulated gain-based evaluation", 2002)."""
    distinct = list(dict.fromkeys(found))[:depth]
    reached = sum(1 / math.log2(place + 2) for place, turn in enumerate(distinct) if turn in evidence)
    best = sum(1 / math.log2(place + 2) for place in range(min(len(evidence), depth)))
    return reached / best


def reciprocal_rank(found: Sequence[str], evidence: AbstractSet[str]) -> float:
    """Return 1 over the place of the first answer that is evidence; 0 when none is."""
    return next((1 / place for place, turn in enumerate(dict.fromkeys(found), 1) if turn in evidence), 0.0)


def scores(judged: Sequence[tuple[Sequence[str], AbstractSet[str]]]) -> dict[str, float]:
    """Return the means over questions, each given as what was found and its evidence. Raises `ValueError` for no questions."""
    return {
        **{f"R@{depth}": fmean(recall(found, evidence, depth) for found, evidence in judged) for depth in DEPTHS},
        "nDCG@10": fmean(gain(found, evidence) for found, evidence in judged),
        "MRR": fmean(reciprocal_rank(found, evidence) for found, evidence in judged),
        "all@10": fmean(recall(found, evidence, _ALL_DEPTH) == 1.0 for found, evidence in judged),
    }
