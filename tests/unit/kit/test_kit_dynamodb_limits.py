"""The service's documented limits, each at its edge and one beyond."""

from __future__ import annotations

from typing import Any

import pytest

from backend.kit.dynamodb.limits import ITEM_BYTES, TableLimitError, check, item_bytes
from backend.kit.dynamodb.values import to_item

WORDS = "my sister's diagnosis"
KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}


def put(item: dict[str, Any]) -> dict[str, Any]:
    return {"Put": {"TableName": "T", "Item": to_item(item)}}


def sized(size: int, **keys: str) -> dict[str, Any]:
    """Return an item of exactly so many bytes."""
    item = {"pk": "a", **keys, "t": ""}
    return {**item, "t": "x" * (size - item_bytes(to_item(item)))}


def keys(count: int) -> list[dict[str, Any]]:
    return [{"pk": {"S": "a"}, "sk": {"S": str(number)}} for number in range(count)]


def levels(count: int, *, of_lists: bool = False) -> Any:
    value: Any = "leaf"
    for _ in range(count):
        value = [value] if of_lists else {"a": value}
    return value


def refused(operation: str, **arguments: Any) -> str:
    with pytest.raises(TableLimitError) as error:
        check(operation, arguments)
    return error.value.detail


# Sizes, by the Developer Guide's "Item sizes and formats"


@pytest.mark.parametrize(
    ("item", "size"),
    [
        ({"ab": "cde"}, 2 + 3),
        ({"ä": "€"}, 2 + 3),
        ({"a": "😀"}, 1 + 4),
        ({"a": b"\0\1\2"}, 1 + 3),
        ({"a": True}, 1 + 1),
        ({"a": ""}, 1),
        ({"a": []}, 1 + 3),
        ({"a": {}}, 1 + 3),
        ({"a": ["xy"]}, 1 + 3 + 1 + 2),
        ({"a": {"b": "xy"}}, 1 + 3 + 1 + 1 + 2),
        ({"a": [None, [True]]}, 1 + 3 + 1 + 1 + 1 + (3 + 1 + 1)),
        ({"a": 0}, 1 + 1),
        ({"a": 7}, 1 + 1 + 1),
        ({"a": 27}, 1 + 1 + 1),
        ({"a": -27}, 1 + 1 + 1),
        ({"a": 123}, 1 + 2 + 1),
        ({"a": 1000}, 1 + 1 + 1),
        ({"a": 0.001}, 1 + 1 + 1),
        ({"a": 1.5e-100}, 1 + 1 + 1),
        ({"a": 10**38 - 1}, 1 + 19 + 1),
        ({}, 0),
    ],
)
def test_an_item_is_as_large_as_the_service_counts_it(item: dict[str, Any], size: int) -> None:
    assert item_bytes(to_item(item)) == size


def test_a_type_that_we_never_write_has_no_size() -> None:
    with pytest.raises(TypeError):
        item_bytes({"a": {"SS": ["x"]}})


def test_an_item_may_have_400_kb_and_not_a_byte_more() -> None:
    assert item_bytes(to_item(sized(ITEM_BYTES))) == 400 * 1024
    check("PutItem", {"Item": to_item(sized(ITEM_BYTES))})

    assert "409601 bytes" in refused("PutItem", Item=to_item(sized(ITEM_BYTES + 1)))


def test_the_limit_of_an_item_counts_bytes_and_not_characters() -> None:
    assert "bytes" in refused("PutItem", Item=to_item({"pk": "a", "t": "ä" * (ITEM_BYTES // 2)}))


@pytest.mark.parametrize("of_lists", [True, False])
def test_an_item_may_be_32_levels_deep_and_not_one_more(*, of_lists: bool) -> None:
    check("PutItem", {"Item": to_item({"pk": "a", "v": levels(32, of_lists=of_lists)})})

    assert "33 levels" in refused("PutItem", Item=to_item({"pk": "a", "v": levels(33, of_lists=of_lists)}))


# Keys


@pytest.mark.parametrize(("name", "limit"), [("pk", 2048), ("sk", 1024), ("list_pk", 2048), ("due_sk", 1024)])
def test_a_key_is_text_of_one_byte_up_to_its_limit(name: str, limit: int) -> None:
    item = {"pk": "a", "sk": "b"}
    check("PutItem", {"Item": to_item({**item, name: "x"})})
    check("PutItem", {"Item": to_item({**item, name: "x" * limit})})

    for bad in ("", "x" * (limit + 1), "ä" * (limit // 2) + "x", 5, b"x"):
        assert name in refused("PutItem", Item=to_item({**item, name: bad}))


@pytest.mark.parametrize("operation", ["GetItem", "DeleteItem", "UpdateItem"])
def test_a_key_alone_is_checked_as_well(operation: str) -> None:
    check(operation, {"Key": KEY})

    assert "pk" in refused(operation, Key={**KEY, "pk": {"S": ""}})
    assert "sk" in refused(operation, Key={**KEY, "sk": {"S": "x" * 1025}})


# Batches


def test_a_batch_get_takes_1_to_100_keys() -> None:
    check("BatchGetItem", {"RequestItems": {"T": {"Keys": keys(100)}}})
    check("BatchGetItem", {"RequestItems": {"T": {"Keys": keys(50)}, "U": {"Keys": keys(50)}}})

    assert "101 keys" in refused("BatchGetItem", RequestItems={"T": {"Keys": keys(101)}})
    assert "101 keys" in refused("BatchGetItem", RequestItems={"T": {"Keys": keys(51)}, "U": {"Keys": keys(50)}})
    assert "0 keys" in refused("BatchGetItem", RequestItems={"T": {"Keys": []}})


def test_a_batch_get_names_no_key_twice() -> None:
    assert "twice" in refused("BatchGetItem", RequestItems={"T": {"Keys": [KEY, KEY]}})


def test_a_batch_write_takes_1_to_25_items() -> None:
    def writes(count: int) -> list[Any]:
        return [{"PutRequest": {"Item": key}} for key in keys(count)]

    check("BatchWriteItem", {"RequestItems": {"T": writes(25)}})

    assert "26 items" in refused("BatchWriteItem", RequestItems={"T": writes(26)})
    assert "26 items" in refused("BatchWriteItem", RequestItems={"T": writes(13), "U": writes(13)})
    assert "0 items" in refused("BatchWriteItem", RequestItems={"T": []})


def test_a_batch_write_touches_no_item_twice() -> None:
    writes = [{"PutRequest": {"Item": KEY}}, {"DeleteRequest": {"Key": KEY}}]

    check("BatchWriteItem", {"RequestItems": {"T": writes[:1], "U": writes[1:]}})
    assert "twice" in refused("BatchWriteItem", RequestItems={"T": writes})


def test_each_item_of_a_batch_write_is_held_to_the_limits_of_an_item() -> None:
    assert "bytes" in refused("BatchWriteItem", RequestItems={"T": [{"PutRequest": {"Item": to_item(sized(ITEM_BYTES + 1))}}]})
    assert "pk" in refused("BatchWriteItem", RequestItems={"T": [{"DeleteRequest": {"Key": {"pk": {"S": ""}}}}]})


def test_a_batch_of_statements_takes_1_to_25_of_8192_characters() -> None:
    def statements(count: int, characters: int = 8192) -> list[Any]:
        return [{"Statement": "x" * characters, "Parameters": []}] * count

    check("BatchExecuteStatement", {"Statements": statements(25)})

    assert "26 statements" in refused("BatchExecuteStatement", Statements=statements(26))
    assert "0 statements" in refused("BatchExecuteStatement", Statements=[])
    assert "8193 characters" in refused("BatchExecuteStatement", Statements=statements(1, 8193))


# Transactions


def test_a_transaction_takes_1_to_100_writes() -> None:
    check("TransactWriteItems", {"TransactItems": [put({"pk": str(number)}) for number in range(100)]})

    assert "101 items" in refused("TransactWriteItems", TransactItems=[put({"pk": str(number)}) for number in range(101)])
    assert "0 items" in refused("TransactWriteItems", TransactItems=[])


def test_a_transaction_takes_4_mb_and_not_a_byte_more() -> None:
    whole = [put(sized(4 * 1024 * 1024 // 16, sk=f"{number:02d}")) for number in range(16)]
    check("TransactWriteItems", {"TransactItems": whole})

    assert "4194305 bytes" in refused(
        "TransactWriteItems", TransactItems=[*whole[1:], put(sized(4 * 1024 * 1024 // 16 + 1, sk="xx"))]
    )


@pytest.mark.parametrize("action", ["Update", "Delete", "ConditionCheck"])
def test_a_transaction_touches_no_item_twice(action: str) -> None:
    other = {action: {"TableName": "T", "Key": KEY}}

    check("TransactWriteItems", {"TransactItems": [other, put({"pk": "a", "sk": "c"})]})
    assert "twice" in refused("TransactWriteItems", TransactItems=[other, put({"pk": "a", "sk": "b", "more": 1})])


def test_the_same_key_in_two_tables_is_two_items() -> None:
    elsewhere = {"Delete": {"TableName": "U", "Key": KEY}}

    check("TransactWriteItems", {"TransactItems": [put({"pk": "a", "sk": "b"}), elsewhere]})


def test_a_token_has_1_to_36_characters() -> None:
    writes = [put({"pk": "a"})]
    check("TransactWriteItems", {"TransactItems": writes, "ClientRequestToken": "x" * 36})

    for token in ("", "x" * 37):
        assert "token" in refused("TransactWriteItems", TransactItems=writes, ClientRequestToken=token)


def test_each_write_of_a_transaction_is_held_to_the_limits_of_an_item() -> None:
    assert "bytes" in refused("TransactWriteItems", TransactItems=[put(sized(ITEM_BYTES + 1))])
    assert "pk" in refused("TransactWriteItems", TransactItems=[{"Delete": {"TableName": "T", "Key": {"pk": {"S": ""}}}}])


# Expressions and pages


@pytest.mark.parametrize("name", ["ConditionExpression", "UpdateExpression", "KeyConditionExpression"])
def test_an_expression_may_have_4_kb_and_not_a_byte_more(name: str) -> None:
    check("UpdateItem", {"Key": KEY, name: "x" * 4096})

    assert name in refused("UpdateItem", **{"Key": KEY, name: "x" * 4097})
    assert name in refused("TransactWriteItems", TransactItems=[{"Update": {"TableName": "T", "Key": KEY, name: "x" * 4097}}])


def test_a_page_has_room_for_an_item() -> None:
    check("Query", {"Limit": 1})
    check("Query", {})

    assert "no items" in refused("Query", Limit=0)


def test_an_index_is_never_read_consistently() -> None:
    check("Query", {"IndexName": "list", "ConsistentRead": False})
    check("Query", {"ConsistentRead": True})

    assert "index" in refused("Query", IndexName="list", ConsistentRead=True)


def test_a_refusal_quotes_nothing_of_the_item() -> None:
    for item in (sized(ITEM_BYTES) | {"t2": WORDS}, {"pk": WORDS * 200}, {"pk": "a", "v": {WORDS: levels(33)}}):
        assert WORDS not in refused("PutItem", Item=to_item(item))
