"""The memories table. Row, guard and marker go together; what each condition means is said where it is named."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backend.index.model import IndexDocument, Tombstone
from backend.kit.clock import Clock, to_rfc3339
from backend.kit.dynamodb import (
    ConditionFailedError,
    Item,
    Put,
    Table,
    TransactionCanceledError,
    Update,
    attribute,
    set_to,
    transact,
)
from backend.kit.errors import ConflictError, InternalError, OutcomeUnknownError
from backend.kit.ids import Ids
from backend.memories import items
from backend.memories.model import MAX_PENDING_BYTES, NEWEST_PENDING, Evidence, Memory, Page, page_of
from backend.memories.ports import GuardTakenError, Macs
from backend.tenancy.scope import Scope

# Nobody stored this id before: a new id, or a retry that finds its own row.
IS_NEW = attribute("pk").does_not_exist()


def is_version(row_version: int) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while nobody changed the row since we read it."""
    return attribute("row_version") == row_version


def is_held_by(memory_id: str) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while the guard names the memory that we saw dead."""
    return attribute("memory_id") == memory_id


class DynamoMemoryStore:
    """`MemoryStore` on DynamoDB."""

    def __init__(self, table: Table, macs: Macs, clock: Clock, ids: Ids) -> None:
        self._table = table
        self._macs = macs
        self._clock = clock
        self._ids = ids

    def add(self, memory: Memory, change: IndexDocument, *, guarded: bool, replacing: str | None = None) -> Memory:
        """Store a new memory."""
        row = Put(self._table, items.row_item(memory), IS_NEW)
        marker = Put(self._table, items.marker_item(memory, change, self._clock.now()))
        writes: list[Put | Update] = [row, marker]
        if guarded:
            writes.append(self._guard(memory, replacing))
        try:
            self._transact(writes)
        except TransactionCanceledError as error:
            stored = self.get(memory.tenant_id, memory.memory_id) if error.reasons[0] else None
            if stored:
                return stored
            guard_refused = error.reasons[2] if guarded else None
            if guard_refused:
                raise GuardTakenError(str((guard_refused.item or {}).get("memory_id", ""))) from error
            raise InternalError from error
        except OutcomeUnknownError:
            # The table did not answer. Before saying anything, look: it may well have taken the write.
            stored = self.get(memory.tenant_id, memory.memory_id)
            if stored is None:
                raise
            return stored
        return items.memory_of(row.item)

    def get(self, tenant_id: str, memory_id: str) -> Memory | None:
        """Return the row."""
        item = self._table.get(items.row_pk(tenant_id, memory_id), items.ROW)
        return items.memory_of(item) if item else None

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Return the rows that exist."""
        found = self._table.get_many([(items.row_pk(tenant_id, each), items.ROW) for each in memory_ids])
        memories = [items.memory_of(item) for item in found]
        return {memory.memory_id: memory for memory in memories}

    def guarded_by(self, scope_key: str, extracted_key: str, tenant_id: str) -> str | None:
        """Return the holder of the key."""
        item = self._table.get(self._guard_pk(tenant_id, scope_key, extracted_key), items.GUARD)
        return str(item["memory_id"]) if item else None

    def replace(self, memory: Memory, change: IndexDocument | Tombstone) -> None:
        """Store the next version of a row."""
        row = Put(self._table, items.row_item(memory), is_version(memory.row_version - 1))
        marker = Put(self._table, items.marker_item(memory, change, self._clock.now()))
        try:
            self._transact([row, marker])
        except TransactionCanceledError as error:
            found = error.reasons[0].item if error.reasons[0] else None
            if found and items.memory_of(found) == items.memory_of(row.item):
                # It is this very version: the write was taken, its answer was lost, and the seam sent it again.
                return
            msg = "The memory was changed at the same moment; read it again."
            raise ConflictError(msg) from error
        except OutcomeUnknownError:
            now = self.get(memory.tenant_id, memory.memory_id)
            if now is None or now.row_version < memory.row_version:
                raise

    def record_evidence(self, tenant_id: str, evidence: Sequence[Evidence]) -> None:
        """Store evidence."""
        if evidence:
            self._table.put_many([items.evidence_item(tenant_id, each) for each in evidence])

    def evidence(self, tenant_id: str, memory_id: str) -> list[Evidence]:
        """Return all evidence."""
        found: list[Evidence] = []
        start: Item | None = None
        while True:
            where = attribute("sk").startswith("EV#")
            pk = items.row_pk(tenant_id, memory_id)
            page = self._table.query(pk, where=where, start=start, consistent=True)
            found += [items.evidence_of(memory_id, item) for item in page.items]
            start = page.next_key
            if start is None:
                return found

    def page(self, scope: Scope, *, limit: int, before: str | None, now: datetime) -> Page:
        """Return one page of the list index, united with what is still pending."""
        positions: set[str] = set()
        for scope_key in scope.keys:
            where = attribute("list_sk") < before if before else None
            for shard in range(items.LIST_SHARDS):
                pk = f"L#{scope_key}#{shard}"
                found = self._table.first(pk, limit + 1, index="list", where=where, descending=True)
                positions.update(item["list_sk"] for item in found)
        markers, _ = self._markers(scope)
        positions.update(marker["position"] for marker in markers if before is None or marker["position"] < before)
        places = [(position, position.rpartition("#")[2]) for position in sorted(positions, reverse=True)]
        rows = self.get_many(scope.tenant_id, [memory_id for _, memory_id in places[:limit]])
        return page_of(places, rows, scope, limit=limit, now=now)

    def pending(self, scope: Scope) -> tuple[list[IndexDocument | Tombstone], bool]:
        """Return the newest changes."""
        markers, more = self._markers(scope)
        return [items.change_of(marker) for marker in markers], more

    def settle(self, memory: Memory) -> None:
        """Drop the marker of this row version."""
        pk = items.pending_pk(memory.scope_key, memory.memory_id)
        try:
            self._table.delete(pk, memory.memory_id, condition=is_version(memory.row_version))
        except ConditionFailedError:
            # Gone already, or a newer version waits under the same key: either is as it should be.
            return

    def set_aside(self, memory: Memory) -> None:
        """Keep the marker for readers, out of the sweep's sight."""
        pk = items.pending_pk(memory.scope_key, memory.memory_id)
        actions = [set_to("due_pk", None), set_to("due_sk", None)]
        try:
            self._table.update(pk, memory.memory_id, actions=actions, condition=is_version(memory.row_version))
        except ConditionFailedError:
            return

    def overdue(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return old markers."""
        return self._due("PENDING", before, limit)

    def without_vector(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return rows that wait for a vector."""
        return self._due("EMBED", before, limit)

    def walk(self, after: dict[str, str] | None) -> tuple[list[tuple[str, str]], dict[str, str] | None]:
        """Return the rows of one page of the whole table."""
        page = self._table.scan(start=after)
        found = [items.row_target(item["pk"]) for item in page.items if item["sk"] == items.ROW]
        return found, page.next_key

    def _due(self, kind: str, before: datetime, limit: int) -> list[tuple[str, str]]:
        found: list[str] = []
        for shard in range(items.DUE_SHARDS):
            where = attribute("due_sk") < to_rfc3339(before)
            waiting = self._table.first(items.due_pk(kind, shard), limit, index="due", where=where)
            found += [item["due_sk"] for item in waiting]
        return [items.due_target(each) for each in sorted(found)[:limit]]

    def _markers(self, scope: Scope) -> tuple[list[Item], bool]:
        found: list[Item] = []
        more = False
        for scope_key in scope.keys:
            for shard in range(items.PENDING_SHARDS):
                pk = f"{items.PENDING}{scope_key}#{shard}"
                newest, is_cut = self._newest(pk)
                found += newest
                more = more or is_cut
        return found, more

    def _newest(self, pending_pk: str) -> tuple[list[Item], bool]:
        """Return the newest markers of a partition, and whether more were left."""
        found: list[Item] = []
        start: Item | None = None
        size = 0
        while True:
            # One more than counts, for the service names a next key also when the last item was the very last.
            left = NEWEST_PENDING + 1 - len(found)
            page = self._table.query(pending_pk, limit=left, start=start, descending=True, consistent=True)
            found += page.items
            start = page.next_key
            size += sum(len(item.get("document", b"")) for item in page.items)
            if start is None or len(found) > NEWEST_PENDING or size > MAX_PENDING_BYTES:
                return found[:NEWEST_PENDING], start is not None or len(found) > NEWEST_PENDING

    def _guard(self, memory: Memory, replacing: str | None) -> Put | Update:
        pk = self._guard_pk(memory.tenant_id, memory.scope_key, memory.extracted_key)
        if replacing is None:
            return Put(self._table, {"pk": pk, "sk": items.GUARD, "memory_id": memory.memory_id}, IS_NEW)
        take_over = [set_to("memory_id", memory.memory_id)]
        return Update(self._table, (pk, items.GUARD), take_over, is_held_by(replacing))

    def _guard_pk(self, tenant_id: str, scope_key: str, extracted_key: str) -> str:
        return items.guard_pk(tenant_id, self._macs.of(tenant_id).mac("guard", scope_key, extracted_key))

    def _transact(self, writes: Sequence[Put | Update]) -> None:
        transact(self._table.seam, writes, token=self._ids.new("t"))
