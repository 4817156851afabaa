"""Gap: each value of an item in a transaction is searched for what no text, binary or truth value can be.

They are never nested too deep, and hold no number that cannot be read. An item of such values, and of numbers that can be read,
is left out of that search; its condition and everything else of the write are checked as before.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from typing import Any

from ministack.services import dynamodb

from infrastructure.local.patches.patcher import Patcher

SCALARS = frozenset({"S", "B", "BOOL", "NULL"})


def apply(patcher: Patcher) -> None:
    """Check a write of a plain item without the item."""
    stock = dynamodb._transact_write_action_error

    def error(kind: str, write: Any) -> Any:  # noqa: ANN401 - the emulator's own answer
        if isinstance(write, dict) and is_plain(write.get("Item")):
            return stock(kind, {**write, "Item": {}})
        return stock(kind, write)

    patcher.attribute(dynamodb, "_transact_write_action_error", error)


def is_plain(item: Any) -> bool:  # noqa: ANN401 - whatever stands where an item should
    """Return whether there is nothing in an item that the check could refuse."""
    return type(item) is dict and "" not in item and all(map(_is_scalar, item.values()))


def _is_scalar(value: Any) -> bool:  # noqa: ANN401 - any value
    if type(value) is not dict or len(value) != 1:
        return False
    (kind,) = value
    return kind in SCALARS or (kind == "N" and dynamodb._number_error(value["N"]) is None)
