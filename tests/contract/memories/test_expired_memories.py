"""What has expired is gone at once, and removed within minutes; nothing is removed before its time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.kit.clock import FakeClock
from backend.memories.documents import changes_for
from backend.memories.expiry import Expiry
from backend.memories.fake import FakeMemoryStore
from backend.memories.model import WAITING, Changes, Memory, State
from backend.memories.ports import MemoryStore
from tests.contract.memories.memory_world import World
from tests.contract.memories.store_cases import added, forgotten
from tests.unit.memories.samples import ACME, NOW, RIVAL, VECTOR, memory

HOUR = timedelta(hours=1)


@pytest.fixture
def expiry(store: MemoryStore, clock: FakeClock) -> Expiry:
    return Expiry(store=store, clock=clock)


def state_of(store: MemoryStore, each: Memory) -> State:
    row = store.get(each.tenant_id, each.memory_id)
    assert row is not None
    return row.state


def test_only_what_expired_before_the_moment_is_named_oldest_first(store: MemoryStore) -> None:
    first = added(store, memory(1, expires_at=NOW + HOUR))
    second = added(store, memory(2, RIVAL, expires_at=NOW + 2 * HOUR))
    added(store, memory(3, expires_at=NOW + 3 * HOUR))
    added(store, memory(4))

    found = store.expired(NOW + 2 * HOUR + timedelta(seconds=1), 10)

    assert found == [("acme", first.memory_id), ("rival", second.memory_id)]
    assert store.expired(NOW + 2 * HOUR + timedelta(seconds=1), 1) == found[:1]
    assert store.expired(NOW + HOUR, 10) == []


def test_what_is_forgotten_is_not_named_again(store: MemoryStore) -> None:
    forgotten(store, added(store, memory(1, expires_at=NOW + HOUR)))

    assert store.expired(NOW + 2 * HOUR, 10) == []


@pytest.mark.parametrize("state", sorted(WAITING))
def test_what_waits_for_a_decision_expires_too(store: MemoryStore, expiry: Expiry, clock: FakeClock, state: State) -> None:
    waiting = added(store, memory(1, state=state, expires_at=NOW + HOUR))
    clock.advance(hours=2)

    assert expiry.sweep() == 1
    assert state_of(store, waiting) is State.FORGOTTEN


def test_the_sweep_forgets_what_has_expired_and_leaves_a_tombstone(store: MemoryStore, expiry: Expiry, clock: FakeClock) -> None:
    gone, later, stays = (
        added(store, memory(n, expires_at=when)) for n, when in ((1, NOW + HOUR), (2, NOW + 3 * HOUR), (3, None))
    )
    clock.advance(hours=2)

    assert expiry.sweep() == 1

    row = store.get("acme", gone.memory_id)
    assert row is not None
    assert (row.state, row.forgotten_at, row.revision) == (State.FORGOTTEN, clock.now(), 1)
    assert state_of(store, later) is state_of(store, stays) is State.ACTIVE
    assert changes_for(row)[0] in store.pending(ACME)[0]
    assert expiry.sweep() == 0


def test_a_late_clock_removes_nothing_early(store: MemoryStore, clock: FakeClock) -> None:
    each = added(store, memory(1, expires_at=NOW + HOUR))
    clock.advance(hours=2)
    late = Expiry(store=store, clock=FakeClock(NOW + HOUR - timedelta(milliseconds=1)))

    assert late.sweep() == 0
    assert state_of(store, each) is State.ACTIVE


class PutOff:
    """A store in which somebody prolongs every row just after it was named."""

    def __init__(self, store: MemoryStore, by: timedelta) -> None:
        self._store, self._by = store, by

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def expired(self, before: object, limit: int) -> list[tuple[str, str]]:
        """Name them, then prolong them."""
        found = self._store.expired(before, limit)  # type: ignore[arg-type]  # handed on as it came
        for tenant_id, memory_id in found:
            row = self._store.get(tenant_id, memory_id)
            assert row is not None
            longer = row.changed(row.updated_at, expires_at=NOW + self._by)
            self._store.replace(longer, changes_for(longer))
        return found


def test_what_is_given_more_time_while_the_sweep_runs_stays(store: MemoryStore, clock: FakeClock) -> None:
    each = added(store, memory(1, expires_at=NOW + HOUR))
    clock.advance(hours=2)
    meanwhile: MemoryStore = PutOff(store, 3 * HOUR)  # type: ignore[assignment]  # it has all of the store's methods

    assert Expiry(store=meanwhile, clock=clock).sweep() == 0
    assert state_of(store, each) is State.ACTIVE


class Quicker(PutOff):
    """A store in which somebody changes every row between reading and writing."""

    def expired(self, before: object, limit: int) -> list[tuple[str, str]]:
        """Name them, as they are."""
        return self._store.expired(before, limit)  # type: ignore[arg-type]  # handed on as it came

    def replace(self, each: Memory, changes: Changes) -> None:
        """Be too late."""
        row = self._store.get(each.tenant_id, each.memory_id)
        assert row is not None
        other = row.changed(row.updated_at, expires_at=NOW + self._by)
        self._store.replace(other, changes_for(other))
        self._store.replace(each, changes)


def test_what_is_given_more_time_at_the_last_moment_stays_and_is_not_counted(store: MemoryStore, clock: FakeClock) -> None:
    each = added(store, memory(1, expires_at=NOW + HOUR))
    clock.advance(hours=2)
    meanwhile: MemoryStore = Quicker(store, 3 * HOUR)  # type: ignore[assignment]  # it has all of the store's methods

    assert Expiry(store=meanwhile, clock=clock).sweep() == 0
    assert state_of(store, each) is State.ACTIVE


def test_more_than_a_round_is_worked_off_in_one_sweep(clock: FakeClock) -> None:
    store = FakeMemoryStore(clock)
    every = [added(store, memory(n, expires_at=NOW + HOUR), guarded=False) for n in range(1, 106)]
    clock.advance(hours=2)

    assert Expiry(store=store, clock=clock).sweep() == len(every)
    assert {state_of(store, each) for each in every} == {State.FORGOTTEN}


def test_a_memory_that_cannot_be_decrypted_expires_too_and_keeps_what_is_sealed(world: World) -> None:
    each = added(world.store, memory(1, expires_at=NOW + HOUR))
    world.seals.expired.add(world.seals.version)
    unreadable = world.store.get("acme", each.memory_id)
    assert unreadable is not None
    world.clock.advance(hours=2)

    assert Expiry(store=world.store, clock=world.clock).sweep() == 1

    row = world.store.get("acme", each.memory_id)
    assert row is not None
    assert row.unreadable is not None
    assert (row.state, row.unreadable) == (State.FORGOTTEN, unreadable.unreadable)


def test_a_row_that_cannot_be_read_holds_up_none_of_the_others(world: World) -> None:
    poison, sound = (added(world.store, memory(n, expires_at=NOW + HOUR * n)) for n in (1, 2))
    item = world.store._table.get(f"M#acme#{poison.memory_id}", "ROW")
    assert item is not None
    world.store._table.put({**item, "importance": "not a number"})
    world.clock.advance(hours=3)

    assert Expiry(store=world.store, clock=world.clock).sweep() == 1
    assert state_of(world.store, sound) is State.FORGOTTEN


def test_a_row_of_a_newer_release_is_left_as_it_is(world: World) -> None:
    each = added(world.store, memory(1, expires_at=NOW + HOUR))
    item = world.store._table.get(f"M#acme#{each.memory_id}", "ROW")
    assert item is not None
    world.store._table.put({**item, "schema_version": 99})
    world.clock.advance(hours=2)

    assert Expiry(store=world.store, clock=world.clock).sweep() == 0
    assert world.store._table.get(f"M#acme#{each.memory_id}", "ROW") == {**item, "schema_version": 99}


def test_vectors_that_a_longer_text_left_behind_are_not_read_as_this_ones(world: World) -> None:
    """A list of vectors may fill several items; a shorter one under the same revision leaves the last of them there."""
    vectors = (VECTOR, VECTOR)
    long = memory(1, text="abcdef", chunks=((0, 2), (2, 4), (4, 6)), more_vectors=vectors, vectors_at=1)
    world.store.add(long, changes_for(long), guarded=True)
    shorter = replace(long.changed(NOW), chunks=((0, 3), (3, 6)), more_vectors=vectors[:1])
    world.store.replace(shorter, changes_for(shorter))
    item = world.store._table.get(f"M#acme#{long.memory_id}", "VEC#000000001#000")
    assert item is not None
    world.store._table.put({**item, "sk": "VEC#000000001#001"})

    row = world.store.get("acme", long.memory_id)
    assert row is not None
    assert len(world.store.whole(row).vectors) == 2
