"""What only the table's store has to bound: its rows are larger than what a function can hold of them."""

from __future__ import annotations

from tests.contract.memories.memory_world import World
from tests.contract.memories.store_cases import add_large
from tests.unit.memories.samples import ACME, memory_id


def test_of_changes_too_large_to_hold_together_the_newest_are_read_and_it_is_said_that_there_are_more(world: World) -> None:
    add_large(world.store, 60)

    changes, is_more = world.store.pending(ACME)

    assert 20 < len(changes) < 60
    assert [change.memory_id for change in changes] == [memory_id(59 - number) for number in range(len(changes))]
    assert is_more
