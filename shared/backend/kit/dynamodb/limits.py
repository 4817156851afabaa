"""DynamoDB's documented limits, enforced before a call: emulators are lax where the service is not.

Source: Amazon DynamoDB Developer Guide, "Quotas" and the API reference of each operation.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from backend.kit.errors import InternalError

ITEM_BYTES = 400 * 1024
BATCH_WRITE_ITEMS = 25
BATCH_GET_KEYS = 100
TRANSACTION_ITEMS = 100
TRANSACTION_BYTES = 4 * 1024 * 1024
PARTITION_KEY_BYTES = 2048
SORT_KEY_BYTES = 1024


class TableLimitError(InternalError):
    """A call that the real service would refuse."""

    title = "Table limit passed"


def check(operation: str, arguments: Mapping[str, Any]) -> None:
    """Raise `TableLimitError` when the service would refuse this call for its size or shape."""
    match operation:
        case "PutItem":
            _check_item(arguments["Item"])
        case "GetItem" | "DeleteItem" | "UpdateItem":
            _check_key(arguments["Key"])
        case "BatchGetItem":
            keys = [(table, _freeze(key)) for table, each in arguments["RequestItems"].items() for key in each["Keys"]]
            _check_count("keys in a batch get", len(keys), BATCH_GET_KEYS)
            _check_distinct("a batch get", keys)
        case "BatchWriteItem":
            writes = [write for each in arguments["RequestItems"].values() for write in each]
            _check_count("items in a batch write", len(writes), BATCH_WRITE_ITEMS)
            for write in writes:
                if "PutRequest" in write:
                    _check_item(write["PutRequest"]["Item"])
        case "TransactWriteItems":
            _check_transaction(arguments["TransactItems"])


def item_bytes(item: Mapping[str, Any]) -> int:
    """Return the item's size as the service counts it: names in UTF-8 plus values, 3 bytes a container, 1 an element."""
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(attribute: Mapping[str, Any]) -> int:
    ((kind, value),) = attribute.items()
    match kind:
        case "S":
            return len(value.encode())
        case "N":
            return math.ceil(len(value.lstrip("-").replace(".", "")) / 2) + 1
        case "B":
            return len(value)
        case "L":
            return 3 + sum(1 + _value_bytes(each) for each in value)
        case "M":
            return 3 + sum(1 + len(name.encode()) + _value_bytes(each) for name, each in value.items())
    return 1


def _check_transaction(items: list[Mapping[str, Any]]) -> None:
    _check_count("items in a transaction", len(items), TRANSACTION_ITEMS)
    targets, size = [], 0
    for item in items:
        ((action, body),) = item.items()
        if action == "Put":
            _check_item(body["Item"])
            size += item_bytes(body["Item"])
            key = {name: body["Item"][name] for name in ("pk", "sk") if name in body["Item"]}
        else:
            key = body["Key"]
            _check_key(key)
        targets.append((body["TableName"], _freeze(key)))
    _check_distinct("a transaction", targets)
    if size > TRANSACTION_BYTES:
        msg = f"a transaction of {size} bytes; the limit is {TRANSACTION_BYTES}"
        raise TableLimitError(msg)


def _check_item(item: Mapping[str, Any]) -> None:
    _check_key(item)
    size = item_bytes(item)
    if size > ITEM_BYTES:
        msg = f"an item of {size} bytes; the limit is {ITEM_BYTES}"
        raise TableLimitError(msg)


def _check_key(item: Mapping[str, Any]) -> None:
    for name, limit in (("pk", PARTITION_KEY_BYTES), ("sk", SORT_KEY_BYTES)):
        if name in item and not 0 < len(item[name].get("S", "").encode()) <= limit:
            msg = f"the key attribute {name} must be text of 1 to {limit} bytes"
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


def _freeze(key: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value.get("S", "")) for name, value in key.items()))
