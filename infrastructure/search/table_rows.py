"""Walking the memories table for a new index. The one place where all of it is read: an operator's step, never a request."""

from __future__ import annotations

import json
from collections import defaultdict

from backend.index.model import IndexDocument, Tombstone
from backend.memories.ports import MemoryStore
from infrastructure.search.migration import RowPage


class TableRows:
    """The rows of the memories table as the index should hold them.

    Rows whose vectors are of another model than the new index are found by their words until they are embedded again.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def page(self, cursor: str | None) -> RowPage:
        """Return one page, as the table has it now. Raises `DependencyUnavailableError`."""
        targets, after = self._store.walk(json.loads(cursor) if cursor else None)
        by_tenant: dict[str, list[str]] = defaultdict(list)
        for tenant_id, memory_id in targets:
            by_tenant[tenant_id].append(memory_id)
        changes: dict[str, list[IndexDocument | Tombstone]] = {
            tenant_id: [each for row in self._store.get_many(tenant_id, memory_ids).values() for each in self._store.changes(row)]
            for tenant_id, memory_ids in by_tenant.items()
        }
        return RowPage(changes, json.dumps(after) if after else None)
