"""Gap: DynamoDB's items are copied by `copy.deepcopy`, seven times as slow as they need be.

An item is what JSON holds, and such a value goes through `marshal` and back in C. It keeps what is shared in it shared, as
`deepcopy` does, and refuses everything that it does not know, subclasses too: that goes the old way.

Except for a table, which is copied whole for a snapshot alone. An item in a table is replaced by another one and never changed,
so the snapshot has dictionaries of its own and the same items.
"""

from __future__ import annotations

import copy
import marshal
from collections import defaultdict
from types import ModuleType
from typing import Any

from ministack.services import dynamodb

from infrastructure.local.patches.patcher import Patcher

ITEMS = "items"
"""Where a table holds its items, by partition key and sort key, in a `defaultdict`."""


class Copying:
    """Stands in for the module `copy`."""

    def __init__(self, stock: ModuleType) -> None:
        self._stock = stock

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        """Leave the rest as it is."""
        return getattr(self._stock, name)

    def deepcopy(self, value: Any) -> Any:  # noqa: ANN401 - any value
        """Return a copy that shares nothing with the value."""
        return copied(value)


def copied(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return a copy that shares nothing with the value."""
    try:
        return _in_one_step(value)
    except ValueError:
        return _as_a_table(value)


def _in_one_step(value: Any) -> Any:  # noqa: ANN401 - any value
    return marshal.loads(marshal.dumps(value))  # noqa: S302 - what this process itself has just written


def _as_a_table(value: Any) -> Any:  # noqa: ANN401 - any value
    items = value.get(ITEMS) if type(value) is dict else None
    if type(items) is not defaultdict:
        return copy.deepcopy(value)
    made = copied({**value, ITEMS: None})
    made[ITEMS] = defaultdict(items.default_factory, {key: dict(partition) for key, partition in items.items()})
    return made


def apply(patcher: Patcher) -> None:
    """Copy items in one step."""
    patcher.attribute(dynamodb, "copy", Copying(dynamodb.copy))
