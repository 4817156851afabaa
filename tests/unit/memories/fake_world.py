"""The memories' use cases, and the projection, on fakes."""

from __future__ import annotations

from dataclasses import dataclass, field

from backend.embedding.fake import FakeEmbedder
from backend.extraction.fake import WholeTexts
from backend.index.fake import FakeIndex
from backend.kit.clock import FakeClock
from backend.kit.ids import FakeIds
from backend.memories.fake import FakeMemoryStore, FakeParking, FakePolicies
from backend.memories.fake_requests import FakeRequestLog
from backend.memories.ports import Extractor
from backend.memories.projection import Projection
from backend.memories.service import MemoryService
from tests.support.executors import AtOnce


@dataclass
class FakeWorld:
    """Everything that memories stand on, in memory, under one clock."""

    clock: FakeClock = field(default_factory=FakeClock)
    ids: FakeIds = field(default_factory=FakeIds)
    embedder: FakeEmbedder = field(default_factory=FakeEmbedder)
    index: FakeIndex = field(default_factory=FakeIndex)
    parking: FakeParking = field(default_factory=FakeParking)
    policies: FakePolicies = field(default_factory=FakePolicies)

    store_class: type[FakeMemoryStore] = FakeMemoryStore

    def __post_init__(self) -> None:
        self.store = self.store_class(self.clock)
        self.requests = FakeRequestLog(self.ids)
        self.memories = self.remembering()
        self.projection = self.projecting()

    def remembering(
        self,
        *,
        store: FakeMemoryStore | None = None,
        requests: FakeRequestLog | None = None,
        extractor: Extractor | None = None,
    ) -> MemoryService:
        """Return the use cases, with others in the place of the plain fakes."""
        return MemoryService(
            store=store or self.store,
            requests=requests or self.requests,
            extractor=extractor or WholeTexts(),
            embedder=self.embedder,
            policies=self.policies,
            clock=self.clock,
            ids=self.ids,
            executor=AtOnce(),
        )

    def projecting(self, *, index: FakeIndex | None = None, embedder: FakeEmbedder | None = None) -> Projection:
        """Return the projection, with another index or embedder in the place of the plain one."""
        return Projection(
            store=self.store,
            index=index or self.index,
            embedder=embedder or self.embedder,
            parking=self.parking,
            clock=self.clock,
        )
