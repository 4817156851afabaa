"""What is done again, by one or by many at once, stores nothing twice and ends the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from backend.extraction.fake import WholeTexts
from backend.extraction.pipeline import Pipeline
from backend.memories.fake import FakeMemoryStore
from backend.memories.model import (
    Evidence,
    Memory,
    Said,
)
from backend.memories.outcomes import (
    Added,
    Outcome,
)
from backend.memories.policy import MemoryPolicy, Winner
from tests.unit.memories.adding_cases import ORDER, SECRET, check_the_account, outcomes
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, keyed

THREADS = 32


# Doing it again


class DiesOnce(FakeMemoryStore):
    """Loses the process before the evidence is written, once."""

    alive = False

    def record_evidence(self, tenant_id: str, evidence: Sequence[Evidence]) -> None:
        """Die, or go on."""
        if not self.alive:
            self.alive = True
            raise SystemExit
        super().record_evidence(tenant_id, evidence)


@pytest.mark.parametrize(
    "text",
    ["I like tea. I like coffee.", "I live in Faro.", "I live in Braga. I live in Faro.", ORDER, f"Hi! {SECRET} I like tea."],
)
@pytest.mark.parametrize("winner", Winner)
def test_an_attempt_done_again_under_its_key_ends_as_the_first_would_have(text: str, winner: Winner) -> None:
    def outcome(store: FakeMemoryStore, *, dies: bool) -> list[tuple[Outcome, str | None]]:
        world = FakeWorld()
        world.policies.policy = MemoryPolicy(winner=winner)
        memories = world.remembering(extractor=Pipeline(), store=store)
        if isinstance(store, DiesOnce):
            store.alive = True
        memories.add(ACME, Said("I live in Porto."))
        world.clock.advance(seconds=1)
        if dies:
            assert isinstance(store, DiesOnce)
            store.alive = False
            with pytest.raises(SystemExit):
                memories.add(ACME, Said(text), keyed())
            world.clock.advance(seconds=30)
        added = memories.add(ACME, Said(text), keyed())
        assert added.replayed is False
        again = memories.add(ACME, Said(text), keyed())
        assert (again.replayed, outcomes(again), again.memories) == (True, outcomes(added), tuple(rows(store, added)))
        check_the_account(added, len(added.candidates))
        return outcomes(added)

    clock = FakeWorld().clock
    assert outcome(DiesOnce(clock), dies=True) == outcome(FakeMemoryStore(clock), dies=False)


def rows(store: FakeMemoryStore, added: Added) -> list[Memory]:
    """Return the memories as they are now: what came first in a text may be superseded by what came last."""
    found = store.get_many("acme", [each.memory_id for each in added.memories])
    return [found[each.memory_id] for each in added.memories]


def test_an_attempt_done_again_stores_nothing_twice(world: FakeWorld) -> None:
    store = DiesOnce(world.clock)
    memories = world.remembering(extractor=WholeTexts(lines=True), store=store)
    said = Said("I like tea.\nI like coffee.\nI like tea.")
    with pytest.raises(SystemExit):
        memories.add(ACME, said, keyed())
    world.clock.advance(seconds=30)

    added = memories.add(ACME, said, keyed())

    listed = store.page(ACME, limit=9, before=None, now=world.clock.now()).memories
    assert {each.memory_id for each in listed} == {each.memory_id for each in added.memories}
    assert sum(store.evidence_count("acme", each.memory_id) for each in listed) == 3


# Many at once


def all_at_once(work: Callable[[int], Added]) -> list[Added]:
    gate = Barrier(THREADS, timeout=30)

    def begun(number: int) -> Added:
        gate.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(begun, range(THREADS)))


def test_of_many_contradicting_statements_said_at_once_one_holds_and_all_others_have_ended(world: FakeWorld) -> None:
    memories = world.remembering(extractor=Pipeline())
    cities = [f"City{number}" for number in range(THREADS)]

    added = all_at_once(lambda number: memories.add(ACME, Said(f"I live in {cities[number]}.")))

    now = world.clock.now()
    stored = world.store.get_many("acme", [each.memories[0].memory_id for each in added])
    standing = [each for each in stored.values() if each.stands(now)]
    assert len(stored) == THREADS
    assert len(standing) == 1
    assert world.store.holders("acme", (ACME.home, "", "i", "live in")).memory_ids == (standing[0].memory_id,)
    ended = [each for each in stored.values() if each is not standing[0]]
    assert all(each.superseded_by in stored and each.valid_until and each.revision == 2 for each in ended)
    assert Counter(each.outcomes[0].outcome for each in added) == {Outcome.STORED: 1, Outcome.SUPERSEDED: THREADS - 1}
    # Each one names the one that it ended, and they are one line from the first to the last.
    line, last = [standing[0].memory_id], standing[0]
    while last.supersedes:
        (before,) = last.supersedes
        last = stored[before]
        line.append(before)
    assert len(line) == THREADS


def test_the_same_statement_said_by_many_at_once_is_one_memory(world: FakeWorld) -> None:
    memories = world.remembering(extractor=Pipeline())
    memories.add(ACME, Said("I live in Porto."))

    added = all_at_once(lambda _: memories.add(ACME, Said("I live in Lisbon.")))

    (memory_id,) = {each.memories[0].memory_id for each in added}
    assert Counter(each.outcomes[0].outcome for each in added) == {Outcome.SUPERSEDED: 1, Outcome.MERGED: THREADS - 1}
    assert world.store.evidence_count("acme", memory_id) == THREADS
