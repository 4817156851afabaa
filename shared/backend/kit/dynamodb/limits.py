"""DynamoDB's documented limits, enforced before a call: emulators are lax where the service is not.

Source: Amazon DynamoDB Developer Guide, "Quotas" and "Item sizes and formats", and the API reference of each operation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from backend.kit.errors import InternalError

ITEM_BYTES = 400 * 1024
NESTED_LEVELS = 32
BATCH_WRITE_ITEMS = 25
BATCH_GET_KEYS = 100
BATCH_STATEMENTS = 25
STATEMENT_CHARACTERS = 8192
TRANSACTION_ITEMS = 100
TRANSACTION_BYTES = 4 * 1024 * 1024
TOKEN_CHARACTERS = 36
PARTITION_KEY_BYTES = 2048
SORT_KEY_BYTES = 1024
EXPRESSION_BYTES = 4096
_KEY_BYTES = {"pk": PARTITION_KEY_BYTES, "sk": SORT_KEY_BYTES}
EXPRESSIONS = ("ConditionExpression", "KeyConditionExpression", "UpdateExpression")


class TableLimitError(InternalError):
    """A call that the real service would refuse."""

    title = "Table limit passed"


def check(operation: str, arguments: Mapping[str, Any]) -> None:
    """Raise `TableLimitError` when the service would refuse this call for its size or shape."""
    _check_expressions(arguments)
    match operation:
        case "PutItem":
            _check_item(arguments["Item"])
        case "GetItem" | "DeleteItem" | "UpdateItem":
            _check_key(arguments["Key"])
        case "Query":
            _check_query(arguments)
        case "BatchGetItem":
            keys = [(table, _freeze(key)) for table, each in arguments["RequestItems"].items() for key in each["Keys"]]
            _check_count("keys in a batch get", len(keys), BATCH_GET_KEYS)
            _check_distinct("a batch get", keys)
        case "BatchWriteItem":
            _check_batch_write(arguments["RequestItems"])
        case "BatchExecuteStatement":
            _check_statements(arguments["Statements"])
        case "TransactWriteItems":
            _check_transaction(arguments["TransactItems"], arguments.get("ClientRequestToken", "-"))


def item_bytes(item: Mapping[str, Any]) -> int:
    """Return the item's size as the service counts it.

    Names and text in UTF-8; a number half a byte a significant digit and one byte; a list or map 3 bytes and 1 an element;
    null and boolean 1. Raises `TypeError` for sets, which no item of ours holds.
    """
    size = 0
    for name, value in item.items():
        size += _text_bytes(name) + (_text_bytes(value["S"]) if "S" in value else _value_bytes(value))
    return size


def _text_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


def _value_bytes(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return _text_bytes(value)
        case "N":
            return (len(significant_digits(value)) + 1) // 2 + 1
        case "B":
            return len(value)
        case "BOOL" | "NULL":
            return 1
        case "L":
            return 3 + sum(1 + _value_bytes(each) for each in value)
        case "M":
            return 3 + sum(1 + _text_bytes(name) + _value_bytes(each) for name, each in value.items())
    msg = f"no size known for DynamoDB type {kind}"
    raise TypeError(msg)


def significant_digits(number: str) -> str:
    """Return the digits that count: no sign, point, exponent or zeros at either end."""
    if number.isdecimal():
        return number.strip("0")
    return number.lower().partition("e")[0].lstrip("+-").replace(".", "").strip("0")


def _check_batch_write(requests: Mapping[str, Any]) -> None:
    targets = []
    for table, writes in requests.items():
        for write in writes:
            if "PutRequest" in write:
                _check_item(write["PutRequest"]["Item"])
                key = _key_in(write["PutRequest"]["Item"])
            else:
                key = write["DeleteRequest"]["Key"]
                _check_key(key)
            targets.append((table, _freeze(key)))
    _check_count("items in a batch write", len(targets), BATCH_WRITE_ITEMS)
    _check_distinct("a batch write", targets)


def _check_statements(statements: list[Mapping[str, Any]]) -> None:
    _check_count("statements in a batch", len(statements), BATCH_STATEMENTS)
    for each in statements:
        _check_count("characters in a statement", len(each["Statement"]), STATEMENT_CHARACTERS)


def _check_transaction(items: list[Mapping[str, Any]], token: str) -> None:
    _check_count("items in a transaction", len(items), TRANSACTION_ITEMS)
    _check_count("characters in a transaction's token", len(token), TOKEN_CHARACTERS)
    targets, size = [], 0
    for item in items:
        ((action, body),) = item.items()
        _check_expressions(body)
        if action == "Put":
            size += _check_item(body["Item"])
            key = _key_in(body["Item"])
        else:
            key = body["Key"]
            _check_key(key)
        targets.append((body["TableName"], _freeze(key)))
    _check_distinct("a transaction", targets)
    if size > TRANSACTION_BYTES:
        msg = f"a transaction of {size} bytes; the limit is {TRANSACTION_BYTES}"
        raise TableLimitError(msg)


def _check_item(item: Mapping[str, Any]) -> int:
    """Return its size."""
    _check_key(item)
    levels = _levels(item)
    if levels > NESTED_LEVELS:
        msg = f"an item nested {levels} levels deep; the limit is {NESTED_LEVELS}"
        raise TableLimitError(msg)
    size = item_bytes(item)
    if size > ITEM_BYTES:
        msg = f"an item of {size} bytes; the limit is {ITEM_BYTES}"
        raise TableLimitError(msg)
    return size


def _check_key(item: Mapping[str, Any]) -> None:
    """Check the keys of the table, and those of its indexes: by their names, which end in `_pk` and `_sk`."""
    for name, value in item.items():
        limit = _KEY_BYTES.get(name[-2:])
        if limit is None or (name[-3:-2] or "_") != "_":
            continue
        if not 0 < _text_bytes(value.get("S", "")) <= limit:
            msg = f"the key attribute {name} must be text of 1 to {limit} bytes"
            raise TableLimitError(msg)


def _check_query(arguments: Mapping[str, Any]) -> None:
    if arguments.get("Limit", 1) < 1:
        msg = "a page of no items"
        raise TableLimitError(msg)
    if "IndexName" in arguments and arguments.get("ConsistentRead"):
        msg = "a consistent read of a global index"
        raise TableLimitError(msg)


def _check_expressions(arguments: Mapping[str, Any]) -> None:
    for name in EXPRESSIONS:
        size = _text_bytes(arguments.get(name, ""))
        if size > EXPRESSION_BYTES:
            msg = f"a {name} of {size} bytes; the limit is {EXPRESSION_BYTES}"
            raise TableLimitError(msg)


def _check_count(what: str, count: int, limit: int) -> None:
    if not 0 < count <= limit:
        msg = f"{count} {what}; the limit is {limit}"
        raise TableLimitError(msg)


def _check_distinct(what: str, targets: Iterable[tuple[str, object]]) -> None:
    targets = list(targets)
    if len(set(targets)) < len(targets):
        msg = f"{what} names one item twice"
        raise TableLimitError(msg)


def _levels(item: Mapping[str, Any]) -> int:
    levels, layer = 0, [each for each in item.values() if "L" in each or "M" in each]
    while layer:
        levels += 1
        children = (child for each in layer for child in (each["L"] if "L" in each else each["M"].values()))
        layer = [child for child in children if "L" in child or "M" in child]
    return levels


def _key_in(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: item[name] for name in ("pk", "sk") if name in item}


def _freeze(key: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value.get("S", "")) for name, value in key.items()))
