"""Between Python values and DynamoDB's typed ones."""

from __future__ import annotations

import enum
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.dynamodb import TableLimitError
from backend.kit.dynamodb.values import from_attribute, from_item, to_attribute, to_item

WHOLE = st.integers(-(10**38) + 1, 10**38 - 1)
FRACTIONS = st.floats(-1e120, 1e120).filter(lambda number: number == 0 or abs(number) > 1e-120)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | WHOLE | FRACTIONS | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)


def as_read(value: Any) -> Any:
    """Return what a value reads back as: a float without a fraction is an int."""
    if isinstance(value, float) and value.is_integer():
        return pytest.approx(value, rel=1e-15)
    if isinstance(value, list):
        return [as_read(each) for each in value]
    return {name: as_read(each) for name, each in value.items()} if isinstance(value, dict) else value


@given(VALUES)
def test_every_value_reads_back_as_it_was_written(value: Any) -> None:
    assert from_attribute(to_attribute(value)) == as_read(value)


@given(st.dictionaries(st.text(min_size=1), VALUES, max_size=5))
def test_an_item_reads_back_without_what_was_none(item: dict[str, Any]) -> None:
    assert from_item(to_item(item)) == {name: as_read(value) for name, value in item.items() if value is not None}


@pytest.mark.parametrize("value", ["", b"", [], {}, 0, False, [None], {"": ""}, [[]], {"a": {}}])
def test_what_is_empty_stays_what_it_is(value: object) -> None:
    back = from_attribute(to_attribute(value))

    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize("value", [10**37, 10**38 - 1, -(10**38) + 1, 10**125, -(10**125), 123 * 10**100])
def test_whole_numbers_are_exact_up_to_38_digits_that_count(value: int) -> None:
    assert from_attribute(to_attribute(value)) == value


@given(FRACTIONS)
def test_a_fraction_keeps_every_bit(value: float) -> None:
    assert float(from_attribute(to_attribute(value))) == value


@pytest.mark.parametrize(
    "value", [10**38 + 1, 10**126, -(10**126), 10**5000, 1e126, 1.7e308, -1e200, 1e-131, 5e-324, int("1" * 39)], ids=range(10)
)
def test_a_number_that_the_service_cannot_hold_is_refused_before_it_is_sent(value: float) -> None:
    with pytest.raises(TableLimitError):
        to_attribute({"deep": [value]})


def test_the_smallest_and_the_largest_fraction_are_held() -> None:
    assert [float(from_attribute(to_attribute(each))) for each in (1e-130, 9.99e125, -1e-130, -0.0)] == [
        1e-130,
        9.99e125,
        -1e-130,
        0,
    ]


@pytest.mark.parametrize("text", ["1.0", "1", "1E0", "100E-2", "1.000"])
def test_however_the_service_spells_a_whole_number_it_reads_back_as_one(text: str) -> None:
    back = from_attribute({"N": text})

    assert (back, type(back)) == (1, int)


def test_true_is_not_one() -> None:
    assert to_attribute(True) == {"BOOL": True}
    assert to_attribute(1) == {"N": "1"}


def test_names_and_numbers_of_an_enum_are_what_they_stand_for() -> None:
    class Tier(enum.StrEnum):
        HOT = "hot"

    class Level(enum.IntEnum):
        HIGH = 3

    assert from_attribute(to_attribute(Tier.HOT)) == "hot"
    assert to_attribute(Level.HIGH) == {"N": "3"}


def test_a_number_of_a_library_is_written_as_a_number() -> None:
    class LibraryFloat(float):
        def __repr__(self) -> str:
            return f"LibraryFloat({float(self)})"

    assert to_attribute(LibraryFloat(0.25)) == {"N": "0.25"}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {1, 2}, object(), 1j, bytearray(b"a"), {"a": object()}])
def test_what_has_no_form_is_refused_by_its_type_and_never_quoted(value: object) -> None:
    with pytest.raises(TypeError, match=r"^no DynamoDB form for \w+$"):
        to_attribute(value)


def test_a_type_that_we_never_write_is_not_guessed_at() -> None:
    with pytest.raises(TypeError, match="SS"):
        from_attribute({"SS": ["a"]})
