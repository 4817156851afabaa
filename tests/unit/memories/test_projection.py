"""The index comes to show what the table holds, whatever goes wrong on the way."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.embedding.fake import FakeEmbedder
from backend.embedding.model import Purpose, Vector
from backend.index.fake import FakeIndex
from backend.index.model import IndexDocument, Tombstone
from backend.kit.deadline import deadline
from backend.kit.errors import IndexUnavailableError, TableUnavailableError
from backend.memories.fake import FakeMemoryStore
from backend.memories.model import Memory, Said, State, VectorState
from backend.memories.projection import ROWS_A_ROUND, TEXTS_A_ROUND, Projected
from backend.tenancy.scope import Scope
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, NEIGHBOUR, RIVAL


class PickyIndex(FakeIndex):
    """Cannot hold some memories, whoever asks it to."""

    def __init__(self, *refused: str) -> None:
        super().__init__()
        self.refused = refused
        self.tries: list[str] = []

    def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
        """Refuse the whole batch for one of them, as a real index may."""
        for change in changes:
            if change.memory_id in self.refused:
                self.tries.append(change.memory_id)
                raise OverflowError
        super().write(tenant_id, changes)


class DamagedStore(FakeMemoryStore):
    """Holds rows that cannot be read."""

    damaged: frozenset[str] = frozenset()

    def get(self, tenant_id: str, memory_id: str) -> Memory | None:
        """Fail as a codec does that meets what it does not know."""
        if memory_id in self.damaged:
            raise KeyError
        return super().get(tenant_id, memory_id)

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Fail for all of them."""
        if self.damaged.intersection(memory_ids):
            raise KeyError
        return super().get_many(tenant_id, memory_ids)


def remembered(world: FakeWorld, text: str = "a fact", scope: Scope = ACME) -> Memory:
    return world.memories.add(scope, Said(text)).memories[0]


def target(memory: Memory) -> tuple[str, str]:
    return memory.tenant_id, memory.memory_id


def shown(world: FakeWorld, *memories: Memory, scope: Scope = ACME) -> dict[str, int]:
    return dict(world.index.versions(scope, [memory.memory_id for memory in memories]))


def pending(world: FakeWorld, scope: Scope = ACME) -> list[str]:
    return [change.memory_id for change in world.store.pending(scope)[0]]


# Following the stream


def test_what_changed_is_shown_and_no_longer_pending(world: FakeWorld) -> None:
    mine, theirs = remembered(world), remembered(world, scope=RIVAL)

    assert world.projection.project([target(mine), target(theirs)]) == Projected(shown=2, parked=0)

    assert shown(world, mine) == {mine.memory_id: 1}
    assert shown(world, theirs, scope=RIVAL) == {theirs.memory_id: 1}
    assert shown(world, theirs, scope=ACME) == {}
    assert pending(world) == pending(world, RIVAL) == []


def test_a_change_that_is_named_many_times_is_projected_once(world: FakeWorld) -> None:
    memory = remembered(world)

    assert world.projection.project([target(memory)] * 3).shown == 1
    assert world.projection.project([target(memory)]).shown == 1


def test_what_is_not_there_is_passed_over(world: FakeWorld) -> None:
    memory = remembered(world)

    assert world.projection.project([("acme", "mem_none"), target(memory)]) == Projected(shown=1, parked=0)


def test_a_forgotten_memory_leaves_the_index(world: FakeWorld) -> None:
    memory = remembered(world)
    world.projection.follow([target(memory)])
    world.memories.forget(ACME, memory.memory_id)

    world.projection.follow([target(memory)])

    assert shown(world, memory) == {memory.memory_id: 2}
    assert pending(world) == []


def test_a_change_that_comes_while_an_older_one_is_projected_stays_pending(world: FakeWorld) -> None:
    memory = remembered(world)

    class Racing(FakeIndex):
        """While it writes, the memory is forgotten."""

        def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
            super().write(tenant_id, changes)
            world.memories.forget(ACME, memory.memory_id)

    world.projecting(index=Racing()).follow([target(memory)])

    assert isinstance(world.store.pending(ACME)[0][0], Tombstone)


@given(st.data())
def test_records_in_any_order_and_any_number_of_times_end_in_the_same_index(data: st.DataObject) -> None:
    world = FakeWorld()
    memories = [remembered(world, f"fact {number}") for number in range(4)]
    records = data.draw(st.lists(st.sampled_from([target(memory) for memory in memories]), max_size=12))
    forget_at = data.draw(st.integers(0, len(records)))

    for number, record in enumerate([*records, *(target(memory) for memory in memories)]):
        if number == forget_at:
            world.memories.forget(ACME, memories[0].memory_id)
        world.projection.follow([record])

    assert shown(world, *memories) == {memory.memory_id: 2 if memory is memories[0] else 1 for memory in memories}
    assert pending(world) == []


@pytest.mark.parametrize("down", ["index", "table"])
def test_while_index_or_table_is_down_following_raises_nothing_and_loses_nothing(world: FakeWorld, down: str) -> None:
    memory = remembered(world)
    broken = world.index if down == "index" else world.store
    broken.down = True

    world.projection.follow([target(memory)])

    broken.down = False
    assert pending(world) == [memory.memory_id]
    assert shown(world, memory) == {}
    assert world.parking.parked == []


# Poison


def test_a_row_that_the_index_cannot_hold_is_parked_after_its_second_try_and_holds_up_nobody(world: FakeWorld) -> None:
    good, poison, fine = (remembered(world, text) for text in ("good", "poison", "fine"))
    picky = PickyIndex(poison.memory_id)

    projected = world.projecting(index=picky).project([target(each) for each in (good, poison, fine)])

    assert projected == Projected(shown=2, parked=1)
    assert picky.tries == [poison.memory_id] * 3  # once with the others, twice alone
    assert world.parking.parked == [("acme", poison.memory_id, 1, "OverflowError")]
    assert picky.versions(ACME, [each.memory_id for each in (good, poison, fine)]) == {good.memory_id: 1, fine.memory_id: 1}


def test_a_parked_row_is_still_pending_for_its_readers_but_no_sweep_takes_it_up_again(world: FakeWorld) -> None:
    poison = remembered(world)
    picky = PickyIndex(poison.memory_id)
    world.clock.advance(seconds=61)

    assert [world.projecting(index=picky).sweep() for _ in range(3)] == [0, 0, 0]

    assert pending(world) == [poison.memory_id]
    assert len(world.parking.parked) == 1


def test_a_newer_version_of_a_parked_row_is_tried_again(world: FakeWorld) -> None:
    poison = remembered(world)
    picky = PickyIndex(poison.memory_id)
    world.projecting(index=picky).follow([target(poison)])
    picky.refused = ()
    world.memories.forget(ACME, poison.memory_id)
    world.clock.advance(seconds=61)

    assert world.projecting(index=picky).sweep() == 1
    assert pending(world) == []


def test_an_index_that_goes_down_between_two_rows_parks_nothing(world: FakeWorld) -> None:
    poison = remembered(world)

    class FailingIndex(FakeIndex):
        """Fails on the batch, then is gone."""

        calls = 0

        def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
            del tenant_id, changes
            self.calls += 1
            raise ValueError if self.calls == 1 else IndexUnavailableError

    with pytest.raises(IndexUnavailableError):
        world.projecting(index=FailingIndex()).project([target(poison)])

    assert world.parking.parked == []
    assert pending(world) == [poison.memory_id]


def test_a_row_that_cannot_be_read_holds_up_nobody() -> None:
    world = FakeWorld(store_class=DamagedStore)
    assert isinstance(world.store, DamagedStore)
    bad = [remembered(world, f"bad {number}") for number in range(ROWS_A_ROUND + 3)]
    world.clock.advance(seconds=1)
    good = remembered(world, "good")
    world.store.damaged = frozenset(memory.memory_id for memory in bad)
    world.clock.advance(seconds=61)

    with deadline(30):  # a loop that never ends would end here
        assert world.projection.sweep() == 1

    assert shown(world, good) == {good.memory_id: 1}
    assert len(pending(world)) == len(bad)


# The sweep


def test_the_sweep_takes_up_what_has_waited_longer_than_a_minute(world: FakeWorld) -> None:
    old = remembered(world, "old")
    world.clock.advance(seconds=1)
    young = remembered(world, "young")
    world.clock.advance(seconds=60)

    assert world.projection.sweep() == 1

    assert pending(world) == [young.memory_id]
    assert shown(world, old, young) == {old.memory_id: 1}


def test_the_sweep_heals_what_was_missed_while_the_index_was_down(world: FakeWorld) -> None:
    memories = [remembered(world, f"fact {number}", scope) for number, scope in enumerate((ACME, NEIGHBOUR, ACME))]
    world.index.down = True
    world.projection.follow([target(memory) for memory in memories])
    world.clock.advance(seconds=61)
    with pytest.raises(IndexUnavailableError):
        world.projection.sweep()
    world.index.down = False

    assert world.projection.sweep() == 3
    assert pending(world) == pending(world, NEIGHBOUR) == []


def test_the_sweep_goes_on_until_nothing_is_left(world: FakeWorld) -> None:
    count = 2 * ROWS_A_ROUND + 1
    for number in range(count):
        remembered(world, f"fact {number}")
    world.clock.advance(seconds=61)

    assert world.projection.sweep() == count
    assert world.projection.sweep() == 0


def test_the_sweep_stops_while_there_is_time_left_to_end_well(world: FakeWorld) -> None:
    remembered(world)
    world.clock.advance(seconds=61)

    with deadline(1):
        assert world.projection.sweep() == 0
    assert world.projection.sweep() == 1


# Vectors that are owed


def owed(world: FakeWorld, count: int) -> list[Memory]:
    """Return memories that were added while the embedder was down."""
    world.embedder.down = True
    scopes = (ACME, RIVAL)
    memories = [remembered(world, f"fact {number}", scopes[number % 2]) for number in range(count)]
    world.clock.advance(seconds=1)
    return memories


def row_of(world: FakeWorld, memory: Memory) -> Memory:
    row = world.store.get(memory.tenant_id, memory.memory_id)
    assert row
    return row


def test_after_an_outage_every_memory_has_its_vector_within_two_ticks(world: FakeWorld) -> None:
    memories = owed(world, 2 * TEXTS_A_ROUND + 5)
    assert world.projection.repair() == 0
    world.embedder.down = False

    filled = [world.projection.repair() for _ in range(2)]

    assert sum(filled) == len(memories)
    for memory in memories:
        row = row_of(world, memory)
        assert (row.vector_state, row.model, row.row_version) == (VectorState.READY, world.embedder.model.identity, 2)
        assert row.vector == world.embedder.embed([memory.text], Purpose.DOCUMENT)[0]
    assert {change.row_version for change in world.store.pending(ACME)[0]} == {2}


def test_an_embedder_that_fails_midway_keeps_what_it_gave(world: FakeWorld) -> None:
    memories = owed(world, TEXTS_A_ROUND + 1)
    world.embedder.down = False

    class Tiring(FakeEmbedder):
        """Answers once."""

        def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
            vectors = super().embed(texts, purpose)
            self.down = True
            return vectors

    assert world.projecting(embedder=Tiring()).repair() == TEXTS_A_ROUND

    assert sum(row_of(world, memory).vector is None for memory in memories) == 1


def test_what_is_forgotten_before_its_vector_comes_stays_forgotten(world: FakeWorld) -> None:
    forgotten, other = owed(world, 3)[::2]

    class Late(FakeEmbedder):
        """While it works, the memory is forgotten."""

        def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
            world.memories.forget(ACME, forgotten.memory_id)
            return super().embed(texts, purpose)

    assert world.projecting(embedder=Late()).repair() == 2

    assert row_of(world, forgotten).state is State.FORGOTTEN
    assert row_of(world, forgotten).vector is None
    assert row_of(world, other).vector is not None
    assert isinstance(
        next(change for change in world.store.pending(ACME)[0] if change.memory_id == forgotten.memory_id), Tombstone
    )


def test_what_is_forgotten_after_its_vector_came_is_forgotten_too(world: FakeWorld) -> None:
    (memory,) = owed(world, 1)
    world.embedder.down = False
    world.projection.repair()

    world.memories.forget(ACME, memory.memory_id)

    assert (row_of(world, memory).state, row_of(world, memory).row_version) == (State.FORGOTTEN, 3)
    assert world.projection.repair() == 0


def test_a_repaired_memory_is_shown_with_its_vector(world: FakeWorld) -> None:
    (memory,) = owed(world, 1)
    world.projection.follow([target(memory)])
    world.embedder.down = False

    world.projection.repair()
    assert pending(world) == [memory.memory_id]
    world.projection.follow([target(memory)])

    assert shown(world, memory) == {memory.memory_id: 2}
    assert pending(world) == []


def test_repair_passes_over_rows_that_cannot_be_read() -> None:
    world = FakeWorld(store_class=DamagedStore)
    assert isinstance(world.store, DamagedStore)
    owed(world, TEXTS_A_ROUND + 3)
    oldest = world.store.without_vector(world.clock.now(), TEXTS_A_ROUND)
    world.store.damaged = frozenset(memory_id for _, memory_id in oldest)
    world.embedder.down = False

    with deadline(30):  # a loop that never ends would end here
        assert world.projection.repair() == 3


def test_repair_says_so_when_the_table_is_down(world: FakeWorld) -> None:
    owed(world, 1)
    world.store.down = True

    with pytest.raises(TableUnavailableError):
        world.projection.repair()
