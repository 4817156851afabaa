"""The real handlers on the real container: DynamoDB, Secrets Manager and KMS by moto, with an index and an embedder in memory."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import pytest

from backend import bootstrap
from backend.bootstrap import Container
from backend.composing.fake import FakeTokenizer
from backend.embedding.fake import FakeEmbedder
from backend.index.fake import FakeIndex
from backend.kit.clock import Clock
from backend.kit.config import settings
from backend.tenancy.model import Permission, ScopeMode
from backend.tenancy.scope import Environment
from backend.usage.fake import FakeRecording
from infrastructure.template import ours
from tests.support.events import JSON, FakeLambdaContext, HttpAnswer, http_event
from tests.support.executors import AtOnce
from tests.support.tables import REGION, aws

PEPPER = "pepper"
ENVIRONMENT = {
    "STAGE": "test",
    "VERSION": "0.0.0",
    "MEMORIES_TABLE": "MemoriesTable",
    "USAGE_TABLE": "UsageTable",
    "STATE_TABLE": "StateTable",
    "IDEMPOTENCY_TABLE": "IdempotencyTable",
    "TENANCY_TABLE": "TenancyTable",
    "AUDIT_TABLE": "AuditTable",
    "PEPPER_SECRET": PEPPER,
    "DATA_KEY": "",
    "PARKED_QUEUE": "none",
    "ACCESS_QUEUE": "none",
    "SEARCH_ENDPOINT": "none://in-memory",
    "EMBEDDING_PROVIDER": "local",
    "EMBEDDER_DIR": "none",
    "LANGUAGE_MODEL": "",
    "LANGUAGE_MODEL_SECRET": "",
    "LOG_LEVEL": "INFO",
}


@dataclass
class Served:
    """Every route of the template, called as the gateway calls it."""

    container: Container
    index: FakeIndex
    embedder: FakeEmbedder
    key: str
    reader_key: str
    compat_key: str

    def call(  # noqa: PLR0913 - one word for each part of a request
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        route: str = "",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        key: str | None = None,
    ) -> HttpAnswer:
        """Send a request by the user u1 to the function of its route (`METHOD PATH`, or `$default`)."""
        route = route or f"{method} {path}"
        named = {"x-api-key": key if key is not None else self.key, "x-end-user-id": "u1", **JSON, **(headers or {})}
        event = http_event(method, path, body, headers={n: v for n, v in named.items() if v}, query=query, route=route)
        return HttpAnswer.of(_handler_of(route)(event, FakeLambdaContext()))

    def add(self, text: str, **more: Any) -> HttpAnswer:
        """Add a memory."""
        headers = more.pop("headers", None)
        return self.call("POST", "/memory/add", {"text": text, **more}, headers=headers)


@contextmanager
def serving(clock: Clock | None = None) -> Iterator[Served]:
    """Put the container that the handlers ask for on moto and fakes, with a tenant, a project and keys."""
    with aws(), pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("AWS_REGION", REGION)
        boto3.client("secretsmanager", region_name=REGION).create_secret(Name=PEPPER, SecretString="p" * 64)
        key = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]
        patch.setenv("DATA_KEY", key["Arn"])
        _forget_the_container()
        container = bootstrap.container()
        if clock:
            container.clock = clock
        index, embedder = FakeIndex(), FakeEmbedder()
        # Each is built on first use, so what is put there first is what everybody gets.
        container.index, container.embedder = index, embedder
        # The table service that is imitated here does one thing at a time.
        container.executor = container.table_threads = AtOnce()
        container.recording = FakeRecording(container.ids)
        container.tokenizer = FakeTokenizer()
        try:
            yield Served(container, index, embedder, *_keys(container))
        finally:
            container.executor.shutdown()
            _forget_the_container()


def _keys(container: Container) -> tuple[str, str, str]:
    tenancy = container.tenancy
    tenancy.create_tenant("Acme", ScopeMode.STRICT, "acme")
    tenancy.create_tenant("Oldco", ScopeMode.COMPAT, "oldco")
    tenancy.create_project("acme", "Support", "support")
    everything, read_only = [Permission.MEMORY_ALL], [Permission.MEMORY_READ]
    return (
        tenancy.create_key("acme", "all", Environment.TEST, everything, project_id="support").text,
        tenancy.create_key("acme", "reads", Environment.TEST, read_only).text,
        tenancy.create_key("oldco", "all", Environment.TEST, everything).text,
    )


@cache
def _handler_of(route: str) -> Any:
    method, _, path = route.partition(" ")
    wanted = (method, path) if path else ("ANY", method)
    [function] = [each for each in ours() if wanted in each.routes]
    module, _, name = function.handler.rpartition(".")
    return getattr(importlib.import_module(module), name)


def _forget_the_container() -> None:
    bootstrap.container.cache_clear()
    settings.cache_clear()
