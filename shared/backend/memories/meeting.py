"""What several things that are remembered one after the other have met: a fact that one of them said is not tried again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from backend.kit.errors import MemorySyncError
from backend.memories.merging import keeps, merged
from backend.memories.model import Memory
from backend.memories.ports import MemoryStore


class Met:
    """The memories that facts were stored as, or merged into, as they were at that moment.

    Nobody looks at them again before several things have had their turn: then `changed` says which have changed since.
    """

    def __init__(self) -> None:
        self._facts: dict[tuple[str, str], Memory] = {}

    def note(self, planned: Memory, memory: Memory) -> None:
        """Note what became of a planned memory."""
        self._facts[planned.scope_key, planned.extracted_key] = memory

    def again(self, store: MemoryStore, planned: Memory, now: datetime) -> Memory | None:
        """Return what a planned memory merges into, where that was met a moment ago: then nothing has to be tried.

        Whatever claims something may end what claims the same, of what has ended another may have the guard, and an attempt done
        again finds its own memory by its id.
        """
        holder = self._facts.get((planned.scope_key, planned.extracted_key))
        if holder is None or holder.memory_id == planned.memory_id or planned.claimed or not planned.stands(now):
            return None
        if holder.guard_key != planned.guard_key or not keeps(holder, planned, planned, now):
            return None
        return merged(store, holder, planned, now)

    def changed(self, store: MemoryStore, tenant_id: str, memory_ids: Collection[str]) -> frozenset[str]:
        """Return which of these are no longer as they were met; all of them, where one cannot be read."""
        if not memory_ids:
            return frozenset()
        try:
            rows = store.get_many(tenant_id, sorted(memory_ids))
        except MemorySyncError:
            return frozenset(memory_ids)
        versions = {memory.memory_id: memory.row_version for memory in self._facts.values()}
        return frozenset(each for each in memory_ids if each not in rows or rows[each].row_version != versions.get(each))
