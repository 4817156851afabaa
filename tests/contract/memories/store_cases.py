"""Steps that the tests of every memory store share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

from backend.memories.documents import changes_for, documents_of
from backend.memories.model import Memory
from backend.memories.ports import MemoryStore
from tests.unit.memories.samples import memory

Fill = Callable[[Sequence[Memory]], None]


def added(store: MemoryStore, each: Memory, *, guarded: bool = True, replacing: str | None = None) -> Memory:
    """Add a memory with what the index should hear of it."""
    return store.add(each, changes_for(each), guarded=guarded, replacing=replacing)


def forgotten(store: MemoryStore, each: Memory) -> Memory:
    """Store the version in which it is forgotten, a second later."""
    gone = each.forgotten(each.updated_at + timedelta(seconds=1))
    store.replace(gone, changes_for(gone))
    return gone


def add_large(store: MemoryStore, count: int) -> None:
    """Add memories whose words do not compress: 14 markers of them fill a page of the table."""
    chance = Random(1)  # noqa: S311 - words, not secrets
    stems = {f"{chance.getrandbits(40):x}": 1 for _ in range(10_000)}
    for number in range(count):
        each = memory(number)
        (document,) = documents_of(each)
        store.add(each, (replace(document, stems=stems),), guarded=False)
