"""A retrieval over fakes, with every kind of index, whose parts can be told to fail."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path

from backend.embedding.fake import FakeEmbedder
from backend.extraction.fake import WholeTexts
from backend.index.embedded import EmbeddedIndex
from backend.index.fake import FakeIndex
from backend.index.model import IndexDocument, IndexFilter, IndexQuery, SearchResult, Tombstone
from backend.index.ports import MemoryIndex
from backend.kit.clock import Clock, FakeClock, epoch_ms
from backend.kit.errors import IndexUnavailableError
from backend.kit.ids import FakeIds
from backend.memories.fake import FakeMemoryStore, FakeParking, FakePolicies
from backend.memories.fake_requests import FakeRequestLog
from backend.memories.model import Memory, Said
from backend.memories.projection import Projection
from backend.memories.service import MemoryService
from backend.retrieval.model import Found, Question, Weights
from backend.retrieval.service import RetrievalService
from backend.tenancy.scope import Scope
from backend.usage.model import Usage
from tests.unit.memories.samples import ACME

MAKERS: dict[str, Callable[[Path], MemoryIndex]] = {
    "fake": lambda _: FakeIndex(),
    "embedded": lambda folder: EmbeddedIndex(folder / "index.db", FakeClock()),
}


class CountingStore(FakeMemoryStore):
    """Counts the round trips for rows."""

    reads: tuple[int, ...] = ()

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.usage: dict[str, Usage] = {}

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Write down how many rows were asked for."""
        self.reads += (len(memory_ids),)
        return super().get_many(tenant_id, memory_ids)

    def get_many_used(self, tenant_id: str, memory_ids: Sequence[str]) -> tuple[dict[str, Memory], dict[str, Usage]]:
        """Answer with the usage that was laid in, in one round trip."""
        rows = self.get_many(tenant_id, memory_ids)
        return rows, {memory_id: self.usage[memory_id] for memory_id in rows if memory_id in self.usage}


class Switch:
    """An index that can be told to be down, whatever it is."""

    def __init__(self, index: MemoryIndex) -> None:
        self.index = index
        self.down = False

    def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
        """See the port."""
        self.check()
        self.index.write(tenant_id, changes)

    def search(self, scope: Scope, query: IndexQuery, overlay: Sequence[IndexDocument | Tombstone] = ()) -> SearchResult:
        """See the port."""
        self.check()
        return self.index.search(scope, query, overlay)

    def speakers(self, scope: Scope, names: Collection[str], overlay: Sequence[IndexDocument | Tombstone] = ()) -> frozenset[str]:
        """See the port."""
        self.check()
        return self.index.speakers(scope, names, overlay)

    def versions(self, scope: Scope, memory_ids: Sequence[str]) -> dict[str, int]:
        """See the port."""
        self.check()
        return dict(self.index.versions(scope, memory_ids))

    def purge_tombstones(self, older_than_ms: int) -> int:
        """See the port."""
        self.check()
        return self.index.purge_tombstones(older_than_ms)

    def check(self) -> None:
        """See the port."""
        if self.down:
            raise IndexUnavailableError
        self.index.check()


class World:
    """Adding, projecting and asking, on one clock."""

    def __init__(self, index: MemoryIndex, executor: Executor) -> None:
        self.clock = FakeClock()
        self.index = Switch(index)
        self.embedder = FakeEmbedder()
        self.store = CountingStore(self.clock)
        self.policies = FakePolicies()
        ids = FakeIds()
        self.memories = MemoryService(
            store=self.store,
            requests=FakeRequestLog(ids),
            extractor=WholeTexts(),
            embedder=self.embedder,
            policies=self.policies,
            clock=self.clock,
            ids=ids,
            executor=executor,
        )
        self.projection = Projection(
            store=self.store, index=self.index, embedder=self.embedder, parking=FakeParking(), clock=self.clock
        )
        self.retrieval = RetrievalService(
            rows=self.store,
            index=self.index,
            recent=FakeIndex,
            embedder=self.embedder,
            policies=self.policies,
            clock=self.clock,
            executor=executor,
        )

    def remember(self, *texts: str, scope: Scope = ACME, shown: bool = True, **changes: object) -> list[Memory]:
        """Add memories, one a second, and project them unless they shall stay pending."""
        added = []
        for text in texts:
            added.append(self.memories.add(scope, replace(Said(text), **changes)).memories[0])  # type: ignore[arg-type] # fields of Said
            self.clock.advance(seconds=1)
        if shown:
            self.project(*added)
        return added

    def project(self, *memories: Memory) -> None:
        """Let the stream do its work."""
        self.projection.project((each.tenant_id, each.memory_id) for each in memories)

    def ask(
        self,
        text: str,
        k: int = 5,
        scope: Scope = ACME,
        *,
        weights: Weights | None = None,
        explain: bool = False,
        **filters: object,
    ) -> Found:
        """Ask, as of now."""
        asked = IndexFilter(now=epoch_ms(self.clock.now()), **filters)  # type: ignore[arg-type] # fields of IndexFilter
        return self.retrieval.query(scope, Question(text, k, asked, weights or Weights(), explain))

    def texts(self, text: str, k: int = 5, scope: Scope = ACME, **filters: object) -> list[str]:
        """Return the texts of the answers, best first."""
        return [answer.memory.text for answer in self.ask(text, k, scope, **filters).answers]  # type: ignore[arg-type] # as above


def pending(world: World) -> list[tuple[str, IndexDocument | Tombstone]]:
    return [("acme", change) for change in world.store.pending(ACME)[0]]
