"""The index file: its tables, how it is opened, and what its errors mean."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import apsw

from backend.index.embedded_layout import PAGE_BYTES
from backend.kit.clock import Clock
from backend.kit.errors import IndexUnavailableError

VERSION = 4
"""`PRAGMA user_version`: the layout that this release reads and writes."""

APPLICATION = 0x4D53_4958
"""`PRAGMA application_id`: "MSIX", so that no other program's file is taken for an index."""

SCOPE_BITS = 32
"""A document's number is its scope's number, then these bits of the scope's count of changes: one scope lies together."""

_LOG_PAGES = 16_000
"""The log is brought into the file at 16 MB: bulk loads are a fifth faster than with SQLite's 1,000 pages."""

_PATIENCE_SECONDS = 30.0
_PAUSE_SECONDS = 0.002
_WIPING_PATIENCE_SECONDS = 10.0

_TABLES = """
CREATE TABLE scopes (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- never given twice: caches go by it
    tenant_id TEXT NOT NULL,
    scope_key TEXT NOT NULL,
    changes INTEGER NOT NULL, -- grows with each document or tombstone taken in
    rebuilt INTEGER NOT NULL, -- grows when something went away that `changes` does not tell
    UNIQUE (tenant_id, scope_key)
) STRICT;
CREATE TABLE documents (
    number INTEGER PRIMARY KEY,
    memory_id TEXT NOT NULL,
    tier TEXT NOT NULL,
    model TEXT,
    facts BLOB NOT NULL,
    content BLOB NOT NULL -- the last column: embedded_layout
) STRICT;
CREATE TABLE held (
    scope INTEGER NOT NULL,
    memory_id TEXT NOT NULL,
    revision INTEGER NOT NULL,
    chunk INTEGER NOT NULL,
    row_version INTEGER NOT NULL,
    document INTEGER NOT NULL,
    PRIMARY KEY (scope, memory_id, revision, chunk)
) STRICT, WITHOUT ROWID;
CREATE TABLE tombstones (
    scope INTEGER NOT NULL,
    memory_id TEXT NOT NULL,
    row_version INTEGER NOT NULL,
    recorded_at INTEGER NOT NULL,
    change INTEGER NOT NULL,
    PRIMARY KEY (scope, memory_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_by_change ON tombstones (scope, change);
CREATE TABLE secret (key BLOB NOT NULL) STRICT;
"""

_MEANINGS: tuple[tuple[type[apsw.Error], str], ...] = (
    (apsw.NotADBError, "The index file is not an index. Move it away: a new one is filled by projecting the table again."),
    (apsw.CorruptError, "The index file is damaged. Move it away: a new one is filled by projecting the table again."),
    (apsw.FullError, "The disk that holds the index file is full."),
    (apsw.CantOpenError, "The index file cannot be opened: its folder must exist and be writable."),
    (apsw.ReadOnlyError, "The index file cannot be written: the process lacks the permission."),
    (apsw.PermissionsError, "The index file cannot be used: the process lacks the permission."),
    (apsw.BusyError, "The index file was locked by another process for too long."),
    (apsw.LockedError, "The index file was locked for too long."),
    (apsw.ProtocolError, "The index file was locked by another process for too long."),
    (apsw.IOError, "The disk that holds the index file failed to read or write."),
    (apsw.NoMemError, "There is not enough memory to read the index file."),
)


def connect(path: Path, clock: Clock) -> apsw.Connection:
    """Return a connection to the index file, made first if there is none.

    Readers are never blocked (write-ahead log). A commit is on the disk when it returns (`synchronous=FULL`), so neither a
    killed process nor a power cut takes back what was acknowledged. What is deleted is overwritten (embedded_layout).
    Raises `IndexUnavailableError`, also for a file of another release.
    """
    with meaning_of_errors():
        connection = apsw.Connection(str(path))
        try:
            _prepare(connection, clock)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def meaning_of_errors() -> Iterator[None]:
    """Turn what is wrong with the file into `IndexUnavailableError`; what is wrong with our statements stays as it is."""
    try:
        yield
    except tuple(kind for kind, _ in _MEANINGS) as error:
        detail = next(sentence for kind, sentence in _MEANINGS if isinstance(error, kind))
        raise IndexUnavailableError(detail) from error


@contextmanager
def transaction(connection: apsw.Connection, how: str = "IMMEDIATE") -> Iterator[None]:
    """Everything inside happens, or nothing. Never a read first and a write later: that is refused under load."""
    connection.execute(f"BEGIN {how}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def wipe(connection: apsw.Connection, clock: Clock) -> None:
    """Bring every page into the file and empty the log: until then the log still has what was deleted.

    Raises `IndexUnavailableError` when readers or writers of other processes do not let go in time.
    """
    pauses = count()
    wait = _waiting(clock, _WIPING_PATIENCE_SECONDS)

    def wait_in_all(_: int = 0) -> bool:
        return wait(next(pauses))

    connection.set_busy_handler(wait_in_all)
    try:
        # SQLite asks the handler to wait for readers and writers, but not for another's checkpoint: that we do ourselves.
        while connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone() != (0, 0, 0):
            if not wait_in_all():
                break
        else:
            return
    finally:
        connection.set_busy_handler(_waiting(clock, _PATIENCE_SECONDS))
    msg = "The index file is in use: what was forgotten is not found any more, but not yet overwritten. Repeat the request."
    raise IndexUnavailableError(msg)


def hash_key(connection: apsw.Connection) -> bytes:
    """Return the random key that words are hashed under in this file."""
    key: bytes = connection.execute("SELECT key FROM secret").get
    return key


def _prepare(connection: apsw.Connection, clock: Clock) -> None:
    connection.set_busy_handler(_waiting(clock, _PATIENCE_SECONDS))
    connection.execute("PRAGMA secure_delete=ON; PRAGMA temp_store=MEMORY; PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
    with transaction(connection, "DEFERRED"):  # one look: another process may be making it just now
        is_ours = _is_ours(connection)
    if is_ours:
        return
    connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
    _use_log(connection, clock)
    with transaction(connection):
        if not _is_ours(connection):  # another process may have been first
            connection.execute(_TABLES)
            connection.execute("INSERT INTO secret VALUES (?)", (secrets.token_bytes(32),))
            connection.execute(f"PRAGMA application_id={APPLICATION}; PRAGMA user_version={VERSION}")


def _use_log(connection: apsw.Connection, clock: Clock) -> None:
    """Switch to the write-ahead log. SQLite does not wait for others here, so we do."""
    waiting = _waiting(clock, _PATIENCE_SECONDS)
    attempt = 0
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except apsw.BusyError:
            attempt += 1
            if not waiting(attempt):
                raise
        else:
            return


def _is_ours(connection: apsw.Connection) -> bool:
    """Tell whether the file is an index that we read; False when it is new. Raises `IndexUnavailableError` otherwise."""
    application = connection.pragma("application_id")
    version = connection.pragma("user_version")
    if application == APPLICATION and version == VERSION:
        return True
    if application == APPLICATION:
        msg = f"The index file has layout {version}; this release reads {VERSION}. Name a new file: projecting fills it."
        raise IndexUnavailableError(msg)
    if version or application or connection.execute("SELECT count(*) FROM sqlite_schema").get:
        msg = "The index file belongs to another program. Name another file."
        raise IndexUnavailableError(msg)
    return False


def _waiting(clock: Clock, seconds: float) -> Callable[[int], bool]:
    """Return a busy handler that tries often and evenly: SQLite's own waits longer each time, and the last one starves."""
    most = seconds / _PAUSE_SECONDS

    def wait(attempt: int) -> bool:
        if attempt >= most:
            return False
        clock.sleep(_PAUSE_SECONDS)
        return True

    return wait
