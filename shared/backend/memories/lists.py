"""The memories table, read: many rows at once, lists, and what is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextvars import copy_context
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from backend.index.model import IndexDocument, Tombstone
from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.kit.dynamodb import Asked, Item, Table, attribute, get_together
from backend.memories import items, markers
from backend.memories.documents import changes_for
from backend.memories.listing import EVERYTHING, Listing, Page, page_of
from backend.memories.model import (
    KEPT,
    MAX_PENDING_BYTES,
    NEWEST_PENDING,
    Changes,
    Memory,
    Revision,
    State,
)
from backend.memories.ports import USED_A_READ, Seals
from backend.tenancy.scope import Scope
from backend.usage.model import Usage
from backend.usage.store import DynamoUsageStore

MOST_ROWS_READ = 20
"""Of pending changes: a marker of a long text only says that its row has to be read."""

ROWS_A_PAGE_LOOKS_AT = 1000
"""A list that asks for little of much ends a page here, and goes on with the next."""


_Asked = TypeVar("_Asked")
_Found = TypeVar("_Found")


class MemoryLists:
    """Reads rows. What lies under several scope keys is read side by side, in the threads of `executor`."""

    def __init__(self, table: Table, seals: Seals, usages: DynamoUsageStore, executor: Executor) -> None:
        self._table = table
        self._seals = seals
        self.usages = usages
        self._executor = executor

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Return the rows that exist."""
        found = self._table.get_many([(items.row_pk(tenant_id, each), items.ROW) for each in memory_ids])
        return self._opened(found)

    def get_many_used(self, tenant_id: str, memory_ids: Sequence[str]) -> tuple[dict[str, Memory], dict[str, Usage]]:
        """Return the rows that exist, and the usage of those that were ever returned."""
        rows: list[Item] = []
        used: list[Item] = []
        distinct = list(dict.fromkeys(memory_ids))
        for start in range(0, len(distinct), USED_A_READ):
            some = distinct[start : start + USED_A_READ]
            keys = [(items.row_pk(tenant_id, each), items.ROW) for each in some]
            asked = [Asked(self._table, keys), self.usages.asked(tenant_id, some)]
            some_rows, some_used = get_together(self._table.seam, asked)
            rows += some_rows
            used += some_used
        return self._opened(rows), self.usages.read(used)

    def revisions(self, tenant_id: str, memory_id: str) -> list[Revision]:
        """Return all earlier revisions."""
        found = self._all(items.row_pk(tenant_id, memory_id), "REV#")
        return [items.revision_of(item, self._seals) for item in found]

    def revisions_at(self, tenant_id: str, wanted: Iterable[tuple[str, int]]) -> list[Revision]:
        """Return these earlier revisions."""
        found = self._table.get_many([(items.row_pk(tenant_id, each), items.revision_sk(number)) for each, number in wanted])
        return [items.revision_of(item, self._seals) for item in found]

    def newest(self, scope: Scope, count: int) -> list[Memory]:
        """Return the newest active rows."""
        listed = sorted(self._listed(scope, State.ACTIVE, None, count), reverse=True)[:count]
        ids = [position.rpartition("#")[2] for position in listed]
        rows = self.get_many(scope.tenant_id, ids)
        return [rows[each] for each in ids if each in rows]

    def changes(self, memory: Memory) -> Changes:
        """Return all that the index should hold of a row."""
        if memory.state not in KEPT or memory.unreadable:
            return changes_for(memory)
        earlier = self.revisions(memory.tenant_id, memory.memory_id) if memory.revision > 1 else []
        whole = [replace(each, memory=self._whole(each.memory)) for each in earlier]
        return changes_for(self._whole(memory), whole)

    def page(self, scope: Scope, *, limit: int, before: str | None, now: datetime, listing: Listing = EVERYTHING) -> Page:
        """Return one page of the list index, united with what is still pending."""
        looked = 0
        chosen: list[Memory] = []
        while True:
            places = self._places(scope, listing.state, before, limit)
            rows = self.get_many(scope.tenant_id, [memory_id for _, memory_id in places[:limit]])
            shown = {each: self._as_known(row, listing, now) for each, row in rows.items()}
            page = page_of(places, shown, scope, limit=limit, now=now, listing=listing, chosen=chosen, before=before)
            looked += min(limit, len(places))
            if page.next_position is None or len(page.memories) >= limit or page.is_full or looked >= ROWS_A_PAGE_LOOKS_AT:
                return page
            chosen, before = list(page.memories), page.next_position

    def pending(self, scope: Scope) -> tuple[list[IndexDocument | Tombstone], bool]:
        """Return the newest changes."""
        found, more = self._markers(scope)
        changes = [markers.changes_of(marker, self._seals) for marker in found]
        unread = [marker["sk"] for marker, those in zip(found, changes, strict=True) if those is None]
        rows = self.get_many(scope.tenant_id, unread[:MOST_ROWS_READ]) if unread else {}
        read = self._of_each(self.changes, [row for row in rows.values() if row.scope_key in scope])
        every = [each for those in [*(those for those in changes if those), *read] for each in those]
        return every, more or len(unread) > MOST_ROWS_READ

    def owed(self, scope: Scope, limit: int) -> tuple[int, datetime | None]:
        """Return how many memories wait for a vector, and since when."""
        since: list[str] = []
        for scope_key in scope.keys:
            since += [item["since"] for item in self._table.first(items.owed_pk(scope_key), limit - len(since), consistent=True)]
        return len(since), from_rfc3339(min(since)) if since else None

    def unindexed(self, scope_key: str, memory_ids: Sequence[str]) -> frozenset[str]:
        """Return which have a pending marker."""
        keys = [(markers.pending_pk(scope_key, memory_id), memory_id) for memory_id in memory_ids]
        return frozenset(item["sk"] for item in self._table.get_many(keys))

    def overdue(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return old markers."""
        return self._due("PENDING", before, limit)

    def without_vector(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return rows that wait for a vector."""
        return self._due("EMBED", before, limit)

    def expired(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return rows whose time was up."""
        return self._due("EXPIRE", before, limit)

    def walk(self, after: dict[str, str] | None) -> tuple[list[tuple[str, str]], dict[str, str] | None]:
        """Return the rows of one page of the whole table."""
        page = self._table.scan(start=after)
        found = [items.row_target(item["pk"]) for item in page.items if item["sk"] == items.ROW]
        return found, page.next_key

    def _opened(self, found: Sequence[Item]) -> dict[str, Memory]:
        memories = [items.memory_of(item, self._seals) for item in found]
        return {memory.memory_id: memory for memory in memories}

    def _whole(self, memory: Memory) -> Memory:
        if not memory.chunks or memory.vector is None or memory.more_vectors:
            return memory
        at = memory.vectors_at or memory.revision
        found = self._all(items.row_pk(memory.tenant_id, memory.memory_id), items.vectors_sk(at))
        # Parts that an earlier, longer list of vectors left behind stand after those that count.
        return replace(memory, more_vectors=items.vectors_of(found)[: len(memory.pieces) - 1])

    def _all(self, pk: str, beginning: str) -> list[Item]:
        """Return all items of a partition whose sort keys begin so."""
        found: list[Item] = []
        start: Item | None = None
        while True:
            page = self._table.query(pk, where=attribute("sk").startswith(beginning), start=start, consistent=True)
            found += page.items
            start = page.next_key
            if start is None:
                return found

    def _as_known(self, memory: Memory, listing: Listing, now: datetime) -> Memory | None:
        """Return the revision that a list asks for: the current one, or the one that was known at a moment."""
        at = listing.known_at
        # What is forgotten or expired by now is shown as it was no more than as it is.
        if at is None or memory.since <= at or memory.state is not listing.state or memory.is_expired(now):
            return memory
        earlier = self.revisions(memory.tenant_id, memory.memory_id)
        known = (each.memory for each in earlier if each.memory.since <= at < each.known_until)
        found = next(known, None)
        return found.filed_as(memory) if found and found.state in KEPT else found

    def _places(self, scope: Scope, state: State, before: str | None, limit: int) -> list[tuple[str, str]]:
        """Return (position, memory id) of a list, newest first, one more than the limit where there are more."""
        positions = self._listed(scope, state, before, limit + 1)
        if state in KEPT:
            waiting, _ = self._markers(scope)
            positions.update(each["position"] for each in waiting if before is None or each["position"] < before)
        return [(position, position.rpartition("#")[2]) for position in sorted(positions, reverse=True)]

    def _listed(self, scope: Scope, state: State, before: str | None, count: int) -> set[str]:
        """Return the last positions of each list, as the global index has them."""
        where = attribute("list_sk") < before if before else None

        def first(pk: str) -> list[Item]:
            return self._table.first(pk, count, index="list", where=where, descending=True)

        partitions = [pk for scope_key in scope.keys for pk in _list_partitions(state, scope_key)]
        return {item["list_sk"] for found in self._of_each(first, partitions) for item in found}

    def _due(self, kind: str, before: datetime, limit: int) -> list[tuple[str, str]]:
        found: list[str] = []
        for shard in range(items.DUE_SHARDS):
            where = attribute("due_sk") < to_rfc3339(before)
            waiting = self._table.first(items.due_pk(kind, shard), limit, index="due", where=where)
            found += [item["due_sk"] for item in waiting]
        return [items.due_target(each) for each in sorted(found)[:limit]]

    def _markers(self, scope: Scope) -> tuple[list[Item], bool]:
        partitions = [f"{markers.PENDING}{key}#{shard}" for key in scope.keys for shard in range(markers.PENDING_SHARDS)]
        read = self._of_each(self._newest, partitions)
        return [marker for newest, _ in read for marker in newest], any(is_cut for _, is_cut in read)

    def _of_each(self, work: Callable[[_Asked], _Found], asked: Sequence[_Asked]) -> list[_Found]:
        """Return what the work comes to for each, in their order: of several side by side, under the same request."""
        if len(asked) <= 1:
            return [work(each) for each in asked]
        begun = [self._executor.submit(copy_context().run, work, each) for each in asked]
        try:
            return [each.result() for each in begun]
        finally:
            # Where one failed nobody waits for those that did not begin yet.
            for each in begun:
                each.cancel()

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
            size += sum(markers.size_of(item) for item in page.items)
            if start is None or len(found) > NEWEST_PENDING or size > MAX_PENDING_BYTES:
                return found[:NEWEST_PENDING], start is not None or len(found) > NEWEST_PENDING


def _list_partitions(state: State, scope_key: str) -> list[str]:
    if state is State.ACTIVE:
        return [f"L#{scope_key}#{shard}" for shard in range(items.LIST_SHARDS)]
    return [items.state_pk(state, scope_key)]
