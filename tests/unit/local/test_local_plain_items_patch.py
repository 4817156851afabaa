"""A write is refused for what it was refused for, and the values of a plain item are not looked at one by one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.services import dynamodb

from infrastructure.local.patches import plain_items
from infrastructure.local.patches.patcher import Patcher


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "x"}
    for _ in range(depth):
        value = {"L": [value]}
    return value


NUMBERS = st.sampled_from(["1", "1.0", "1e400", "-1e-400", "1" * 40, "x", "", None, 5])
VALUES = (
    st.fixed_dictionaries({"S": st.text() | st.none()})
    | st.fixed_dictionaries({"N": NUMBERS})
    | st.fixed_dictionaries({"NS": st.lists(st.sampled_from(["1", "1.0", "2", "x"]), max_size=3)})
    | st.fixed_dictionaries({"M": st.dictionaries(st.text(), st.fixed_dictionaries({"N": NUMBERS}), max_size=2)})
    | st.integers(1, 40).map(nested)
    | st.sampled_from(
        [{"BOOL": True}, {"B": "eA=="}, {"NULL": True}, {"SS": ["a", "a"]}, {}, {"S": "a", "N": "x"}, None, "S", {"X": 1}]
    )
)
ITEMS = st.dictionaries(st.text(max_size=3), VALUES, max_size=4)
CONDITIONS = ["attribute_not_exists (pk)", "#n = :n", "#n = = :n", " ", "pk = :unknown", "x" * 5000]
WRITES = st.fixed_dictionaries(
    {"TableName": st.just("t"), "Item": ITEMS | st.just(None)},
    optional={
        "ConditionExpression": st.sampled_from(CONDITIONS),
        "ExpressionAttributeNames": st.just({"#n": "n"}),
        "ExpressionAttributeValues": st.fixed_dictionaries({":n": VALUES}),
        "Key": ITEMS,
    },
)


@given(kind=st.sampled_from(["Put", "Update", "ConditionCheck"]), write=WRITES)
def test_a_write_is_refused_as_before(kind: str, write: Any) -> None:
    before = outcome(kind, write)
    with Patcher() as patcher:
        plain_items.apply(patcher)

        assert outcome(kind, write) == before


def outcome(kind: str, write: Any) -> Any:
    """Return what a write is refused with, or the name of the error that it leads to."""
    try:
        return dynamodb._transact_write_action_error(kind, write)
    except (AttributeError, TypeError, ValueError) as error:
        return type(error).__name__


def looked_at(patcher: Patcher, item: dict[str, Any]) -> int:
    """Return how many values of an item are looked at for how deep they are nested."""
    seen: list[Any] = []
    stock = dynamodb._nesting_exceeded

    def exceeded(value: Any, depth: int = 1) -> Any:
        seen.append(value)
        return stock(value, depth)

    patcher.attribute(dynamodb, "_nesting_exceeded", exceeded)
    assert dynamodb._transact_write_action_error("Put", {"TableName": "t", "Item": item}) is None
    return len(seen)


PLAIN = {"pk": {"S": "a"}, "n": {"N": "1.0"}, "vector": {"B": "eA=="}, "live": {"BOOL": True}}


def test_the_stock_emulator_looks_at_each_value_of_an_item(patcher: Patcher) -> None:
    assert looked_at(patcher, PLAIN) == len(PLAIN)


@pytest.mark.parametrize(("item", "expected"), [(PLAIN, 0), ({**PLAIN, "span": {"L": [{"N": "1"}]}}, 6)])
def test_a_plain_item_is_left_out(patcher: Patcher, item: dict[str, Any], expected: int) -> None:
    plain_items.apply(patcher)

    assert looked_at(patcher, item) == expected
