"""Walking the memories table for a new index. The one place where all of it is read: an operator's step, never a request."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from backend.index.model import IndexDocument, Tombstone
from backend.kit import observability
from backend.kit.errors import DependencyUnavailableError
from backend.memories.ports import MemoryStore
from infrastructure.search.migration import RowPage

Changes = list[IndexDocument | Tombstone]


class TableRows:
    """The rows of the memories table as the index should hold them.

    Rows whose vectors are of another model than the new index are found by their words until they are embedded again.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def page(self, cursor: str | None) -> RowPage:
        """Return one page, as the table has it now, and name the rows of it that cannot be read.

        Raises `DependencyUnavailableError`.
        """
        targets, after = self._store.walk(json.loads(cursor) if cursor else None)
        by_tenant: dict[str, list[str]] = defaultdict(list)
        for tenant_id, memory_id in targets:
            by_tenant[tenant_id].append(memory_id)
        changes: dict[str, Changes] = {}
        unread: list[tuple[str, str]] = []
        for tenant_id, memory_ids in by_tenant.items():
            changes[tenant_id], failed = self._changes(tenant_id, memory_ids)
            unread += [(tenant_id, memory_id) for memory_id in failed]
        return RowPage(changes, json.dumps(after) if after else None, unread)

    def _changes(self, tenant_id: str, memory_ids: Sequence[str]) -> tuple[Changes, list[str]]:
        """Return what the index should hold of these, and which could not be read: one keeps none of the others from it."""
        try:
            rows = self._store.get_many(tenant_id, memory_ids)
            return [each for row in rows.values() for each in self._store.changes(row)], []
        except DependencyUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are read one by one
            if len(memory_ids) == 1:
                observability.log_failure("a row could not be read", error)
                return [], list(memory_ids)
        alone = [self._changes(tenant_id, [memory_id]) for memory_id in memory_ids]
        return [each for changes, _ in alone for each in changes], [each for _, failed in alone for each in failed]
