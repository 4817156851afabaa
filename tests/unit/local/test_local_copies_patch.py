"""Items are copied in one step, and what is no plain value is copied as before."""

import copy
from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.services import dynamodb

from infrastructure.local.patches import item_copies
from infrastructure.local.patches.item_copies import copied
from infrastructure.local.patches.patcher import Patcher

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(value=VALUES)
def test_a_copy_is_equal_and_of_the_same_types(value: Any) -> None:
    assert repr(copied(value)) == repr(value)


def test_a_copy_shares_nothing_with_what_it_was_made_of() -> None:
    inner: dict[str, Any] = {"L": [{"S": "x"}]}
    made = copied({"one": inner, "two": inner})
    made["one"]["L"][0]["S"] = "y"

    assert inner == {"L": [{"S": "x"}]}
    assert made["two"] is made["one"]


def test_a_container_that_is_more_than_a_dictionary_stays_what_it_is() -> None:
    items: defaultdict[str, dict[str, Any]] = defaultdict(dict, {"pk": {"sk": {"n": {"N": "1"}}}})
    made = copied({"items": items})["items"]

    assert (type(made), made.default_factory, made) == (defaultdict, dict, items)
    assert made["pk"] is not items["pk"]


def test_a_snapshot_of_a_table_has_its_own_dictionaries_and_the_same_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(copy, "deepcopy")
    items: defaultdict[str, dict[str, Any]] = defaultdict(dict, {"pk": {"sk": {"n": {"N": "1"}}}})
    table: dict[str, Any] = {"TableName": "t", "items": items, "KeySchema": [{"AttributeName": "pk"}]}
    made = copied(table)

    assert (made, list(made), made["items"].default_factory) == (table, list(table), dict)
    assert made["items"]["pk"]["sk"] is items["pk"]["sk"]
    assert made["KeySchema"][0] is not table["KeySchema"][0]
    items["pk"]["later"] = items["more"]["sk"] = {}
    assert made["items"] == {"pk": {"sk": {"n": {"N": "1"}}}}


def test_what_no_step_can_copy_is_copied_piece_by_piece() -> None:
    table = {"items": defaultdict(dict), "made_at": Decimal(1)}

    assert copied(table) == table
    assert type(copied(table)["items"]) is defaultdict


def calls_of_deepcopy(monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how often the emulator's way of copying one item enters `copy.deepcopy`."""
    entered = []
    stock = copy.deepcopy

    def deepcopy(value: Any, *args: Any) -> Any:
        entered.append(value)
        return stock(value, *args)

    monkeypatch.setattr(copy, "deepcopy", deepcopy)
    dynamodb.copy.deepcopy({"pk": {"S": "1"}})
    return len(entered)


def test_the_stock_emulator_copies_an_item_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    assert calls_of_deepcopy(monkeypatch) > 0


def test_an_item_is_copied_in_one_step(patcher: Patcher, monkeypatch: pytest.MonkeyPatch) -> None:
    item_copies.apply(patcher)

    assert calls_of_deepcopy(monkeypatch) == 0
