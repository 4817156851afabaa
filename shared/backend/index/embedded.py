"""The index in one SQLite file, for one machine: many processes at once, exact, and without a trace of what was deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from threading import Lock

import apsw

from backend.index import embedded_ranking
from backend.index.embedded_file import SCOPE_BITS, connect, hash_key, meaning_of_errors, transaction, wipe
from backend.index.embedded_rows import SMALLEST, Hasher, Row, encode
from backend.index.embedded_shelf import Shelf, ShelfCache, Stamp
from backend.index.model import IndexDocument, IndexQuery, SearchResult, Tombstone
from backend.kit.clock import Clock
from backend.kit.errors import IndexUnavailableError
from backend.tenancy.scope import Scope

CACHE_BYTES = 256 * 1024 * 1024
"""What one process keeps of the owners asked last: about 1.8 kB a document of 384 dimensions."""

_SCOPE = "SELECT number, rebuilt, changes FROM scopes WHERE tenant_id = ? AND scope_key = ?"
_WRITTEN_SCOPE = """SELECT number, changes, EXISTS (SELECT 1 FROM tombstones WHERE scope = number)
FROM scopes WHERE tenant_id = ? AND scope_key = ?"""
_DOCUMENTS = """SELECT memory_id, tier, model, facts, content FROM documents
WHERE number > ? AND number <= ? ORDER BY number"""
_COUNT = "SELECT count(*) FROM documents WHERE number > ? AND number <= ?"
_TOMBSTONES = "SELECT memory_id, row_version FROM tombstones WHERE scope = ? AND change > ?"


@dataclass(slots=True)
class _Counted:
    """A scope while it is written to: its number, its count of changes, and whether it has tombstones."""

    number: int
    before: int
    changes: int
    has_tombstones: bool = False


class EmbeddedIndex:
    """Vector and keyword search in one file. Safe to share between threads, and the file between processes.

    Nothing is opened before the first call. After an error the file is opened anew by the next call.
    """

    def __init__(self, path: Path, clock: Clock, cache_bytes: int = CACHE_BYTES) -> None:
        self._path = path
        self._clock = clock
        self._cache = ShelfCache(cache_bytes)
        self._reader = _Connection(path, clock)
        self._writer = _Connection(path, clock)

    def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
        """See the port."""
        if not changes:
            return
        # Stable: what is of one owner stays in its order. Together it also lies together in the file.
        ordered = sorted(changes, key=attrgetter("scope_key"))
        with self._writer.use() as (connection, hasher):
            rows = [(each.scope_key, encode(each, hasher) if isinstance(each, IndexDocument) else each) for each in ordered]
            with transaction(connection):
                for scope_key, of_scope in groupby(rows, itemgetter(0)):
                    scope = _scope_for_writing(connection, tenant_id, scope_key)
                    for _, row in of_scope:
                        if isinstance(row, Tombstone):
                            _bury(connection, scope, row)
                        else:
                            _put(connection, scope, row)
                    if scope.changes > scope.before:
                        connection.execute("UPDATE scopes SET changes = ? WHERE number = ?", (scope.changes, scope.number))
            if any(isinstance(change, Tombstone) for change in changes):
                # Also for tombstones that changed nothing: the process that wrote them may have died before this line.
                wipe(connection, self._clock)

    def search(self, scope: Scope, query: IndexQuery, overlay: Sequence[IndexDocument | Tombstone] = ()) -> SearchResult:
        """See the port. What changed since the last search is read, the rest is in memory."""
        shelves, hasher = self._shelves(scope, overlay)
        return embedded_ranking.search(shelves, query, hasher)

    def speakers(self, scope: Scope, names: Collection[str], overlay: Sequence[IndexDocument | Tombstone] = ()) -> frozenset[str]:
        """See the port."""
        shelves, hasher = self._shelves(scope, overlay)
        return embedded_ranking.speakers(shelves.values(), names, hasher)

    def _shelves(self, scope: Scope, overlay: Sequence[IndexDocument | Tombstone]) -> tuple[dict[str, Shelf], Hasher]:
        with self._reader.use() as (connection, hasher), transaction(connection, "DEFERRED"):
            shelves = {key: self._shelf(connection, scope.tenant_id, key) for key in scope.keys}
        for key in shelves if overlay else ():
            rows = [encode(each, hasher) for each in overlay if isinstance(each, IndexDocument) and each.scope_key == key]
            graves: dict[str, int] = {}
            for each in overlay:
                if isinstance(each, Tombstone) and each.scope_key == key:
                    graves[each.memory_id] = max(each.row_version, graves.get(each.memory_id, each.row_version))
            shelves[key] = shelves[key].changed(rows, graves, hasher, overlay=True)
        return shelves, hasher

    def versions(self, scope: Scope, memory_ids: Sequence[str]) -> Mapping[str, int]:
        """See the port."""
        highest: dict[str, int] = {}
        with self._reader.use() as (connection, _), transaction(connection, "DEFERRED"):
            for key in scope.keys:
                found = connection.execute(_SCOPE, (scope.tenant_id, key)).fetchone()
                if not found:
                    continue
                for memory_id in dict.fromkeys(memory_ids):
                    version = connection.execute(
                        """SELECT max(row_version) FROM (
                            SELECT row_version FROM held WHERE scope = ?1 AND memory_id = ?2
                            UNION ALL SELECT row_version FROM tombstones WHERE scope = ?1 AND memory_id = ?2)""",
                        (found[0], memory_id),
                    ).get
                    if version is not None:
                        highest[memory_id] = max(version, highest.get(memory_id, version))
        return highest

    def purge_tombstones(self, older_than_ms: int) -> int:
        """See the port. Scope keys that hold nothing any more go too: they name end users."""
        with self._writer.use() as (connection, _):
            with transaction(connection):
                connection.execute(
                    """UPDATE scopes SET rebuilt = rebuilt + 1
                    WHERE number IN (SELECT scope FROM tombstones WHERE recorded_at < ?)""",
                    (older_than_ms,),
                )
                connection.execute("DELETE FROM tombstones WHERE recorded_at < ?", (older_than_ms,))
                purged: int = connection.changes()
                connection.execute(
                    """DELETE FROM scopes WHERE NOT EXISTS (SELECT 1 FROM held WHERE scope = number)
                    AND NOT EXISTS (SELECT 1 FROM tombstones WHERE scope = number)"""
                )
            wipe(connection, self._clock)
        return purged

    def check(self) -> None:
        """See the port."""
        with self._reader.use() as (connection, _):
            connection.execute("SELECT count(*) FROM (SELECT 1 FROM scopes LIMIT 1)").fetchall()

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        self._reader.close()
        self._writer.close()

    def _shelf(self, connection: apsw.Connection, tenant_id: str, scope_key: str) -> Shelf:
        """Return the documents of a scope key as of this transaction, reading only what the process has not."""
        found = connection.execute(_SCOPE, (tenant_id, scope_key)).fetchone()
        if found is None:
            self._cache.drop((tenant_id, scope_key))
            return Shelf()
        now = Stamp(*found)
        held = self._cache.get((tenant_id, scope_key))
        if held and (held[0].number, held[0].rebuilt) != (now.number, now.rebuilt):
            held = None
        if held and held[0].changes >= now.changes:
            return held[1]
        seen = held[0].changes if held else 0
        first = now.number << SCOPE_BITS
        new = (first + seen, first + now.changes)
        rows = (Row(*columns) for columns in connection.execute(_DOCUMENTS, new))
        tombstones: dict[str, int] = dict(connection.execute(_TOMBSTONES, (now.number, seen)).fetchall())  # type: ignore[arg-type] # see the table
        if held:
            shelf = held[1].changed(list(rows), tombstones, self._reader.hasher).compacted()
        else:
            shelf = Shelf.of(rows, connection.execute(_COUNT, new).get, tombstones)
        self._cache.put((tenant_id, scope_key), now, shelf)
        return shelf


class _Connection:
    """One connection, used by one thread at a time, opened when first needed and again after an error."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._guard = Lock()
        self._open: apsw.Connection | None = None
        self._hasher: Hasher | None = None

    @property
    def hasher(self) -> Hasher:
        """The hasher of the file, once it is open."""
        if self._hasher is None:
            msg = "The file was never opened."
            raise RuntimeError(msg)
        return self._hasher

    @contextmanager
    def use(self) -> Iterator[tuple[apsw.Connection, Hasher]]:
        """Give the connection to this thread alone. Raises `IndexUnavailableError` for all that is wrong with the file."""
        with self._guard:
            try:
                with meaning_of_errors():
                    if self._open is None:
                        self._open = connect(self._path, self._clock)
                        self._hasher = Hasher(hash_key(self._open))
                    yield self._open, self.hasher
            except IndexUnavailableError:
                self._close()
                raise

    def close(self) -> None:
        """Close the connection."""
        with self._guard:
            self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
            self._open = None


def _scope_for_writing(connection: apsw.Connection, tenant_id: str, scope_key: str) -> _Counted:
    found = connection.execute(_WRITTEN_SCOPE, (tenant_id, scope_key)).fetchone()
    if found:
        number, changes, has_tombstones = found
        return _Counted(number, changes, changes, bool(has_tombstones))
    connection.execute("INSERT INTO scopes (tenant_id, scope_key, changes, rebuilt) VALUES (?, ?, 0, 0)", (tenant_id, scope_key))
    return _Counted(connection.last_insert_rowid(), 0, 0)


def _put(connection: apsw.Connection, scope: _Counted, row: Row) -> None:
    """Hold a document unless a tombstone or a document at least as new is there."""
    identity = memory_id, *_ = row.identity
    if _buried_at(connection, scope, memory_id) >= row.row_version:
        return
    number = (scope.number << SCOPE_BITS) + scope.changes + 1
    columns = (scope.number, *identity, row.row_version, number)
    connection.execute("INSERT INTO held VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", columns)
    if not connection.changes():
        there: tuple[int, int] = connection.execute(  # type: ignore[assignment] # see the table
            "SELECT row_version, document FROM held WHERE scope = ? AND memory_id = ? AND revision = ? AND chunk = ?", columns[:4]
        ).fetchall()[0]
        if there[0] >= row.row_version:
            return
        connection.execute("DELETE FROM documents WHERE number = ?", (there[1],))
        connection.execute("REPLACE INTO held VALUES (?, ?, ?, ?, ?, ?)", columns)
    connection.execute(
        "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?)",
        (number, memory_id, row.tier, row.model, row.facts, row.content),
    )
    scope.changes += 1


def _bury(connection: apsw.Connection, scope: _Counted, grave: Tombstone) -> None:
    """Hold a tombstone and empty the documents of its memory, unless a tombstone at least as new is there."""
    if _buried_at(connection, scope, grave.memory_id) >= grave.row_version:
        return
    those = (scope.number, grave.memory_id, grave.row_version)
    connection.execute(
        """DELETE FROM documents WHERE number IN (
            SELECT document FROM held WHERE scope = ? AND memory_id = ? AND row_version <= ?)""",
        those,
    )
    connection.execute("DELETE FROM held WHERE scope = ? AND memory_id = ? AND row_version <= ?", those)
    scope.changes += 1
    connection.execute("INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?, ?, ?)", (*those, grave.recorded_at, scope.changes))
    scope.has_tombstones = True


def _buried_at(connection: apsw.Connection, scope: _Counted, memory_id: str) -> int:
    """Return the version of the memory's tombstone; below every version when there is none."""
    if not scope.has_tombstones:
        return SMALLEST
    version: int | None = connection.execute(
        "SELECT row_version FROM tombstones WHERE scope = ? AND memory_id = ?", (scope.number, memory_id)
    ).get
    return SMALLEST if version is None else version
