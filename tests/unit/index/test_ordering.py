"""Rows in one order by columns of numbers, names deciding where these are equal."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backend.index.ordering import ordered

ROWS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.text("ab", max_size=3)), max_size=12)


@given(ROWS)
def test_rows_stand_as_sorting_tuples_has_them(rows: list[tuple[int, int, str]]) -> None:
    distinct = list(dict.fromkeys(rows))
    asked: list[int] = []

    def names(some: list[int]) -> list[str]:
        asked.extend(some)
        return [distinct[row][2] for row in some]

    last, first = (np.array([each[column] for each in distinct], dtype=np.int64) for column in (1, 0))
    found = ordered((last, first), names).tolist()

    assert [distinct[row] for row in found] == sorted(distinct)
    numbers = [each[:2] for each in distinct]
    assert sorted(asked) == [row for row, each in enumerate(numbers) if numbers.count(each) > 1]
