"""Of a forgotten memory nothing stays counted, also where the index refuses to hear that it is forgotten."""

from __future__ import annotations

from collections.abc import Sequence

from backend.index.fake import FakeIndex
from backend.index.model import IndexDocument, Tombstone
from backend.memories.model import Said
from backend.memories.projection import Projected
from backend.usage.model import Tally, Usage
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME


class RefusingIndex(FakeIndex):
    """Takes no tombstone."""

    def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
        """Refuse the whole batch for one of them, as a real index may."""
        if any(isinstance(change, Tombstone) for change in changes):
            raise OverflowError
        super().write(tenant_id, changes)


def test_what_was_counted_goes_when_the_row_is_parked_and_nothing_brings_it_back(world: FakeWorld) -> None:
    memory = world.memories.add(ACME, Said("a fact")).memories[0]
    target = ("acme", memory.memory_id)
    world.store.usages.put(target, Tally(Usage(3, world.clock.now()), (b"12345678",), 1))
    world.memories.forget(ACME, memory.memory_id)

    assert world.projecting(index=RefusingIndex()).project([target]) == Projected(shown=0, parked=1)

    # A message about it that comes late counts nothing, and sending the row through again changes nothing.
    assert world.store.usages.get_many("acme", [memory.memory_id]) == {}
    assert world.store.usages.tallies([target])[target].is_gone
    assert world.projecting(index=FakeIndex()).project([target]) == Projected(shown=1, parked=0)
    assert world.store.usages.get_many("acme", [memory.memory_id]) == {}
