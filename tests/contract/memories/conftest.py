"""Every promise of the ports is held against the fakes and against the adapters on what stands for DynamoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from backend.kit.clock import FakeClock
from backend.kit.ids import FakeIds
from backend.memories.documents import documents_of
from backend.memories.fake import FakeMemoryStore
from backend.memories.fake_requests import FakeRequestLog
from backend.memories.items import row_item
from backend.memories.markers import marker_item
from backend.memories.model import Memory
from backend.memories.ports import MemoryStore, RequestLog
from backend.memories.store import DynamoMemoryStore
from backend.tenancy.model import Permission
from backend.tenancy.scope import Environment
from tests.contract.memories.memory_world import World, emulated, make_tables
from tests.contract.tree.served_world import Served, serving
from tests.support.tables import engine


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def served(clock: FakeClock) -> Iterator[Served]:
    with serving(clock) as world:
        yield world


@pytest.fixture
def owner(served: Served) -> str:
    return served.container.tenancy.create_key("acme", "owner", Environment.TEST, [Permission.ORG_ALL]).text


@pytest.fixture(scope="module")
def aws() -> Iterator[Any]:
    with emulated() as client:
        yield client


@pytest.fixture
def world(aws: Any, clock: FakeClock) -> World:
    make_tables()
    return World(aws, clock)


@pytest.fixture(params=["fake", engine()])
def store(request: pytest.FixtureRequest, clock: FakeClock) -> MemoryStore:
    if request.param == "fake":
        return FakeMemoryStore(clock)
    world: World = request.getfixturevalue("world")
    return world.store


@pytest.fixture
def fill(store: MemoryStore) -> Callable[[Sequence[Memory]], None]:
    """Store many memories without guards. Moto copies its tables for each transaction, so there they are put as they are."""
    if not isinstance(store, DynamoMemoryStore):

        def add(memories: Sequence[Memory]) -> None:
            for each in memories:
                store.add(each, documents_of(each), guarded=False)

        return add
    table, seals = store._table, store._seals

    def put(memories: Sequence[Memory]) -> None:
        for each in memories:
            table.put_many([row_item(each, seals), marker_item(each, documents_of(each), each.created_at, seals)])

    return put


@pytest.fixture(params=["fake", engine()])
def log(request: pytest.FixtureRequest) -> RequestLog:
    if request.param == "fake":
        return FakeRequestLog(FakeIds())
    world: World = request.getfixturevalue("world")
    return world.requests
