"""What the recall benchmark calls good is what the literature calls so."""

from __future__ import annotations

import math

import pytest

from benchmarks.ranking import gain, recall, reciprocal_rank, scores

EVIDENCE = frozenset({"a", "b"})


def test_recall_is_the_share_of_the_evidence_among_the_first() -> None:
    assert recall(["a", "x", "b"], EVIDENCE, 2) == 0.5
    assert recall(["a", "x", "b"], EVIDENCE, 3) == 1.0
    assert recall([], EVIDENCE, 5) == 0.0


def test_a_turn_found_twice_counts_once() -> None:
    assert recall(["a", "a", "a"], EVIDENCE, 3) == 0.5
    assert gain(["a", "a", "b"], EVIDENCE) == 1.0
    assert reciprocal_rank(["x", "x", "a"], EVIDENCE) == 0.5


def test_gain_is_one_for_the_evidence_in_front_and_less_further_down() -> None:
    assert gain(["b", "a", "x"], EVIDENCE) == 1.0
    assert gain(["x", "a"], frozenset({"a"})) == pytest.approx(1 / math.log2(3))
    assert gain([f"x{number}" for number in range(10)] + ["a"], frozenset({"a"})) == 0.0


def test_reciprocal_rank_is_that_of_the_first_evidence() -> None:
    assert reciprocal_rank(["x", "b", "a"], EVIDENCE) == 0.5
    assert reciprocal_rank(["x"], EVIDENCE) == 0.0


def test_scores_are_means_over_questions() -> None:
    found = scores([(["a"], frozenset({"a"})), (["x"], frozenset({"a"}))])

    assert found == {"R@5": 0.5, "R@10": 0.5, "R@20": 0.5, "nDCG@10": 0.5, "MRR": 0.5, "all@10": 0.5}


def test_all_at_ten_asks_for_the_whole_evidence() -> None:
    halves = [(["a", *"cdefghijk", "b"], EVIDENCE), (["b", "a"], EVIDENCE)]

    assert scores(halves)["all@10"] == 0.5
    assert scores(halves)["R@10"] == 0.75
