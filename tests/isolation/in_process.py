"""The real handlers on a stand-in for AWS and the embedded index, with an eye on everything that a request does inside."""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from moto.dynamodb.models.table import Table

from backend.bootstrap import Container
from backend.embedding.fake import FakeEmbedder
from backend.index.embedded import EmbeddedIndex
from backend.index.model import IndexDocument, IndexQuery, SearchResult, Tombstone
from backend.index.ports import MemoryIndex
from backend.tenancy.scope import Scope
from infrastructure.template import ours
from tests.contract.tree.served_world import serving
from tests.isolation.document import Call
from tests.isolation.owners import Row
from tests.isolation.world import Answer, Asked, Trace
from tests.support.events import FakeLambdaContext, HttpAnswer, http_event
from tests.support.executors import AtOnce


class RecordingIndex:
    """`MemoryIndex` that remembers whose documents each question was for, and whose it saw."""

    def __init__(self, index: MemoryIndex) -> None:
        self._index = index
        self.asked: list[Asked] = []

    def search(self, scope: Scope, query: IndexQuery, overlay: Sequence[IndexDocument | Tombstone] = ()) -> SearchResult:
        """Search, and write down whose."""
        result = self._index.search(scope, query, overlay)
        held = (*result.hits, *result.around)
        found = frozenset({*(hit.scope_key for hit in held), *(change.scope_key for change in overlay)})
        self.asked.append(Asked(scope.tenant_id, tuple(scope.keys), found))
        return result

    def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
        """See the port."""
        self._index.write(tenant_id, changes)

    def speakers(self, scope: Scope, names: Collection[str], overlay: Sequence[IndexDocument | Tombstone] = ()) -> frozenset[str]:
        """Ask, and write down whose documents could have told."""
        self.asked.append(Asked(scope.tenant_id, tuple(scope.keys), frozenset(change.scope_key for change in overlay)))
        return self._index.speakers(scope, names, overlay)

    def versions(self, scope: Scope, memory_ids: Sequence[str]) -> Mapping[str, int]:
        """See the port."""
        return self._index.versions(scope, memory_ids)

    def purge_tombstones(self, older_than_ms: int) -> int:
        """See the port."""
        return self._index.purge_tombstones(older_than_ms)

    def check(self) -> None:
        """See the port."""
        self._index.check()


@dataclass
class TableCalls:
    """A plan of no faults, which remembers every string that a call carries in the place of a key's value."""

    keys: list[str] = field(default_factory=list)
    operations: list[str] = field(default_factory=list)

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Write it down; what is asked of tenants and their keys is remembered for a while, so how often says nothing."""
        keys = [*_strings(arguments)]
        if arguments.get("TableName") != "TenancyTable" and not any(key.startswith("D#") for key in keys):
            self.operations.append(operation)
        self.keys.extend(keys)

    def after(self, operation: str, arguments: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        """Leave the answer as it is."""
        del operation, arguments
        return answer


@dataclass
class InProcess:
    """`Door` to the handlers themselves."""

    container: Container
    index: RecordingIndex
    tables: TableCalls
    embedder: FakeEmbedder
    request_id: str = ""
    """Of the last request."""
    _at: tuple[int, int, int, int] = (0, 0, 0, 0)

    def send(self, call: Call) -> Answer:
        """Call the function of the operation's route as the gateway would."""
        self._at = self._marks()
        operation = call.operation
        body: object = call.body
        headers: dict[str, str] = {"content-type": "application/json"} if call.body is not None else {}
        if operation.is_form:
            body, headers["content-type"] = call.form
        for name, value in call.headers:
            # The gateway makes names lower and joins what came twice.
            headers[name.lower()] = f"{headers[name.lower()]},{value}" if name.lower() in headers else value
        event = http_event(operation.method, call.path, body, headers=headers, route=operation.route)
        event["rawQueryString"] = urlencode(call.query)
        self.request_id = uuid.uuid4().hex
        context = {**event["requestContext"], **call.context.get("requestContext", {}), "requestId": self.request_id}
        event = {**event, **call.context, "requestContext": context}
        answer = HttpAnswer.of(_handler_of(operation.route)(event, FakeLambdaContext()))
        return Answer(answer.status, answer.headers, answer.body)

    def operate(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Call the operators' function."""
        answer: dict[str, Any] = importlib.import_module("operators.administer").handler(dict(command), FakeLambdaContext())
        return answer

    def settle(self, rows: Sequence[Row]) -> None:
        """Project these rows."""
        self.container.projection.project([(row.owner.tenant, row.memory_id) for row in rows])

    def trace(self) -> Trace:
        """Return what the last request did inside."""
        asked, keys, calls, embedded = self._at
        return Trace(
            asked=tuple(self.index.asked[asked:]),
            keys=tuple(self.tables.keys[keys:]),
            operations=tuple(self.tables.operations[calls:]),
            embedded=len(self.embedder.calls) - embedded,
            request_id=self.request_id,
        )

    def _marks(self) -> tuple[int, int, int, int]:
        return len(self.index.asked), len(self.tables.keys), len(self.tables.operations), len(self.embedder.calls)


@contextmanager
def in_process(folder: Path) -> Iterator[InProcess]:
    """Serve every route with an index file in this folder."""
    with serving() as served, pytest.MonkeyPatch.context() as patch:
        # The stand-in copies a whole table three times for every transaction, item by item, to have it back when one fails.
        patch.setattr(Table, "__deepcopy__", _snapshot, raising=False)
        container = served.container
        embedded = EmbeddedIndex(folder / "index.db", container.clock)
        index, tables = RecordingIndex(embedded), TableCalls()
        container.index = index
        # The table service that is imitated here does one thing at a time.
        container.executor = container.table_threads = AtOnce()
        container.seam._faults = tables
        try:
            yield InProcess(container, index, tables, served.embedder)
        finally:
            embedded.close()


def _snapshot(table: Table, memo: object) -> Table:
    """Return the table as it is now: of its own are the places, not the items, which only an update changes where they are."""
    del memo
    copied = copy(table)
    copied.items = table.items.copy()
    for name, held in table.items.items():
        copied.items[name] = held.copy() if isinstance(held, dict) else held
    copied.stream_shard = copy(table.stream_shard)
    if copied.stream_shard is not None:
        copied.stream_shard.items = list(copied.stream_shard.items)
    return copied


@cache
def _handler_of(route: str) -> Any:
    wanted = tuple(route.split(" "))
    [function] = [each for each in ours() if wanted in each.routes]
    module, _, name = function.handler.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _strings(value: Any) -> Iterator[str]:
    """Yield the strings of a call's arguments that stand where DynamoDB's typed values do."""
    if isinstance(value, Mapping):
        for name, each in value.items():
            if name == "S" and isinstance(each, str):
                yield each
            else:
                yield from _strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)
