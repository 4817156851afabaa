"""Items are as long as they were and numbers what they were, and each is worked out once."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.services import dynamodb

from infrastructure.local.patches import item_sizes
from infrastructure.local.patches.patcher import Patcher

TABLE = "sizes"
NUMBERS = [
    "0",
    "-0",
    "1.0",
    "1e5",
    "-1.50E-3",
    "+7",
    "007",
    "1" * 39,
    "1e126",
    "1e-131",
    "1_000",
    " 5",
    "5 ",
    "",
    "x",
    "0" * 90 + "1",
]
NO_TEXTS: list[Any] = [None, 1, True, 1.0, ["1"], {"N": "1"}]
TEXTS = st.text()
VALUES = st.recursive(
    st.fixed_dictionaries({"S": TEXTS})
    | st.fixed_dictionaries({"N": st.sampled_from(NUMBERS) | st.decimals(allow_nan=False).map(str)})
    | st.fixed_dictionaries({"B": st.binary().map(lambda found: base64.b64encode(found).decode()) | TEXTS})
    | st.sampled_from(
        [{"BOOL": True}, {"NULL": True}, {"S": 5}, {"B": None}, {}, {"S": "a", "N": "1"}, None, "S", {"SS": ["é", "a"]}]
    ),
    lambda inner: (
        st.builds(lambda held: {"L": held}, st.lists(inner, max_size=3))
        | st.builds(lambda held: {"M": held}, st.dictionaries(TEXTS, inner, max_size=3))
    ),
    max_leaves=8,
)


@given(items=st.lists(st.dictionaries(TEXTS, VALUES, max_size=5), max_size=3))
def test_an_item_is_as_long_as_it_was(items: list[dict[str, Any]]) -> None:
    before = [dynamodb._item_size_bytes(item) for item in items]
    with Patcher() as patcher:
        item_sizes.apply(patcher)

        assert [dynamodb._item_size_bytes(item) for item in items] == before
        assert dynamodb._item_size_bytes("no item") == 0


@pytest.mark.parametrize("name", ["_number_error", "_ddb_canonicalize_number", "_number_size_bytes"])
def test_a_number_is_what_it_was(patcher: Patcher, name: str) -> None:
    # `True`, `1` and `1.0` are equal, and one must not pass for another.
    asked = [*NUMBERS, *NO_TEXTS, *NUMBERS]
    before = [getattr(dynamodb, name)(each) for each in asked]
    item_sizes.apply(patcher)

    assert [getattr(dynamodb, name)(each) for each in asked] == before


@pytest.fixture
def table() -> Iterator[None]:
    keys = {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "due")],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    }
    index = {
        "IndexName": "due",
        "KeySchema": [{"AttributeName": "due", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    named = {"TableName": TABLE, "BillingMode": "PAY_PER_REQUEST"}
    dynamodb._create_table({**named, **keys, "GlobalSecondaryIndexes": [index]})
    yield
    dynamodb._delete_table({"TableName": TABLE})


def transact(*writes: dict[str, Any]) -> list[dict[str, Any]]:
    """Write in one transaction; return what it cost."""
    request = {"TransactItems": [*writes], "ReturnConsumedCapacity": "INDEXES"}
    status, _, body = dynamodb._transact_write_items(request)
    assert status == 200
    cost: list[dict[str, Any]] = json.loads(body)["ConsumedCapacity"]
    return cost


def put(key: str, *, length: int) -> dict[str, Any]:
    item = {"pk": {"S": key}, "due": {"S": "now"}, "vector": {"B": base64.b64encode(bytes(length)).decode()}, "n": {"N": "1.0"}}
    return {"Put": {"TableName": TABLE, "Item": item}}


def longer(key: str, *, by: int) -> dict[str, Any]:
    change = {"UpdateExpression": "SET more = :more", "ExpressionAttributeValues": {":more": {"S": "x" * by}}}
    return {"Update": {"TableName": TABLE, "Key": {"pk": {"S": key}}, **change}}


def remove(key: str) -> dict[str, Any]:
    return {"Delete": {"TableName": TABLE, "Key": {"pk": {"S": key}}}}


def costs() -> list[list[dict[str, Any]]]:
    """Return what transactions cost that put, replace, change and remove items of different lengths."""
    return [
        transact(put("a", length=3000), put("b", length=100)),
        transact(put("a", length=100), longer("b", by=5000)),
        transact(longer("a", by=2000), remove("b")),
        transact(remove("a")),
    ]


@pytest.mark.usefixtures("table")
def test_a_transaction_costs_what_it_did(patcher: Patcher) -> None:
    before = costs()
    item_sizes.apply(patcher)

    assert costs() == before


def decodings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows with every binary that is decoded."""
    seen: list[str] = []
    stock = base64.b64decode

    def decode(text: str) -> bytes:
        seen.append(text)
        return stock(text)

    monkeypatch.setattr(base64, "b64decode", decode)
    return seen


@pytest.mark.usefixtures("table")
def test_the_stock_emulator_decodes_a_binary_each_time_it_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = decodings(monkeypatch)
    transact(put("a", length=100))

    assert len(seen) == 3


@pytest.mark.usefixtures("table")
def test_a_binary_is_decoded_once_and_an_item_measured_once(patcher: Patcher, monkeypatch: pytest.MonkeyPatch) -> None:
    item_sizes.apply(patcher)
    measured: list[Any] = []
    stock = item_sizes._size

    def size(item: dict[str, Any]) -> int:
        measured.append(item)
        return stock(item)

    monkeypatch.setattr(item_sizes, "_size", size)
    seen = decodings(monkeypatch)
    written = put("a", length=100)
    transact(written)

    assert len(seen) == 1
    assert [item is written["Put"]["Item"] for item in measured].count(True) == 1
