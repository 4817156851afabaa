"""What every memory store promises of how often its memories were returned."""

from __future__ import annotations

from backend.kit.clock import FakeClock
from backend.kit.dynamodb.limits import BATCH_GET_KEYS
from backend.memories.fake import FakeMemoryStore
from backend.memories.ports import USED_A_READ, MemoryStore
from backend.memories.store import DynamoMemoryStore
from backend.usage.model import Tally, Usage
from backend.usage.ports import UsageStore
from tests.contract.memories.memory_world import Calls, World
from tests.contract.memories.store_cases import added, forgotten
from tests.unit.memories.samples import NOW, memory, memory_id

ONCE = Tally(Usage(1, NOW), (b"12345678",), 1)


def usages(store: MemoryStore) -> UsageStore:
    assert isinstance(store, FakeMemoryStore | DynamoMemoryStore)
    return store.usages


def test_rows_come_with_the_usage_of_those_that_were_ever_returned(store: MemoryStore) -> None:
    first, second = memory(1), memory(2)
    for each in (first, second):
        added(store, each)
    usages(store).put(("acme", first.memory_id), ONCE)
    usages(store).put(("acme", memory_id(9)), ONCE)
    usages(store).put(("rival", second.memory_id), ONCE)

    rows, used = store.get_many_used("acme", [first.memory_id, second.memory_id, first.memory_id, memory_id(3)])

    assert set(rows) == {first.memory_id, second.memory_id}
    assert used == {first.memory_id: ONCE.usage}
    assert store.get_many_used("acme", []) == ({}, {})


def test_what_was_counted_of_a_memory_goes_when_the_index_knows_that_it_is_forgotten(store: MemoryStore) -> None:
    first, second = memory(1), memory(2)
    for each in (first, second):
        added(store, each)
        usages(store).put(("acme", each.memory_id), ONCE)
        store.settle(each)
    gone = forgotten(store, first)

    store.settle(gone)
    store.settle(gone)

    tallies = usages(store).tallies([("acme", first.memory_id), ("acme", second.memory_id)])
    assert tallies == {("acme", first.memory_id): Tally(is_gone=True), ("acme", second.memory_id): ONCE}


def test_what_was_counted_of_a_forgotten_memory_goes_too_when_it_is_put_aside(store: MemoryStore) -> None:
    first, second = memory(1), memory(2)
    for each in (first, second):
        added(store, each)
        usages(store).put(("acme", each.memory_id), ONCE)
    gone = forgotten(store, first)

    store.set_aside(gone)
    store.set_aside(second)
    store.set_aside(gone)

    tallies = usages(store).tallies([("acme", first.memory_id), ("acme", second.memory_id)])
    assert tallies == {("acme", first.memory_id): Tally(is_gone=True), ("acme", second.memory_id): ONCE}


def test_rows_and_usage_of_fifty_are_one_call(world: World, clock: FakeClock) -> None:
    calls = Calls()
    other = World(world.client, clock, calls)

    for count, times in ((1, 1), (USED_A_READ, 1), (USED_A_READ + 1, 2)):
        calls.made.clear()
        other.store.get_many_used("acme", [memory_id(number) for number in range(count)])
        assert calls.made == ["BatchGetItem"] * times

    assert 2 * USED_A_READ <= BATCH_GET_KEYS
