"""The cases of the index contract, on a real OpenSearch that this session starts on a free port of loopback."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from backend.index.opensearch import OpenSearchIndex
from backend.index.opensearch_documents import Space
from backend.index.opensearch_engine import Engine, connect
from backend.kit.clock import SystemClock
from infrastructure.engines.opensearch import process
from infrastructure.search.indexes import Indexes
from infrastructure.search.mapping import Size

HERE = Path(__file__).parent
SMALL = Space("small/4", 4)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect these tests only when their folder is named: they need Java and Maven, which `make test` does without."""
    places = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
    is_named = any(HERE in (place, *place.parents) for place in places)
    return None if is_named or HERE not in (collection_path, *collection_path.parents) else True


def key_of(tenant_id: str) -> bytes:
    return sha256(tenant_id.encode()).digest()


class Cluster:
    """A real engine, and indexes of their own for each test."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.client = connect(url, region="us-east-1")
        self.engine = Engine(self.client, SystemClock())
        self._made: list[str] = []

    def name(self) -> str:
        self._made.append(f"t{uuid.uuid4().hex[:12]}")
        return self._made[-1]

    def index(self, space: Space = SMALL, name: str | None = None, **options: Any) -> OpenSearchIndex:
        name = name or self.name()
        Indexes(self.engine, name).create(space, Size())
        return OpenSearchIndex(self.engine, key_of, SystemClock(), name=name, **{"refresh": "true", **options})

    def clear(self) -> None:
        while self._made:
            self.engine.call("DELETE", f"/{self._made.pop()}-*")


@pytest.fixture(scope="session")
def engine_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Running]:
    folder = tmp_path_factory.mktemp("opensearch")
    running = process.start(folder)
    yield running
    process.stop(folder)


@pytest.fixture(scope="session")
def session_cluster(engine_process: process.Running) -> Iterator[Cluster]:
    cluster = Cluster(engine_process.url, engine_process.folder)
    yield cluster
    cluster.client.close()


@pytest.fixture
def cluster(session_cluster: Cluster) -> Iterator[Cluster]:
    yield session_cluster
    session_cluster.clear()


@pytest.fixture
def index(cluster: Cluster) -> OpenSearchIndex:
    """What the cases of tests/contract/index ask for, here on the real engine."""
    return cluster.index()
