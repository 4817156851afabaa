"""A fact said again is kept as long as the longer-lived of the two asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from backend.index.model import IndexDocument
from backend.kit.clock import epoch_ms
from backend.kit.errors import MemoryNotFoundError
from backend.memories.documents import documents_of
from backend.memories.fake import FakeMemoryStore
from backend.memories.model import (
    Changes,
    Memory,
    Revision,
    Said,
)
from backend.memories.outcomes import (
    Outcome,
)
from backend.memories.ports import Contest, Rekeying
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, NOW, SAID

FOR_A_MINUTE = replace(SAID, ttl_minutes=1)
FOR_AN_HOUR = replace(SAID, ttl_minutes=60)


def test_what_is_to_be_kept_does_not_go_with_a_memory_that_expires(world: FakeWorld) -> None:
    passing = world.memories.add(ACME, FOR_A_MINUTE).memories[0]

    kept = world.memories.add(ACME, SAID)

    assert (kept.memories[0].memory_id, kept.outcomes[0].outcome) == (passing.memory_id, Outcome.MERGED)
    assert kept.memories[0].expires_at is None
    world.clock.advance(days=400)
    assert world.memories.get(ACME, passing.memory_id) == kept.memories[0]
    (change,), _ = world.store.pending(ACME)
    assert isinstance(change, IndexDocument)
    assert (change.row_version, change.expires_at) == (2, None)


def test_of_two_ends_the_later_counts(world: FakeWorld) -> None:
    first = world.memories.add(ACME, FOR_A_MINUTE).memories[0]
    longer = world.memories.add(ACME, FOR_AN_HOUR).memories[0]

    shorter = world.memories.add(ACME, FOR_A_MINUTE).memories[0]

    assert first.memory_id == longer.memory_id == shorter.memory_id
    assert shorter == longer
    (change,), _ = world.store.pending(ACME)
    assert isinstance(change, IndexDocument)
    assert longer.expires_at == NOW + timedelta(hours=1)
    assert change.expires_at == epoch_ms(longer.expires_at)


def test_what_is_kept_for_ever_stays_so(world: FakeWorld) -> None:
    kept = world.memories.add(ACME, SAID).memories[0]

    again = world.memories.add(ACME, FOR_A_MINUTE).memories[0]

    assert again == kept
    assert again.row_version == 1


class BusyStore(FakeMemoryStore):
    """Lets somebody else change the row just before it is replaced, once."""

    meanwhile: Callable[[], None] | None = None

    def replace(
        self,
        memory: Memory,
        changes: Changes,
        *,
        closes: Revision | None = None,
        rekeying: Rekeying | None = None,
        contest: Contest | None = None,
    ) -> None:
        """Let them go first."""
        if self.meanwhile:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        super().replace(memory, changes, closes=closes, rekeying=rekeying, contest=contest)


@pytest.fixture
def busy() -> FakeWorld:
    return FakeWorld(store_class=BusyStore)


def test_a_row_that_changes_meanwhile_is_read_again(busy: FakeWorld) -> None:
    passing = busy.memories.add(ACME, FOR_A_MINUTE).memories[0]
    assert isinstance(busy.store, BusyStore)
    changed = replace(passing, importance=0.9, row_version=2)
    busy.store.meanwhile = lambda: busy.store.replace(changed, documents_of(changed))

    kept = busy.memories.add(ACME, SAID).memories[0]

    assert (kept.importance, kept.expires_at, kept.row_version) == (0.9, None, 3)


def test_a_row_that_is_forgotten_meanwhile_is_followed_by_a_new_one(busy: FakeWorld) -> None:
    passing = busy.memories.add(ACME, FOR_A_MINUTE).memories[0]
    assert isinstance(busy.store, BusyStore)
    busy.store.meanwhile = lambda: busy.memories.forget(ACME, passing.memory_id) and None

    added = busy.memories.add(ACME, SAID)

    assert added.outcomes[0].outcome is Outcome.STORED
    with pytest.raises(MemoryNotFoundError):
        busy.memories.get(ACME, passing.memory_id)


def test_a_fact_that_is_no_longer_valid_is_stored_anew_when_it_is_said_again(world: FakeWorld) -> None:
    until = world.clock.now() + timedelta(days=1)
    first = world.memories.add(ACME, Said("The office is on Elm Street.", valid_until=until)).memories[0]
    world.clock.advance(days=2)

    again = world.memories.add(ACME, Said("The office is on Elm Street."))

    assert again.outcomes[0].outcome is Outcome.STORED
    assert again.memories[0].memory_id != first.memory_id
    assert again.memories[0].valid_until is None
