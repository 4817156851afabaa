"""Everything the product stands on, built on first use: what the composition root hands to the use cases.

Adapters are imported when they are first needed, so a cold start pays only for what its function uses.
"""

from __future__ import annotations

from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from backend.index.endpoint import HTTP, check_endpoint
from backend.kit.clock import Clock, SystemClock
from backend.kit.config import Settings, aws_endpoint, region
from backend.kit.cursors import Cursors
from backend.kit.errors import InternalError
from backend.kit.ids import Ids, UlidIds

if TYPE_CHECKING:
    from backend.audit.ports import AuditLog
    from backend.composing.ports import Tokenizer
    from backend.embedding.ports import Embedder
    from backend.encryption.ports import KeyStore
    from backend.encryption.sealing import Sealer
    from backend.extraction.ports import LanguageModel
    from backend.index.ports import MemoryIndex
    from backend.jobs.ports import JobStore
    from backend.kit.dynamodb import Seam, Table
    from backend.memories.policy_ports import PolicySource
    from backend.memories.ports import Extractor, MemoryStore, Parking, RequestLog
    from backend.state.ports import StateStore
    from backend.tenancy.pepper import TenantMacs
    from backend.tenancy.ports import Secrets, TenancyStore, Tokens
    from backend.transcripts.ports import TranscriptStore
    from backend.turns.ports import TurnStore
    from backend.usage.store import DynamoUsageStore

# ruff: noqa: PLC0415 - local imports are the point of this file

LOCAL_STAGE = "local"
BEDROCK = "bedrock:"
THREADS = 4
TABLE_THREADS = 26
"""The 51 scope keys of a caller without a project are two rounds. No thread begins before it is needed."""


class Adapters:
    """One of each adapter.

    Raises `InternalError` for a search endpoint that can never serve: nothing is to be accepted that no index could take.
    """

    def __init__(self, settings: Settings) -> None:
        if urlsplit(settings.search_endpoint).scheme in HTTP:
            check_endpoint(settings.search_endpoint)
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

    @cached_property
    def table_threads(self) -> Executor:
        """Threads that only call a table, side by side: none waits for another."""
        return ThreadPoolExecutor(TABLE_THREADS)

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

        usages, threads = self.usage_store, self.table_threads
        return DynamoMemoryStore(
            self.memories_table, self.macs, self.sealer, self.clock, self.ids, usages=usages, executor=threads
        )

    @cached_property
    def usage_store(self) -> DynamoUsageStore:
        """How often memories were returned."""
        from backend.usage.store import DynamoUsageStore

        return DynamoUsageStore(self._table(self.settings.usage_table))

    @cached_property
    def sealer(self) -> Sealer:
        """Encryption of what users write."""
        from secrets import token_bytes

        from backend.encryption.kms import KmsKeyService
        from backend.encryption.sealing import Sealer

        service = KmsKeyService(self.settings.data_key, region(), aws_endpoint())
        return Sealer(store=self.key_store, service=service, clock=self.clock, random_bytes=token_bytes)

    @cached_property
    def key_store(self) -> KeyStore:
        """The tenants' data keys, wrapped."""
        from backend.encryption.store import DynamoKeyStore

        return DynamoKeyStore(self.memories_table, self.ids)

    @cached_property
    def job_store(self) -> JobStore:
        """Jobs in the memories table."""
        from backend.jobs.store import DynamoJobStore

        return DynamoJobStore(self.memories_table, self.ids)

    @cached_property
    def state_table(self) -> Table:
        """Conversations, and what applications keep."""
        return self._table(self.settings.state_table)

    @cached_property
    def transcript_store(self) -> TranscriptStore:
        """What was said, in its order."""
        from backend.transcripts.store import DynamoTranscriptStore

        return DynamoTranscriptStore(self.state_table, self.macs, self.sealer, self.ids)

    @cached_property
    def turn_store(self) -> TurnStore:
        """What became of turns."""
        from backend.turns.store import DynamoTurnStore

        return DynamoTurnStore(self.state_table)

    @cached_property
    def state_store(self) -> StateStore:
        """Values under keys."""
        from backend.state.store import DynamoStateStore

        return DynamoStateStore(self.state_table, self.macs, self.sealer, self.ids)

    @cached_property
    def request_log(self) -> RequestLog:
        """What was asked under an idempotency key."""
        from backend.memories.requests import DynamoRequestLog

        return DynamoRequestLog(self._table(self.settings.idempotency_table), self.ids, self.clock)

    @cached_property
    def extractor(self) -> Extractor:
        """From what was said to what is remembered."""
        from backend.extraction.pipeline import Pipeline

        return Pipeline(lambda: self.language_model)

    @cached_property
    def policies(self) -> PolicySource:
        """What each tenant wants done with what it is told."""
        from backend.memories.policies import Policies

        return Policies(self.tenancy_store, self.clock)

    @cached_property
    def language_model(self) -> LanguageModel | None:
        """What may read texts besides the rules, as the settings name it; None where they name none."""
        named = self.settings.language_model
        if not named:
            return None
        if named.startswith(BEDROCK):
            from backend.extraction.bedrock_converse import BedrockLanguageModel

            return BedrockLanguageModel(named.removeprefix(BEDROCK), region=region())
        return self._endpoint_model(*named.partition("#")[::2])

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
    def tokenizer(self) -> Tokenizer:
        """How long a prompt is. Its vocabulary lies beside the embedding model."""
        from backend.composing.tiktoken_tokenizer import TiktokenTokenizer

        return TiktokenTokenizer(Path(self.settings.embedder_dir))

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

    def _endpoint_model(self, address: str, model: str) -> LanguageModel:
        """Return the model behind an endpoint that speaks OpenAI's protocol. Raises `InternalError` for no such address."""
        from backend.extraction.openai_compatible import OpenAiCompatibleModel

        try:
            # As for the index: plain http is for what runs beside one machine's stack.
            reachable = bool(model) and (urlsplit(address).scheme == "https" or self.is_local)
            without_key = OpenAiCompatibleModel(address, model) if reachable else None
        except ValueError:
            without_key = None
        if without_key is None:
            msg = f"LANGUAGE_MODEL names nothing that can be asked in the stage {self.settings.stage!r}: use bedrock:MODEL_ID or "
            msg += "https://host/v1#MODEL; on one machine also http://127.0.0.1:port/v1#MODEL."
            raise InternalError(msg)
        secret = self.settings.language_model_secret
        if not secret:
            return without_key
        from backend.extraction.keyed_model import KeyedLanguageModel
        from backend.tenancy.secrets_manager import read_secret

        return KeyedLanguageModel(
            model,
            lambda: read_secret(secret, region(), aws_endpoint()),
            lambda key: OpenAiCompatibleModel(address, model, api_key=key),
            self.clock,
        )

    def _jwt_tokens(self) -> Tokens:
        from backend.tenancy.jwks_http import HttpKeyFetcher
        from backend.tenancy.tokens import JwtTokens

        return JwtTokens(self.tenancy_store, HttpKeyFetcher(loopback_http=self.is_local), self.clock)

    def _table(self, name: str) -> Table:
        from backend.kit.dynamodb import Table

        return Table(name, self.seam)
