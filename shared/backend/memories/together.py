"""Several new memories in one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from backend.kit.dynamodb import Item, Put, Update
from backend.kit.dynamodb.limits import TRANSACTION_ITEMS

MOST_CHARACTERS = 1_000_000
"""Of a transaction, counted roughly: no character has more than four bytes, and 4 MB is what one may have."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A new memory's row, and all the writes that it takes."""

    row: Item
    writes: Sequence[Put | Update]


def batches(additions: Iterable[Whole]) -> Iterator[list[Whole]]:
    """Yield them in their order, as many together as one transaction takes."""
    batch: list[Whole] = []
    writes = characters = 0
    for each in additions:
        length = sum(_length(write.item) for write in each.writes if isinstance(write, Put))
        if batch and (writes + len(each.writes) > TRANSACTION_ITEMS or characters + length > MOST_CHARACTERS):
            yield batch
            batch, writes, characters = [], 0, 0
        batch.append(each)
        writes += len(each.writes)
        characters += length
    if batch:
        yield batch


def _length(item: Item) -> int:
    return sum(len(name) + _size(value) for name, value in item.items())


def _size(value: object) -> int:
    match value:
        case str() | bytes():
            return len(value)
        case list():
            return sum(_size(each) + 1 for each in value)
        case dict():
            return _length(value)
    return 40  # A number has no more digits.
