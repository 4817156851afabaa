"""Steps that the tests of every memory store share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from backend.memories.documents import change_for, document_of
from backend.memories.model import Memory
from backend.memories.ports import MemoryStore

Fill = Callable[[Sequence[Memory]], None]


def added(store: MemoryStore, each: Memory, *, guarded: bool = True, replacing: str | None = None) -> Memory:
    """Add a memory with its document."""
    return store.add(each, document_of(each), guarded=guarded, replacing=replacing)


def forgotten(store: MemoryStore, each: Memory) -> Memory:
    """Store the version in which it is forgotten, a second later."""
    gone = each.forgotten(each.updated_at + timedelta(seconds=1))
    store.replace(gone, change_for(gone))
    return gone
