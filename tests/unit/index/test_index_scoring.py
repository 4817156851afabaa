from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from backend.index.scoring import Statistics


def test_idf_is_that_of_the_recipe() -> None:
    assert Statistics(100, 1000).idf(9) == pytest.approx(math.log(1 + 91.5 / 9.5))


def test_saturation_is_that_of_the_recipe() -> None:
    statistics = Statistics(documents=4, total_length=40)
    assert statistics.saturation(3.0, 20.0) == pytest.approx(3 / (3 + 1.2 * (0.25 + 0.75 * 2)))
    assert statistics.saturation(1.0, 10.0) == pytest.approx(1 / 2.2)


def test_columns_are_scored_as_single_numbers_are() -> None:
    statistics = Statistics(7, 93)
    counts, lengths = np.array([1.0, 2.0, 9.0]), np.array([4.0, 30.0, 11.0])
    one_by_one = [statistics.saturation(count, length) for count, length in zip(counts.tolist(), lengths.tolist(), strict=True)]
    assert statistics.saturation(counts, lengths).tolist() == one_by_one


@given(
    some.integers(0, 10**6), some.integers(0, 10**6), some.integers(0, 10**8), some.integers(1, 10**5), some.integers(1, 10**5)
)
def test_scores_are_finite_and_above_zero(documents: int, frequency: int, total: int, count: int, length: int) -> None:
    statistics = Statistics(documents, total if documents else 0)
    assert statistics.idf(min(frequency, documents)) > 0
    assert 0 < statistics.saturation(float(count), float(length)) < 1


def test_a_rarer_word_weighs_more_and_a_longer_document_less() -> None:
    statistics = Statistics(50, 500)
    assert statistics.idf(1) > statistics.idf(2) > statistics.idf(50) > 0
    assert statistics.saturation(1.0, 5.0) > statistics.saturation(1.0, 6.0)
