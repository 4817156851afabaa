"""What a person's word on a waiting memory does, and to whom it is open."""

from __future__ import annotations

import pytest

from backend.extraction.pipeline import Pipeline
from backend.kit.errors import MemoryNotFoundError, NewerReleaseError
from backend.memories.fake import FakeMemoryStore
from backend.memories.model import Memory, State
from backend.memories.outcomes import Outcome
from backend.memories.policy import MemoryPolicy, Winner
from backend.memories.reviewing import Decision, Reviewing
from tests.unit.memories.conflict_cases import city
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, NEIGHBOUR, keyed


class FromANewerRelease(FakeMemoryStore):
    """Every row was written by a release that this one cannot follow."""

    def get(self, tenant_id: str, memory_id: str) -> Memory | None:
        memory = super().get(tenant_id, memory_id)
        if memory:
            raise NewerReleaseError(memory_id, scope_key=memory.scope_key)
        return None


def reviewing(world: FakeWorld) -> Reviewing:
    return Reviewing(
        store=world.store,
        requests=world.requests,
        embedder=world.embedder,
        policies=world.policies,
        clock=world.clock,
        ids=world.ids,
    )


def in_the_inbox(world: FakeWorld) -> tuple[Memory, Memory]:
    """Return a memory that holds and one that contradicts it and waits."""
    world.policies.policy = MemoryPolicy(winner=Winner.ASK)
    service = world.remembering(extractor=Pipeline())
    [holds] = service.add(ACME, city("Lisbon")).memories
    world.clock.advance(seconds=1)
    [waits] = service.add(ACME, city("Porto")).memories
    world.clock.advance(seconds=1)
    assert waits.state is State.DISPUTED
    return holds, waits


def test_what_is_accepted_was_not_known_before(world: FakeWorld) -> None:
    holds, waits = in_the_inbox(world)
    before = world.clock.now()
    world.clock.advance(seconds=1)

    decided, replayed = reviewing(world).decide(ACME, waits.memory_id, Decision.KEEP_BOTH, None, "key:bob")

    assert not replayed
    assert (decided.memory.state, decided.outcome.outcome) == (State.ACTIVE, Outcome.STORED)
    assert world.memories.get(ACME, waits.memory_id).text == waits.text
    assert world.memories.get(ACME, holds.memory_id).valid_until is None
    with pytest.raises(MemoryNotFoundError):
        world.memories.get(ACME, waits.memory_id, known_at=before)
    assert world.memories.get(ACME, waits.memory_id, known_at=world.clock.now()).text == waits.text


def test_what_is_rejected_is_gone_and_nothing_else_changes(world: FakeWorld) -> None:
    holds, waits = in_the_inbox(world)

    decided, _ = reviewing(world).decide(ACME, waits.memory_id, Decision.REJECT, None, "key:bob")

    assert decided.memory.state is State.FORGOTTEN
    assert world.memories.page(ACME, 10, None).memories == (holds,)
    with pytest.raises(MemoryNotFoundError):
        reviewing(world).decide(ACME, waits.memory_id, Decision.KEEP_BOTH, None, None)


def test_a_keyed_word_is_done_once_and_told_again(world: FakeWorld) -> None:
    _, waits = in_the_inbox(world)

    first, _ = reviewing(world).decide(ACME, waits.memory_id, Decision.KEEP_BOTH, keyed(), None)

    assert reviewing(world).decide(ACME, waits.memory_id, Decision.KEEP_BOTH, keyed(), None) == (first, True)


def test_what_was_forgotten_since_a_decision_is_not_told_again(world: FakeWorld) -> None:
    _, waits = in_the_inbox(world)
    reviewing(world).decide(ACME, waits.memory_id, Decision.KEEP_BOTH, keyed(), None)
    world.memories.forget(ACME, waits.memory_id)

    with pytest.raises(MemoryNotFoundError):
        reviewing(world).decide(ACME, waits.memory_id, Decision.KEEP_BOTH, keyed(), None)


def test_a_rejection_sent_again_is_told_again(world: FakeWorld) -> None:
    _, waits = in_the_inbox(world)
    first, _ = reviewing(world).decide(ACME, waits.memory_id, Decision.REJECT, keyed(), None)

    assert reviewing(world).decide(ACME, waits.memory_id, Decision.REJECT, keyed(), None) == (first, True)


def test_a_row_that_cannot_be_followed_is_told_to_its_owner_alone(world: FakeWorld) -> None:
    _, waits = in_the_inbox(world)
    vars(newer := FromANewerRelease(world.clock)).update(vars(world.store))
    world.store = newer

    with pytest.raises(NewerReleaseError):
        reviewing(world).decide(ACME, waits.memory_id, Decision.REJECT, None, None)
    with pytest.raises(MemoryNotFoundError):
        reviewing(world).decide(NEIGHBOUR, waits.memory_id, Decision.REJECT, None, None)
