"""The composition root: the one place that knows every adapter.

Adapters are imported when they are first needed, so a cold start pays only for what its function uses. Tests hand in
a container of their own.
"""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from backend.kit.clock import Clock, SystemClock
from backend.kit.config import Settings, aws_endpoint, region, settings
from backend.kit.cursors import Cursors
from backend.kit.errors import InternalError
from backend.kit.ids import Ids, UlidIds

if TYPE_CHECKING:
    from backend.audit.ports import AuditLog
    from backend.embedding.ports import Embedder
    from backend.index.ports import MemoryIndex
    from backend.kit.dynamodb import Seam, Table
    from backend.memories.ports import Extractor, MemoryStore, Parking, RequestLog
    from backend.memories.projection import Projection
    from backend.memories.service import MemoryService
    from backend.retrieval.service import RetrievalService
    from backend.tenancy.access import Access
    from backend.tenancy.pepper import TenantMacs
    from backend.tenancy.ports import Secrets, TenancyStore, Tokens
    from backend.tenancy.service import Tenancy

# ruff: noqa: PLC0415 - local imports are the point of this file

LOCAL_STAGE = "local"
BEDROCK = "bedrock:"
THREADS = 4


class Container:
    """One of everything, built on first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def clock(self) -> Clock:
        """Time."""
        return SystemClock()

    @cached_property
    def ids(self) -> Ids:
        """New ids."""
        return UlidIds(self.clock)

    @cached_property
    def executor(self) -> Executor:
        """Threads for what can be done side by side."""
        return ThreadPoolExecutor(THREADS)

    # Use cases

    @cached_property
    def memories(self) -> MemoryService:
        """Adding, reading, listing, forgetting."""
        from backend.memories.service import MemoryService

        return MemoryService(
            store=self.memory_store,
            requests=self.request_log,
            extractor=self.extractor,
            embedder=self.embedder,
            clock=self.clock,
            ids=self.ids,
        )

    @cached_property
    def retrieval(self) -> RetrievalService:
        """Asking."""
        from backend.index.in_memory import InMemoryIndex
        from backend.retrieval.service import RetrievalService

        return RetrievalService(
            rows=self.memory_store,
            index=self.index,
            recent=InMemoryIndex(),
            embedder=self.embedder,
            clock=self.clock,
            executor=self.executor,
        )

    @cached_property
    def projection(self) -> Projection:
        """Keeping the index true."""
        from backend.memories.projection import Projection

        return Projection(
            store=self.memory_store, index=self.index, embedder=self.embedder, parking=self.parking, clock=self.clock
        )

    @cached_property
    def access(self) -> Access:
        """Who may come in."""
        from backend.tenancy.access import Access

        return Access(
            store=self.tenancy_store,
            secrets=self.secrets,
            tokens=self.tokens,
            audit=self.audit,
            clock=self.clock,
            ids=self.ids,
        )

    @cached_property
    def tenancy(self) -> Tenancy:
        """What operators do."""
        from secrets import token_bytes

        from backend.tenancy.service import Tenancy

        return Tenancy(
            store=self.tenancy_store,
            secrets=self.secrets,
            tokens=self.tokens,
            audit=self.audit,
            clock=self.clock,
            ids=self.ids,
            random_bytes=token_bytes,
            loopback_http=self.is_local,
        )

    # Adapters

    @property
    def is_local(self) -> bool:
        """Tell whether this runs on one machine, for whoever sits at it."""
        return self.settings.stage == LOCAL_STAGE

    @cached_property
    def seam(self) -> Seam:
        """The way to every table."""
        from backend.kit.dynamodb import Seam

        return Seam(self.clock, region(), aws_endpoint())

    @cached_property
    def memories_table(self) -> Table:
        """The record of truth."""
        return self._table(self.settings.memories_table)

    @cached_property
    def memory_store(self) -> MemoryStore:
        """Rows of the memories table."""
        from backend.memories.store import DynamoMemoryStore

        return DynamoMemoryStore(self.memories_table, self.macs, self.clock, self.ids)

    @cached_property
    def request_log(self) -> RequestLog:
        """What was asked under an idempotency key."""
        from backend.memories.requests import DynamoRequestLog

        return DynamoRequestLog(self._table(self.settings.idempotency_table), self.ids, self.clock)

    @cached_property
    def extractor(self) -> Extractor:
        """From what was said to what is remembered."""
        from backend.extraction.verbatim import VerbatimExtractor

        return VerbatimExtractor()

    @cached_property
    def embedder(self) -> Embedder:
        """Text to vector, by the provider that the settings name."""
        provider = self.settings.embedding_provider
        if provider.startswith(BEDROCK):
            from backend.embedding.bedrock import BedrockEmbedder

            return BedrockEmbedder(provider.removeprefix(BEDROCK))
        from backend.embedding.minilm import MiniLmEmbedder

        # On one machine all workers share one copy of the weights; a Lambda has its memory for itself and wants the speed.
        return MiniLmEmbedder(Path(self.settings.embedder_dir), share_weights=self.is_local)

    @cached_property
    def index(self) -> MemoryIndex:
        """The index that the settings name."""
        endpoint = urlsplit(self.settings.search_endpoint)
        if endpoint.scheme == "file":
            from backend.index.embedded import EmbeddedIndex

            return EmbeddedIndex(Path(unquote(endpoint.path)), self.clock)
        if endpoint.scheme == "https" or (endpoint.scheme == "http" and self.is_local):
            from backend.index.opensearch import OpenSearchIndex
            from backend.index.opensearch_engine import Engine, connect

            engine = Engine(connect(self.settings.search_endpoint, region=region()), self.clock)
            return OpenSearchIndex(engine, lambda tenant_id: self.macs.of(tenant_id).derived("index"), self.clock)
        # Plain http carries neither a proof of who answers nor a signature: for an engine beside one machine's stack alone.
        msg = f"SEARCH_ENDPOINT has no adapter for {endpoint.scheme!r} in the stage {self.settings.stage!r}: "
        msg += "use https://domain; on one machine also file:///path or http://127.0.0.1:port."
        raise InternalError(msg)

    @cached_property
    def parking(self) -> Parking:
        """Where rows go that cannot be projected."""
        from backend.memories.parking import SqsParking

        return SqsParking(self.settings.parked_queue, region(), aws_endpoint())

    @cached_property
    def tenancy_store(self) -> TenancyStore:
        """Tenants, projects, keys."""
        from backend.tenancy.store import DynamoTenancyStore

        return DynamoTenancyStore(self._table(self.settings.tenancy_table), self.ids)

    @cached_property
    def tokens(self) -> Tokens:
        """Bearer tokens. What reads them is loaded with the first one: callers with keys need not pay for it."""
        from backend.tenancy.late_tokens import LateTokens

        return LateTokens(self._jwt_tokens)

    @cached_property
    def secrets(self) -> Secrets:
        """The pepper."""
        from backend.tenancy.secrets_manager import SecretsManagerSecrets

        return SecretsManagerSecrets(self.settings.pepper_secret, region(), aws_endpoint())

    @cached_property
    def macs(self) -> TenantMacs:
        """Each tenant's keyed digests."""
        from backend.tenancy.pepper import TenantMacs

        return TenantMacs(self.secrets)

    @cached_property
    def audit(self) -> AuditLog:
        """Who did what."""
        from backend.audit.store import DynamoAuditLog

        return DynamoAuditLog(
            self._table(self.settings.audit_table), lambda tenant_id: self.macs.of(tenant_id).derived("audit"), self.ids
        )

    def cursors(self, tenant_id: str) -> Cursors:
        """Issue and read a tenant's cursors."""
        return Cursors(self.macs.of(tenant_id).derived("cursors"))

    def _jwt_tokens(self) -> Tokens:
        from backend.tenancy.jwks_http import HttpKeyFetcher
        from backend.tenancy.tokens import JwtTokens

        return JwtTokens(self.tenancy_store, HttpKeyFetcher(loopback_http=self.is_local), self.clock)

    def _table(self, name: str) -> Table:
        from backend.kit.dynamodb import Table

        return Table(name, self.seam)


@cache
def container() -> Container:
    """Return this process's container."""
    return Container(settings())
