"""An index that was lost is filled again from the table, and tombstones go when nothing late can need them."""

from __future__ import annotations

import pytest

from backend.index.fake import FakeIndex
from backend.kit.deadline import deadline
from backend.kit.errors import IndexUnavailableError
from backend.memories.model import Said
from backend.memories.projection import SPARE_SECONDS, Projection
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, RIVAL


def empty(world: FakeWorld) -> tuple[Projection, FakeIndex]:
    """Return a projection into an index that has lost everything."""
    index = FakeIndex()
    return Projection(store=world.store, index=index, embedder=world.embedder, parking=world.parking, clock=world.clock), index


def test_a_lost_index_gets_every_row_of_every_tenant_again(world: FakeWorld) -> None:
    mine = [world.memories.add(ACME, Said(f"fact {number}")).memories[0].memory_id for number in range(3)]
    theirs = world.memories.add(RIVAL, Said("theirs")).memories[0].memory_id
    world.memories.forget(ACME, mine[0])
    projection, index = empty(world)

    rebuilt = projection.rebuild()

    assert (rebuilt.shown, rebuilt.after) == (4, None)
    assert index.versions(ACME, mine).keys() == set(mine)
    assert index.versions(RIVAL, [theirs]).keys() == {theirs}


def test_a_rebuild_that_runs_out_of_time_goes_on_where_it_stopped(world: FakeWorld) -> None:
    for number in range(4):
        world.memories.add(ACME, Said(f"fact {number}"))
    projection, _ = empty(world)

    calls, after, shown = 0, None, 0
    while calls == 0 or after:
        with deadline(SPARE_SECONDS):
            rebuilt = projection.rebuild(after)
        calls, after, shown = calls + 1, rebuilt.after, shown + rebuilt.shown

    assert (calls, shown) == (4, 4)


def test_a_rebuild_tells_when_the_index_does_not_answer(world: FakeWorld) -> None:
    world.memories.add(ACME, Said("a fact"))
    projection, index = empty(world)
    index.down = True

    with pytest.raises(IndexUnavailableError):
        projection.rebuild()


def test_tombstones_stay_for_fifteen_days(world: FakeWorld) -> None:
    memory = world.memories.add(ACME, Said("a fact")).memories[0]
    world.memories.forget(ACME, memory.memory_id)
    projection, index = empty(world)
    projection.rebuild()

    world.clock.advance(days=14, hours=23)
    assert projection.purge() == 0
    world.clock.advance(hours=2)
    assert projection.purge() == 1
    assert index.versions(ACME, [memory.memory_id]) == {}
