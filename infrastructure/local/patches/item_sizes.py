"""Gap: an item of a transaction is measured again and again, and the form of each of its numbers worked out five times.

Of a transaction of a hundred items that was a fifth of the emulator's processor. The form of a number and the length of a binary
follow from their text, and items that come together say many of them again. Once a transaction has measured an item it
changes nothing in it, so the measure holds until its end.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from ministack.services import dynamodb

from infrastructure.local.patches.patcher import Patcher

NUMBERS_KEPT = 4096
NUMBER_LENGTH = 64
"""Longer than any number that DynamoDB takes, unless it is written with zeros."""
BINARIES_KEPT = 256
"""More than a transaction puts; each is kept with its text."""

_measured: ContextVar[dict[int, tuple[Any, int]] | None] = ContextVar("measured_items", default=None)
"""What the transaction has measured, by identity; each item is held, so that no other can take its identity."""


def apply(patcher: Patcher) -> None:
    """Work out each number and binary once, and measure each item of a transaction once."""
    for name in ("_number_error", "_ddb_canonicalize_number", "_number_size_bytes"):
        patcher.attribute(dynamodb, name, once(getattr(dynamodb, name)))
    patcher.attribute(dynamodb, "_attribute_value_size", value_size(dynamodb._attribute_value_size))
    patcher.attribute(dynamodb, "_item_size_bytes", item_size)
    stock = dynamodb._transact_write_items

    def transact(data: dict[str, Any]) -> Any:  # noqa: ANN401 - the emulator's own answer
        before = _measured.set({})
        try:
            return stock(data)
        finally:
            _measured.reset(before)

    patcher.attribute(dynamodb, "_transact_write_items", transact)


def once(stock: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the function, which works out each short text once."""
    kept = lru_cache(NUMBERS_KEPT)(stock)
    return lambda text: kept(text) if type(text) is str and len(text) <= NUMBER_LENGTH else stock(text)


def value_size(stock: Callable[[Any], int]) -> Callable[[Any], int]:
    """Return the measure of one value, which decodes each binary once."""
    binary = lru_cache(BINARIES_KEPT)(lambda text: stock({"B": text}))

    def size(value: Any) -> int:  # noqa: ANN401 - any value
        if type(value) is dict and len(value) == 1 and type(text := value.get("B")) is str:
            return binary(text)
        return stock(value)

    return size


def item_size(item: Any) -> int:  # noqa: ANN401 - any item
    """Return the size of an item by DynamoDB's count, in bytes. Raises `UnicodeEncodeError` for half of a surrogate pair."""
    if not isinstance(item, dict):
        return 0
    measured = _measured.get()
    if measured is None:
        return _size(item)
    known = measured.get(id(item))
    if known is None:
        known = measured[id(item)] = (item, _size(item))
    return known[1]


def _size(item: dict[str, Any]) -> int:
    value_size = dynamodb._attribute_value_size
    size = 0
    for name, value in item.items():
        text = value.get("S") if type(value) is dict and len(value) == 1 else None
        size += len(name.encode()) + (len(text.encode()) if type(text) is str else value_size(value))
    return size
