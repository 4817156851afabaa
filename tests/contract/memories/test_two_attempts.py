"""A slow attempt that was taken over while it still ran: both end, in one answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from backend.memories.model import (
    Memory,
)
from backend.memories.outcomes import (
    CLAIM_LASTS,
    Added,
    CandidateOutcome,
    Claim,
    Done,
    Outcome,
)
from backend.memories.ports import RequestLog
from backend.memories.service import MemoryService
from tests.contract.memories.memory_world import World
from tests.support.executors import AtOnce
from tests.unit.memories.samples import ACME, NOW, SAID, keyed, memory_id

STORED = Done((CandidateOutcome(0, Outcome.STORED, memory_id(2)),), (memory_id(2),))
MERGED = Done((CandidateOutcome(0, Outcome.MERGED, memory_id(1), "extracted_key"),), (memory_id(1),))
MERGED_ELSEWHERE = Done((CandidateOutcome(0, Outcome.MERGED, memory_id(3), "extracted_key"),), (memory_id(3),))


def two_attempts(log: RequestLog) -> tuple[Claim, Claim]:
    slow = log.claim("acme", keyed(), NOW)
    heir = log.claim("acme", keyed(), NOW + CLAIM_LASTS)
    assert isinstance(slow, Claim)
    assert isinstance(heir, Claim)
    return slow, heir


@pytest.mark.parametrize(
    ("first", "second", "stands"),
    [(STORED, MERGED, STORED), (MERGED, STORED, STORED), (MERGED, MERGED_ELSEWHERE, MERGED), (STORED, STORED, STORED)],
    ids=["stored, merged", "merged, stored", "merged, merged", "stored, stored"],
)
def test_what_was_stored_is_told_whoever_says_so_last(log: RequestLog, first: Done, second: Done, stands: Done) -> None:
    slow, heir = two_attempts(log)

    assert log.complete(heir, first, keep_forever=True, now=NOW) == first
    assert log.complete(slow, second, keep_forever=True, now=NOW) == stands

    assert log.claim("acme", keyed(), NOW + timedelta(hours=1)) == stands


@dataclass
class Interrupted:
    """A store that lets something happen after the slow attempt has merged, and before it says so."""

    world: World
    meanwhile: Callable[[], None]

    def __getattr__(self, name: str) -> object:
        if name == "record_evidence":
            return self._record_evidence
        return getattr(self.world.store, name)

    def _record_evidence(self, *arguments: object) -> None:
        self.world.store.record_evidence(*arguments)  # type: ignore[arg-type] # handed on as they came
        self.meanwhile()


def test_a_slow_attempt_that_merged_answers_what_its_heir_stored(world: World) -> None:
    old: Memory = world.service.add(ACME, SAID).memories[0]
    heirs: list[Added] = []

    def forget_and_take_over() -> None:
        world.service.forget(ACME, old.memory_id)
        world.clock.advance(seconds=CLAIM_LASTS.total_seconds())
        heirs.append(world.service.add(ACME, SAID, keyed()))

    slow = MemoryService(
        store=Interrupted(world, forget_and_take_over),  # type: ignore[arg-type] # hands on what it does not know
        requests=world.requests,
        extractor=world.service._extractor,
        embedder=world.embedder,
        policies=world.policies,
        clock=world.clock,
        ids=world.ids,
        executor=AtOnce(),
    )

    added = slow.add(ACME, SAID, keyed())

    [heir] = heirs
    assert heir.outcomes[0].outcome is Outcome.STORED
    assert (added.memories, added.outcomes) == (heir.memories, heir.outcomes)
    replay = world.service.add(ACME, SAID, keyed())
    assert (replay.memories, replay.outcomes, replay.replayed) == (heir.memories, heir.outcomes, True)
