"""What tables and index hold, in a form in which two runs can be compared: whole, but for ids and moments."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import apsw

from backend.index.embedded import EmbeddedIndex
from backend.index.fake import FakeIndex
from backend.index.in_memory import InMemoryIndex
from backend.index.ports import MemoryIndex
from backend.kit.clock import FakeClock
from backend.memories.documents import changes_for
from backend.memories.items import memory_of
from backend.memories.markers import PENDING, changes_of
from backend.memories.model import Memory
from backend.memories.ports import Seals
from tests.integration.faults.deployment import IDEMPOTENCY, MEMORIES, USAGE, Deployment

TABLES = (MEMORIES, IDEMPOTENCY, USAGE)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z")
_MEMORY = re.compile(r"mem_[0-9A-Z]{26}")
_OTHER_ID = re.compile(r"(clm|ev|fb)_[0-9A-Z]{26}")
_MOMENTS = {"created_at", "known_from", "valid_from", "recorded_at", "expires_at", "ttl"}
_EVERYTHING = (
    """SELECT tenant_id, scope_key, d.memory_id, revision, chunk, row_version, tier, model, facts, content
    FROM documents d JOIN held h ON h.document = d.number JOIN scopes s ON s.number = h.scope""",
    """SELECT tenant_id, scope_key, memory_id, row_version, recorded_at
    FROM tombstones t JOIN scopes s ON s.number = t.scope""",
)


class Indexes(Protocol):
    """A way to make indexes of one kind, and to look into them past their own code."""

    def new(self) -> MemoryIndex:
        """Return an empty one."""

    def contents(self, index: MemoryIndex) -> list[str]:
        """Return every document and every tombstone, whole, in an order of their own."""


class FakeIndexes:
    """Indexes in dictionaries."""

    def new(self) -> FakeIndex:
        return FakeIndex()

    def contents(self, index: MemoryIndex) -> list[str]:
        assert isinstance(index, InMemoryIndex)
        found = (
            repr((place, change))
            for place, shelf in index._shelves.items()
            for change in [*shelf.documents.values(), *shelf.tombstones.values()]
        )
        return sorted(found)


class EmbeddedIndexes:
    """Indexes in files. All begin as copies of one empty file and so hash words under one key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0
        self._files: dict[int, Path] = {}
        self._empty = folder / "empty.db"
        EmbeddedIndex(self._empty, FakeClock()).check()

    def new(self) -> EmbeddedIndex:
        self._made += 1
        path = self._folder / f"{self._made}.db"
        shutil.copy(self._empty, path)
        index = EmbeddedIndex(path, FakeClock())
        self._files[id(index)] = path
        return index

    def contents(self, index: MemoryIndex) -> list[str]:
        connection = apsw.Connection(str(self._files[id(index)]), flags=apsw.SQLITE_OPEN_READONLY)
        try:
            return sorted(repr(row) for query in _EVERYTHING for row in connection.execute(query))
        finally:
            connection.close()


def projected(indexes: Indexes, rows: Iterable[Memory]) -> list[str]:
    """Return what an index holds that was given these rows, once and in order, and nothing else."""
    index = indexes.new()
    for row in rows:
        index.write(row.tenant_id, changes_for(row))
    return indexes.contents(index)


def picture(deployment: Deployment, *, repeated_evidence: bool = False) -> dict[str, list[str]]:
    """Return all items of the tables, with names in the place of ids and moments; see `named`.

    With `repeated_evidence` a piece of evidence that is there several times counts once: an add without a key leaves one for
    each attempt.
    """
    name = named(deployment.rows())
    seals = deployment.seals
    found = {table: sorted(repr(_shown(item, seals, name)) for item in deployment.items(table)) for table in TABLES}
    if repeated_evidence:
        found[MEMORIES] = sorted(set(found[MEMORIES]))
    return found


def named(rows: Iterable[Memory]) -> Callable[[str], str]:
    """Return what gives each memory's id in a text its name: whose it is, what it says, and the how many-eth that says so."""
    names: dict[str, str] = {}
    counted: dict[tuple[str, str], int] = {}
    # Of those that say the same, what is forgotten comes first: ids of one moment have no order that two runs share.
    for row in sorted(rows, key=lambda row: (row.created_at, row.forgotten_at is None, row.memory_id)):
        said = (row.scope_key, row.text)
        counted[said] = counted.get(said, 0) + 1
        names[row.memory_id] = f"<{row.scope_key}: {row.text} {counted[said]}>"

    def name(text: str) -> str:
        text = _MOMENT.sub("<moment>", text)
        text = _MEMORY.sub(lambda match: names.get(match[0], "<nobody>"), text)
        return _OTHER_ID.sub(r"<\1>", text)

    return name


def _shown(item: dict[str, Any], seals: Seals, name: Callable[[str], str]) -> object:
    """Return the item with what is sealed in it opened: sealed twice, the same never looks the same."""
    shown = dict(item)
    if item["pk"].startswith(PENDING):
        shown["documents"] = [asdict(change) for change in changes_of(item, seals) or ()]
        shown.pop("traits", None)  # They are in the documents.
    elif "sealed" in item:
        shown["sealed"] = asdict(memory_of(item, seals))
    return _without_ids(shown, name)


def _without_ids(value: object, name: Callable[[str], str]) -> object:
    if isinstance(value, dict):
        plain = {key: "<moment>" if key in _MOMENTS and each else _without_ids(each, name) for key, each in value.items()}
        if isinstance(plain.get("due_pk"), str):
            # Which shard an id falls into is the id's.
            plain["due_pk"] = str(plain["due_pk"]).rpartition("#")[0]
        return sorted(plain.items())
    if isinstance(value, list | tuple):
        return [_without_ids(each, name) for each in value]
    if isinstance(value, datetime):
        return "<moment>"
    return name(value) if isinstance(value, str) else value
