"""The product, put together by its own container, on a table service in memory, with a gate that every call passes."""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import pytest

from backend import bootstrap
from backend.bootstrap import Container
from backend.embedding.fake import FakeEmbedder
from backend.embedding.model import EmbeddingModel, Purpose, Vector
from backend.encryption.fake import FakeSeals
from backend.extraction.fake import WholeTexts
from backend.index.model import IndexDocument, IndexQuery, SearchResult, Tombstone
from backend.index.ports import MemoryIndex
from backend.kit.clock import FakeClock
from backend.kit.config import Settings
from backend.kit.dynamodb import Seam
from backend.kit.dynamodb.values import from_item
from backend.kit.errors import DependencyUnavailableError, EmbeddingUnavailableError, IndexUnavailableError
from backend.kit.ids import FakeIds
from backend.memories.fake import FakePolicies
from backend.memories.items import ROW, memory_of
from backend.memories.model import Memory
from backend.tenancy.fake import FakeSecrets
from backend.tenancy.scope import Scope
from tests.integration.faults.table_service import TableService
from tests.support.events import FakeLambdaContext, stream_event
from tests.support.executors import AtOnce
from tests.support.faults import Gate
from tests.support.tables import REGION

MEMORIES = "MemoriesTable"
IDEMPOTENCY = "IdempotencyTable"
USAGE = "UsageTable"

SETTINGS = Settings(
    stage="test",
    version="0.0.0",
    memories_table=MEMORIES,
    usage_table=USAGE,
    state_table="StateTable",
    idempotency_table=IDEMPOTENCY,
    tenancy_table="TenancyTable",
    audit_table="AuditTable",
    pepper_secret="none",
    data_key="none",
    parked_queue="none",
    access_queue="none",
    search_endpoint="none://in-memory",
    embedding_provider="local",
    embedder_dir="none",
    language_model="",
    language_model_secret="",
    log_level="INFO",
)


class Deployment:
    """All functions of the product over one state. Processes hold nothing, so one that died and one that took over are alike.

    `stream` holds the keys of every change of the memories table that nobody has taken from it yet.
    """

    def __init__(self, index: MemoryIndex, clock: FakeClock | None = None, dimension: int = 8) -> None:
        self.clock = clock or FakeClock()
        self.service = TableService(self.clock)
        self.gate = Gate(self._leave_over)
        self.embedder = FakeEmbedder(dimension)
        self.index = index
        self.parked: list[tuple[str, str, int, str]] = []
        self.seals = FakeSeals()
        self.container = Container(SETTINGS)
        seam = Seam(self.clock, REGION, faults=self.gate)
        seam._client = self.service  # type: ignore[assignment] # stands for botocore's client
        # Each is built on first use, so what is put there first is what everybody gets.
        self.container.__dict__.update(
            clock=self.clock,
            ids=FakeIds(),
            seam=seam,
            secrets=FakeSecrets(),
            executor=AtOnce(),
            table_threads=AtOnce(),
            extractor=WholeTexts(lines=True),
            sealer=self.seals,
            policies=FakePolicies(),
            embedder=GatedEmbedder(self.gate, self.embedder),
            index=GatedIndex(self.gate, index),
            parking=GatedParking(self.gate, self.parked),
        )

    @property
    def stream(self) -> list[dict[str, Any]]:
        """Keys of changed items, oldest first."""
        return [keys for table, keys in self.service.changes if table == MEMORIES]

    def taken(self) -> list[dict[str, Any]]:
        """Take everything from the stream."""
        found = self.stream
        self.service.changes.clear()
        return found

    def invoke(self, function: str, event: object) -> Any:
        """Call a function of the tree, such as `index.sweep_pending`, as Lambda does."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(bootstrap, "container", lambda: self.container)
            return importlib.import_module(function).handler(event, FakeLambdaContext())

    def project(self, keys: Sequence[Mapping[str, Any]] | None = None) -> None:
        """Let the stream's function see these records, or all that nobody took yet."""
        self.invoke("index.project_changes", stream_event(self.taken() if keys is None else keys))

    def sweep(self) -> int:
        """Do what happens every minute for the index; return how many rows it shows."""
        return int(self.invoke("index.sweep_pending", {})["projected"])

    def repair(self) -> int:
        """Do what happens every minute for vectors; return how many rows got theirs."""
        return int(self.invoke("lifecycle.repair_embeddings", {})["repaired"])

    def quiet(self, minutes: int = 3) -> None:
        """Let the stream be lost and the minutes pass: from here on only the schedules work."""
        self.service.changes.clear()
        self.service.let_indexes_catch_up()
        for _ in range(minutes):
            self.clock.advance(seconds=61)
            self.sweep()
            self.repair()

    def rows(self) -> list[Memory]:
        """Return every row there is, read past the code that is tested."""
        rows = [from_item(item) for key, item in self.service.rows[MEMORIES].items() if key[1] == ROW]
        return [memory_of(item, self.seals) for item in rows]

    def items(self, table: str = MEMORIES) -> list[dict[str, Any]]:
        """Return everything that a table holds."""
        return [from_item(item) for item in self.service.rows[table].values()]

    def _leave_over(self) -> None:
        self.service.takes_half = True


class GatedIndex:
    """An index whose every call passes the gate."""

    def __init__(self, gate: Gate, index: MemoryIndex) -> None:
        self._gate = gate
        self._index = index

    def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
        self._gate.call("index.write", lambda: self._index.write(tenant_id, changes), IndexUnavailableError)

    def search(self, scope: Scope, query: IndexQuery, overlay: Sequence[IndexDocument | Tombstone] = ()) -> SearchResult:
        return self._gate.call("index.search", lambda: self._index.search(scope, query, overlay), IndexUnavailableError)

    def speakers(self, scope: Scope, names: Collection[str], overlay: Sequence[IndexDocument | Tombstone] = ()) -> frozenset[str]:
        asked = partial(self._index.speakers, scope, names, overlay)
        return self._gate.call("index.speakers", asked, IndexUnavailableError)

    def versions(self, scope: Scope, memory_ids: Sequence[str]) -> Mapping[str, int]:
        return self._gate.call("index.versions", lambda: self._index.versions(scope, memory_ids), IndexUnavailableError)

    def purge_tombstones(self, older_than_ms: int) -> int:
        return self._gate.call("index.purge", lambda: self._index.purge_tombstones(older_than_ms), IndexUnavailableError)

    def check(self) -> None:
        self._gate.call("index.check", self._index.check, IndexUnavailableError)


class GatedEmbedder:
    """An embedder whose every call passes the gate."""

    def __init__(self, gate: Gate, embedder: FakeEmbedder) -> None:
        self._gate = gate
        self._embedder = embedder

    @property
    def model(self) -> EmbeddingModel:
        return self._embedder.model

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        return self._gate.call("embedder.embed", lambda: self._embedder.embed(texts, purpose), EmbeddingUnavailableError)


class GatedParking:
    """A queue for parked rows, in a list, whose every call passes the gate."""

    def __init__(self, gate: Gate, parked: list[tuple[str, str, int, str]]) -> None:
        self._gate = gate
        self._parked = parked

    def park(self, tenant_id: str, memory_id: str, row_version: int, reason: str) -> None:
        entry = (tenant_id, memory_id, row_version, reason)
        self._gate.call("parking.park", lambda: self._parked.append(entry), DependencyUnavailableError)
