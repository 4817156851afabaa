"""Replacing the index: a new one beside, filled from the table, compared with it, then moved to.

| step | how the next attempt knows that it is done |
|---|---|
| make the new index | it is there |
| let writes go to both | the new one has the write alias |
| wait until every writer knows | the new one notes how far it is filled |
| fill from the table, page by page | the same note |
| walk the table again and compare versions | never: comparing twice is harmless |
| let searches ask the new one | it has the read alias |
| wait until every searcher knows, then write to the new one alone | the old one has no alias |
| wait until every writer knows, then delete the old one, which no longer hears of deletions | it is gone |

So whatever interrupts, beginning again goes on. Searches are whole at every moment: each index that a searcher may still ask is
written until nobody asks it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from backend.index.model import IndexDocument, Tombstone
from backend.index.opensearch import OpenSearchIndex
from backend.index.opensearch_documents import Space
from backend.index.opensearch_layout import LAYOUT_LASTS, Target, read_alias, write_alias
from backend.kit.clock import Clock
from infrastructure.search.indexes import Indexes, SearchError
from infrastructure.search.mapping import Size, index_name

SETTLING_SECONDS = LAYOUT_LASTS.total_seconds() + 5
"""After this every process has asked for the aliases anew."""

_FILLED = "filled"
_CURSOR = "cursor"


@dataclass(frozen=True, slots=True)
class RowPage:
    """One page of the table: what the index should hold of its rows, by tenant, and where to go on; None at the end.

    `unread` names (tenant, memory id) of rows that this release cannot read.
    """

    changes: Mapping[str, Sequence[IndexDocument | Tombstone]]
    next_cursor: str | None
    unread: Sequence[tuple[str, str]] = ()


class Rows(Protocol):
    """A way to walk the table. Rows are read as they are when their page is."""

    def page(self, cursor: str | None) -> RowPage:
        """Return the page at a cursor, from the beginning for None. Cursors outlive the process that was given them."""


@dataclass(frozen=True, slots=True)
class Compared:
    """What a walk of the table found: its rows, how many the new index lacked or had older, and what both indexes count.

    `unread` are (tenant, memory id) of the rows that could not be read, of which the new index knows nothing.
    """

    rows: int
    behind: int
    documents: int
    documents_before: int
    unread: Sequence[tuple[str, str]]


class Migration:
    """Moves one name from the index that serves it to another."""

    def __init__(self, indexes: Indexes, index: OpenSearchIndex, clock: Clock, tell: Callable[[str], None]) -> None:
        self._indexes = indexes
        self._index = index
        self._clock = clock
        self._tell = tell

    def run(self, space: Space, size: Size, rows: Rows) -> int:
        """Take all steps that are left; return how many rows could not be read, which searches do not find from now on.

        Raises `SearchError`, `IndexUnavailableError`; then run it again.
        """
        unread = 0
        target = Target(index_name(self._indexes.name, space), space)
        serving = self._indexes.read()
        if serving is None:
            msg = "No index serves yet: create one."
            raise SearchError(msg)
        if serving.name != target.index:
            self._indexes.make(target.index, space, size)
            self._open(target)
            self._fill(target, rows)
            compared = self._compare(target, serving.name, rows)
            self._tell(
                f"Compared {compared.rows} rows: {compared.behind} were behind and are right now. "
                f"{compared.documents} documents, {compared.documents_before} in {serving.name}."
            )
            unread = len(compared.unread)
            for tenant_id, memory_id in compared.unread:
                self._tell(f"Could not be read, and is not in {target.index}: {memory_id} of {tenant_id}.")
            read = read_alias(self._indexes.name)
            self._indexes.move(add=[(target.index, read)], remove=[(serving.name, read)])
            self._tell(f"Searches ask {target.index}.")
        self._retire_others(target.index)
        return unread

    def _open(self, target: Target) -> None:
        """Let writes go to the new index too, and wait until every writer does so."""
        alias = write_alias(self._indexes.name)
        if target.index not in self._indexes.written():
            self._indexes.move(add=[(target.index, alias)])
        if _FILLED not in self._indexes.all()[target.index].meta:
            self._settle(f"every writer writes to {target.index} too")
            self._indexes.note(target.index, **{_FILLED: False})

    def _fill(self, target: Target, rows: Rows) -> None:
        meta = self._indexes.all()[target.index].meta
        cursor: str | None = meta.get(_CURSOR)
        filled = meta[_FILLED]
        written = 0
        while not filled:
            page = rows.page(cursor)
            for tenant_id, changes in page.changes.items():
                self._index.write_in(target, tenant_id, changes)
                written += len(changes)
            cursor, filled = page.next_cursor, page.next_cursor is None
            self._indexes.note(target.index, **{_CURSOR: cursor, _FILLED: filled})
            self._tell(f"Filled with {written} rows.")

    def _compare(self, target: Target, serving: str, rows: Rows) -> Compared:
        """Hold every row of the table against the new index. Raises `SearchError` for what cannot be put right."""
        cursor: str | None = None
        walked = behind = 0
        unread: list[tuple[str, str]] = []
        while True:
            page = rows.page(cursor)
            unread += page.unread
            for tenant_id, changes in page.changes.items():
                late = self._behind(target, tenant_id, changes)
                if late:
                    # Written between the two walks, and not shown yet; or a writer failed. Either way this is what it takes.
                    self._index.write_in(target, tenant_id, late)
                    if self._behind(target, tenant_id, late):
                        msg = f"{target.index} does not take {len(late)} rows of the table; searches stay with {serving}."
                        raise SearchError(msg)
                walked += len(changes)
                behind += len(late)
            cursor = page.next_cursor
            if cursor is None:
                there, before = (self._indexes.count(index)["document"] for index in (target.index, serving))
                return Compared(walked, behind, there, before, unread)

    def _behind(
        self, target: Target, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]
    ) -> list[IndexDocument | Tombstone]:
        """Return the changes of memories that the index lacks, has in an older version, or has fewer documents of.

        A memory of which it has a newer version was written since the page was read: that is not held against it.
        """
        by_key: dict[str, list[IndexDocument | Tombstone]] = defaultdict(list)
        for change in changes:
            by_key[change.scope_key].append(change)
        late: list[IndexDocument | Tombstone] = []
        for key, those in by_key.items():
            held = self._index.held_in(target.index, tenant_id, [key], [each.memory_id for each in those])
            newest, documents = _asked_of(those)
            behind = {
                memory_id
                for memory_id, version in newest.items()
                if memory_id not in held
                or held[memory_id].version < version
                or (held[memory_id].version == version and held[memory_id].documents < documents[memory_id])
            }
            late.extend(each for each in those if each.memory_id in behind)
        return late

    def abandon(self, index: str) -> None:
        """Give up a new index that is not searched yet. Raises `SearchError` for the one that is, and for one not there."""
        there = self._indexes.all().get(index)
        if there is None or read_alias(self._indexes.name) in there.aliases:
            msg = f"{index} {'is the one that searches ask' if there else 'is not there'}."
            raise SearchError(msg)
        self._retire([index])

    def _retire_others(self, serving: str) -> None:
        others = sorted(each for each in self._indexes.all() if each != serving)
        if others:
            self._settle(f"no searcher asks {', '.join(others)} any more")
            self._retire(others)

    def _retire(self, indexes: Sequence[str]) -> None:
        self._indexes.move(remove=[(each, write_alias(self._indexes.name)) for each in indexes])
        # A write to an index that is gone could make one of that name without a mapping.
        self._settle(f"no writer knows {', '.join(indexes)} any more")
        for each in indexes:
            self._indexes.drop(each)
            self._tell(f"{each} is gone.")

    def _settle(self, until: str) -> None:
        self._tell(f"Waiting {SETTLING_SECONDS:.0f} s until {until}.")
        self._clock.sleep(SETTLING_SECONDS)


def _asked_of(changes: Sequence[IndexDocument | Tombstone]) -> tuple[dict[str, int], Counter[str]]:
    """Return the highest version of each memory in these changes, and how many documents it has in them."""
    newest: dict[str, int] = {}
    for each in changes:
        newest[each.memory_id] = max(each.row_version, newest.get(each.memory_id, each.row_version))
    return newest, Counter(each.memory_id for each in changes if isinstance(each, IndexDocument))
