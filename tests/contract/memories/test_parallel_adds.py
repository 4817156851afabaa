"""Many at once: what they store is what one after the other would have stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier, Lock
from typing import Any, TypeVar

from backend.kit.errors import RequestInFlightError
from backend.memories.model import Said
from backend.memories.outcomes import (
    Added,
    Outcome,
)
from backend.memories.service import Asked
from tests.contract.memories.memory_world import World
from tests.support.faults import cancelled
from tests.unit.memories.samples import ACME, SAID, keyed

THREADS = 32
ADDS = 200
_T = TypeVar("_T")


@dataclass
class Conflicts:
    """Refuses the first sending of every other transaction, which makes a third of all sendings."""

    sent: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    turn: Lock = field(default_factory=Lock)

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Refuse what others are writing to at this moment."""
        if operation != "TransactWriteItems":
            return
        token = arguments["ClientRequestToken"]
        with self.turn:
            self.sent[token] += 1
            is_refused = self.sent[token] == 1 and len(self.sent) % 2
            self.refused += bool(is_refused)
        if is_refused:
            conflict = cancelled("None", "None", "TransactionConflict")
            raise conflict

    def after(self, operation: str, arguments: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        """Leave the answer as it is."""
        del operation, arguments
        return answer


def all_at_once(work: Callable[[int], _T], times: int = THREADS) -> list[_T]:
    """Do the work so many times, in 32 threads that begin together."""
    gate = Barrier(THREADS, timeout=30)

    def begun(number: int) -> _T:
        if number < THREADS:
            gate.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as threads:
        return list(threads.map(begun, range(times)))


def conflicting(world: World) -> tuple[World, Conflicts]:
    conflicts = Conflicts()
    shared = world.another(conflicts)
    # The client is made on first use, which is not safe in threads; a function makes it before any.
    shared.store.get("acme", "mem_none")
    return shared, conflicts


def test_the_same_fact_added_by_many_at_once_is_one_memory_with_the_evidence_of_all(world: World) -> None:
    shared, conflicts = conflicting(world)

    added = all_at_once(lambda _: shared.service.add(ACME, SAID), ADDS)

    (memory_id,) = {each.memories[0].memory_id for each in added}
    assert Counter(each.outcomes[0].outcome for each in added) == {Outcome.STORED: 1, Outcome.MERGED: ADDS - 1}
    assert world.kinds() == {"rows": 1, "guards": 1, "markers": 1, "evidence": ADDS}
    assert world.store.evidence_count("acme", memory_id) == ADDS
    page = world.store.evidence("acme", memory_id, limit=50)
    assert (len(page.evidence), page.next_id is None) == (50, False)
    # Every add tries its transaction, and every other of these is refused at first: a third of all that is sent.
    assert conflicts.refused == ADDS // 2
    assert sum(conflicts.sent.values()) == ADDS + conflicts.refused


def test_several_facts_sent_together_by_many_at_once_are_stored_once_each_with_the_evidence_of_all(world: World) -> None:
    shared, conflicts = conflicting(world)
    asked = [Asked(ACME, Said(f"Box {number} holds the plates.")) for number in range(3)]

    sent = all_at_once(lambda _: shared.service.add_many("acme", asked))

    outcomes = Counter(each.outcomes[0].outcome for done in sent for each in done if isinstance(each, Added))
    assert outcomes == {Outcome.STORED: 3, Outcome.MERGED: 3 * (THREADS - 1)}
    assert world.kinds() == {"rows": 3, "guards": 3, "markers": 3, "evidence": 3 * THREADS}
    assert conflicts.refused


def test_a_fact_that_was_forgotten_is_brought_back_by_many_at_once_as_one_memory(world: World) -> None:
    old = world.service.add(ACME, SAID).memories[0]
    world.service.forget(ACME, old.memory_id)
    shared, _ = conflicting(world)

    added = all_at_once(lambda _: shared.service.add(ACME, SAID))

    (memory_id,) = {each.memories[0].memory_id for each in added}
    assert memory_id != old.memory_id
    assert world.kinds() == {"rows": 2, "guards": 1, "markers": 2, "evidence": THREADS + 1}


def test_one_request_sent_many_times_at_once_is_done_once(world: World) -> None:
    shared, _ = conflicting(world)

    def add(_: int) -> Added | None:
        try:
            return shared.service.add(ACME, SAID, keyed())
        except RequestInFlightError:
            return None

    added = [each for each in all_at_once(add) if each]

    assert len({each.memories[0].memory_id for each in added}) == 1
    assert sum(not each.replayed for each in added) == 1
    assert world.kinds() == {"rows": 1, "guards": 1, "markers": 1, "evidence": 1}
    assert world.service.add(ACME, SAID, keyed()).replayed


def test_many_requests_with_keys_of_their_own_are_told_the_one_memory(world: World) -> None:
    shared, _ = conflicting(world)

    added = all_at_once(lambda number: shared.service.add(ACME, SAID, keyed(number)))

    (memory_id,) = {each.memories[0].memory_id for each in added}
    replays = [world.service.add(ACME, SAID, keyed(number)) for number in range(THREADS)]
    assert all(replay.replayed and replay.memories[0].memory_id == memory_id for replay in replays)
    assert [replay.outcomes for replay in replays] == [each.outcomes for each in added]
    assert world.kinds() == {"rows": 1, "guards": 1, "markers": 1, "evidence": THREADS}
