"""moto answers as it does, in a third of the time: what it does again and again for nothing is done once.

For every query it sorts all items of the table, and compares each with the partition's key; every value of an answer is looked
for under a dozen names that DynamoDB's values do not have. All of it grows with the table, and took most of the time of the
tests that have a large one.
"""

from __future__ import annotations

from collections import defaultdict
from copy import copy
from threading import RLock
from typing import Any

import pytest
from moto.core.serialize import JSONSerializer
from moto.dynamodb.models.dynamo_type import DDBType, DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler

_PLAIN = frozenset({DDBType.STRING, DDBType.BINARY, DDBType.BOOLEAN})

_call_action = DynamoHandler.call_action
_query = Table.query
_all_items = Table.all_items
_structure = JSONSerializer._serialize_type_structure
_cast_value: property = vars(DynamoType)["cast_value"]


def quicken(patch: pytest.MonkeyPatch) -> None:
    """Let moto be quick until the patch is undone. Its answers are the same (tests/unit/kit/test_kit_quick_moto.py)."""
    patch.setattr(Table, "query", _query_of_one_partition)
    patch.setattr(Table, "all_items", _all_items_by_their_keys)
    patch.setattr(JSONSerializer, "_serialize_type_structure", _structure_or_value)
    patch.setattr(DynamoType, "cast_value", property(_cast))


def take_turns(patch: pytest.MonkeyPatch) -> None:
    """Let each call be atomic until the patch is undone, as it is in the service: moto copies tables that others write to."""
    turn = RLock()

    def one_at_a_time(handler: DynamoHandler) -> Any:
        with turn:
            return _call_action(handler)

    patch.setattr(DynamoHandler, "call_action", one_at_a_time)


def _query_of_one_partition(  # noqa: PLR0913, PLR0917 - as moto's own
    table: Table,
    hash_key: DynamoType | None,
    comparison: str | None,
    values: list[DynamoType],
    limit: int,
    start: dict[str, Any],
    forward: bool,
    projection: list[list[str]] | None,
    index_name: str | None = None,
    *arguments: Any,
    **named: Any,
) -> Any:
    """Query a table that has no other partition; an index gathers from all of them."""
    if index_name is None and hash_key is not None:
        alone = copy(table)
        alone.items = defaultdict(dict, {hash_key: table.items[hash_key]} if hash_key in table.items else {})
        table = alone
    return _query(table, hash_key, comparison, values, limit, start, forward, projection, index_name, *arguments, **named)


def _all_items_by_their_keys(table: Table) -> Any:
    """Sort by the keys themselves, not by what each comparison makes of them anew."""
    if not table.range_key_attr or any(each["AttributeType"] != DDBType.STRING for each in table.attr):
        return _all_items(table)
    held = [item for partition in table.items.values() for item in partition.values()]
    return sorted(held, key=lambda item: (item.hash_key.value, item.range_key.value))


def _structure_or_value(self: JSONSerializer, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """Write a string, a number or a truth value as it is kept: `{"S": "text"}` is its own form on the wire."""
    if shape.name == "AttributeValue" and isinstance(value, dict) and len(value) == 1:
        [(kind, held)] = value.items()
        if type(held) is bool if kind == DDBType.BOOLEAN else kind in ("S", "N") and type(held) is str:
            serialized[key] = {kind: held}
            return
    _structure(self, serialized, value, shape, key)


def _cast(held: DynamoType) -> Any:
    return held.value if held.type in _PLAIN else _cast_value.__get__(held)
