"""What a caller can rely on when reading, listing and forgetting."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.kit.errors import (
    ConflictError,
    MemoryNotFoundError,
    ThrottledError,
)
from backend.memories.fake import FakeMemoryStore
from backend.memories.model import Changes, Memory, Revision, State
from backend.memories.ports import Contest, Rekeying
from backend.tenancy.scope import Scope
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, FACT, MODEL, NEIGHBOUR, OTHER_PROJECT, RIVAL, SAID, VECTOR, keyed

# Reading


@pytest.mark.parametrize("scope", [NEIGHBOUR, OTHER_PROJECT, RIVAL])
def test_nobody_else_can_read_list_or_forget_a_memory(world: FakeWorld, scope: Scope) -> None:
    memory = world.memories.add(ACME, SAID).memories[0]

    with pytest.raises(MemoryNotFoundError):
        world.memories.get(scope, memory.memory_id)
    with pytest.raises(MemoryNotFoundError):
        world.memories.forget(scope, memory.memory_id)
    with pytest.raises(MemoryNotFoundError):
        world.memories.forget(scope, memory.memory_id, keyed())
    assert world.memories.page(scope, 10, None).memories == ()
    assert world.memories.get(ACME, memory.memory_id) == memory


def test_a_memory_is_unreadable_from_the_moment_it_expires(world: FakeWorld) -> None:
    memory = world.memories.add(ACME, replace(SAID, ttl_minutes=1)).memories[0]
    world.clock.advance(seconds=59.999)
    assert world.memories.get(ACME, memory.memory_id) == memory

    world.clock.advance(seconds=0.001)

    with pytest.raises(MemoryNotFoundError):
        world.memories.get(ACME, memory.memory_id)
    assert world.memories.page(ACME, 10, None).memories == ()


# Forgetting


def test_a_forgotten_memory_is_unreadable_at_once_and_its_row_keeps_the_text(world: FakeWorld) -> None:
    memory = world.memories.add(ACME, SAID).memories[0]
    world.clock.advance(seconds=5)

    gone, replayed = world.memories.forget(ACME, memory.memory_id)

    assert not replayed
    assert (gone.state, gone.forgotten_at, gone.row_version) == (State.FORGOTTEN, world.clock.now(), 2)
    with pytest.raises(MemoryNotFoundError):
        world.memories.get(ACME, memory.memory_id)
    with pytest.raises(MemoryNotFoundError):
        world.memories.forget(ACME, memory.memory_id)
    assert world.memories.page(ACME, 10, None).memories == ()
    assert world.store.get("acme", memory.memory_id) == gone
    assert gone.text == FACT


def test_a_keyed_forget_is_told_again(world: FakeWorld) -> None:
    memory = world.memories.add(ACME, SAID).memories[0]
    first = world.memories.forget(ACME, memory.memory_id, keyed())
    world.clock.advance(hours=1)

    assert world.memories.forget(ACME, memory.memory_id, keyed()) == (first[0], True)


def test_a_keyed_forget_of_nothing_says_so_each_time(world: FakeWorld) -> None:
    for _ in range(2):
        with pytest.raises(MemoryNotFoundError):
            world.memories.forget(ACME, "mem_none", keyed())


def test_a_replayed_forget_of_a_row_that_was_purged_says_not_found(world: FakeWorld) -> None:
    memory = world.memories.add(ACME, SAID).memories[0]
    world.memories.forget(ACME, memory.memory_id, keyed())

    with pytest.raises(MemoryNotFoundError):
        world.remembering(store=FakeMemoryStore(world.clock)).forget(ACME, memory.memory_id, keyed())


def test_a_forget_that_meets_another_write_goes_by_what_that_left(world: FakeWorld) -> None:
    class Contended(FakeMemoryStore):
        """Somebody writes between the first read and the first write."""

        once = True

        def replace(
            self,
            memory: Memory,
            changes: Changes,
            *,
            closes: Revision | None = None,
            rekeying: Rekeying | None = None,
            contest: Contest | None = None,
        ) -> None:
            if self.once:
                self.once = False
                row = super().get("acme", memory.memory_id)
                assert row
                filled = row.with_vectors([VECTOR], MODEL, world.clock.now())
                super().replace(filled, changes)
            super().replace(memory, changes, closes=closes, rekeying=rekeying, contest=contest)

    store = Contended(world.clock)
    memory = world.remembering(store=store).add(ACME, SAID).memories[0]

    gone, _ = world.remembering(store=store).forget(ACME, memory.memory_id)

    assert gone.row_version == 3
    assert store.get("acme", memory.memory_id) == gone


def test_a_forget_that_always_meets_another_write_ends_in_an_answer(world: FakeWorld) -> None:
    class Busy(FakeMemoryStore):
        def replace(
            self,
            memory: Memory,
            changes: Changes,
            *,
            closes: Revision | None = None,
            rekeying: Rekeying | None = None,
            contest: Contest | None = None,
        ) -> None:
            del memory, changes, closes, rekeying, contest
            raise ConflictError

    store = Busy(world.clock)
    memory = world.remembering(store=store).add(ACME, SAID).memories[0]

    with pytest.raises(ThrottledError):
        world.remembering(store=store).forget(ACME, memory.memory_id)
