"""A range of numbers is the prefixes that cover it: all of its numbers have one of them, and no others."""

from __future__ import annotations

from math import inf, nextafter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backend.index.ranges import NumberRange, prefixes

MOST_PREFIXES = 2 * 15 * 16
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-20, 20)


@given(numbers, numbers, numbers)
@example(-0.0, 0, 0.0)
@example(0.0, -0.0, 0)
@example(5e-324, 0, 0.0)
@example(2**63, 2**63, 2**63)
def test_a_number_is_in_a_range_if_one_of_its_prefixes_covers_it(value: float, one: float, other: float) -> None:
    asked = NumberRange(*sorted((float(one), float(other))))

    covering = asked.covering()

    assert bool(set(prefixes(value)) & set(covering)) == asked.holds(value) == (asked.low <= float(value) <= asked.high)
    assert len(covering) == len(set(covering)) <= MOST_PREFIXES


@given(numbers)
def test_the_neighbours_of_a_bound_are_told_apart(bound: float) -> None:
    at = float(bound)
    below, above = NumberRange(-inf, nextafter(at, -inf)), NumberRange(nextafter(at, inf), inf)

    for asked in (below, above):
        assert not set(prefixes(at)) & set(asked.covering())
        assert not asked.holds(at)
    assert set(prefixes(at)) & set(NumberRange(at, at).covering())


@pytest.mark.parametrize("value", [True, False, None, "7", [7], {}], ids=str)
def test_what_is_no_number_is_in_no_range(value: object) -> None:
    assert list(prefixes(value)) == []
    assert not NumberRange(-inf, inf).holds(value)


def test_a_range_without_numbers_has_no_prefixes() -> None:
    assert NumberRange(1.0, 0.0).covering() == []
