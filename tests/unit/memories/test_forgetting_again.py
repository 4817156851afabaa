"""A memory is forgotten once: who asks again is told so, unless it may have been their own first attempt that did it."""

from __future__ import annotations

from datetime import datetime

import pytest

from backend.kit.errors import DependencyUnavailableError, MemoryNotFoundError, TableUnavailableError
from backend.memories.fake_requests import FakeRequestLog
from backend.memories.model import (
    State,
)
from backend.memories.outcomes import (
    CLAIM_LASTS,
    Claim,
    Done,
)
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, NOW, SAID, keyed


class SilentLog(FakeRequestLog):
    """Takes claims, and fails before it is told what came of them."""

    silent = False

    def complete(self, claim: Claim, done: Done, *, keep_forever: bool, now: datetime) -> Done:
        if self.silent:
            raise TableUnavailableError
        return super().complete(claim, done, keep_forever=keep_forever, now=now)


def test_a_second_delete_is_not_found_also_under_a_key_of_its_own(world: FakeWorld) -> None:
    memory = world.memories.add(ACME, SAID).memories[0]
    world.memories.forget(ACME, memory.memory_id, keyed(1))

    with pytest.raises(MemoryNotFoundError):
        world.memories.forget(ACME, memory.memory_id, keyed(2))
    with pytest.raises(MemoryNotFoundError):
        world.memories.forget(ACME, memory.memory_id)


def test_an_attempt_that_did_it_and_could_not_say_so_is_believed_under_its_key(world: FakeWorld) -> None:
    memory = world.memories.add(ACME, SAID).memories[0]
    log = SilentLog(world.ids)
    memories = world.remembering(requests=log)
    log.silent = True
    with pytest.raises(DependencyUnavailableError):
        memories.forget(ACME, memory.memory_id, keyed(1))
    log.silent = False

    gone, is_replay = memories.forget(ACME, memory.memory_id, keyed(1))

    assert (gone.state, is_replay) == (State.FORGOTTEN, False)


def test_a_claim_says_whether_an_attempt_held_it_before(world: FakeWorld) -> None:
    first = world.requests.claim("acme", keyed(), NOW)
    heir = world.requests.claim("acme", keyed(), NOW + CLAIM_LASTS)

    assert isinstance(first, Claim)
    assert isinstance(heir, Claim)
    assert (first.resumed, heir.resumed) == (False, True)


def test_an_attempt_that_was_refused_is_refused_again_when_it_is_sent_again(world: FakeWorld) -> None:
    memory = world.memories.add(ACME, SAID).memories[0]
    world.memories.forget(ACME, memory.memory_id)

    for _ in range(3):
        with pytest.raises(MemoryNotFoundError):
            world.memories.forget(ACME, memory.memory_id, keyed())
