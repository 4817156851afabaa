"""Several new memories in one transaction: each whole with all that belongs to it, or left to be added by itself."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Any

import pytest

from backend.encryption.fake import FakeSeals
from backend.kit.dynamodb import Put
from backend.kit.errors import DependencyUnavailableError, MemorySyncError, NotReadyError
from backend.memories.documents import changes_for
from backend.memories.model import Memory, Said
from backend.memories.outcomes import Outcome
from backend.memories.ports import Addition, MemoryStore
from backend.memories.service import Asked
from backend.memories.together import MOST_CHARACTERS, Whole, batches
from tests.contract.memories.memory_world import Calls, FailingAt, Refusing, World
from tests.contract.memories.store_cases import added, forgotten
from tests.support.faults import no_answer
from tests.unit.memories.samples import ACME, evidence, keyed, memory

TEXTS = [f"Box {number} holds the plates." for number in range(3)]


def addition(each: Memory, *, guarded: bool = True) -> Addition:
    """Return what stores a memory, with one piece of evidence."""
    number = int(each.memory_id[-8:])
    return Addition(each, changes_for(each), evidence(number, each.memory_id), guarded=guarded)


def test_all_that_is_new_is_stored_with_its_evidence_guard_and_marker(store: MemoryStore) -> None:
    each = [memory(number) for number in (1, 2, 3)]

    stored = store.add_together([addition(one) for one in each])

    assert stored == each
    assert store.get_many("acme", [one.memory_id for one in each]) == {one.memory_id: one for one in each}
    assert [store.evidence_count("acme", one.memory_id) for one in each] == [1, 1, 1]
    assert [store.guarded_by(ACME.home, one.guard_key, "acme") for one in each] == [one.memory_id for one in each]
    assert len(store.pending(ACME)[0]) == 3


def test_one_that_waits_for_its_vector_is_told_of_as_owed(store: MemoryStore) -> None:
    store.add_together([addition(memory(1, vector=None, model=None)), addition(memory(2))])

    assert store.owed(ACME, 9)[0] == 1


def test_a_known_fact_is_left_out_and_the_others_are_stored(store: MemoryStore) -> None:
    known = added(store, memory(1))
    again = replace(memory(2), extracted_key=known.extracted_key)

    stored = store.add_together([addition(again), addition(memory(3)), addition(memory(4))])

    assert [each.memory_id for each in stored] == [memory(3).memory_id, memory(4).memory_id]
    assert store.get("acme", again.memory_id) is None
    assert store.evidence_count("acme", again.memory_id) == 0


def test_what_asks_for_no_guard_is_stored_beside_the_fact_it_repeats(store: MemoryStore) -> None:
    known = added(store, memory(1))
    again = replace(memory(2), extracted_key=known.extracted_key)

    assert len(store.add_together([addition(again, guarded=False), addition(memory(3))])) == 2
    assert store.guarded_by(ACME.home, known.guard_key, "acme") == known.memory_id


def test_the_guard_of_a_forgotten_memory_is_not_taken_over_here(store: MemoryStore) -> None:
    known = added(store, memory(1))
    forgotten(store, known)
    again = replace(memory(2), extracted_key=known.extracted_key)

    assert store.add_together([addition(again), addition(memory(3))]) == [memory(3)]


def test_an_id_that_is_there_is_left_as_it_is(store: MemoryStore) -> None:
    there = added(store, memory(1), guarded=False)
    other = replace(there, extracted_key="another fact", importance=0.9)

    stored = store.add_together([addition(other), addition(memory(2))])

    assert stored == [memory(2)]
    assert store.get("acme", there.memory_id) == there
    assert store.guarded_by(ACME.home, "another fact", "acme") is None


def test_nothing_is_asked_of_the_store_for_nothing(store: MemoryStore) -> None:
    assert store.add_together([]) == []


@dataclass
class Overtaken(Calls):
    """Lets another process store a fact just before the first transaction."""

    world: World | None = None
    fact: Memory = field(default_factory=lambda: memory(9))

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        super().before(operation, arguments)
        if operation == "TransactWriteItems" and self.world:
            world, self.world = self.world, None
            added(world.store, self.fact)


def test_one_that_is_overtaken_is_left_out_and_the_others_are_stored(world: World) -> None:
    plan = Overtaken(world=world, fact=replace(memory(9), extracted_key=memory(2).extracted_key))

    stored = world.another(plan).store.add_together([addition(memory(number)) for number in (1, 2, 3)])

    assert [each.memory_id for each in stored] == [memory(1).memory_id, memory(3).memory_id]
    assert plan.made == ["BatchGetItem", "TransactWriteItems", "TransactWriteItems"]
    assert world.kinds() == {"rows": 3, "guards": 3, "markers": 3, "evidence": 2}


def test_where_no_guard_can_be_read_what_is_known_is_refused_all_the_same(world: World) -> None:
    known = added(world.store, memory(1))
    again = replace(memory(2), extracted_key=known.extracted_key)

    stored = world.another(Refusing(operation="BatchGetItem")).store.add_together([addition(again), addition(memory(3))])

    assert stored == [memory(3)]


class Unsealed(FakeSeals):
    """Loses the keys' service behind so many seals."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most
        self.lost = Event()

    def seal(self, tenant_id: str, place: str, plain: bytes) -> bytes:
        if not self._left:
            self.lost.set()
            raise NotReadyError
        self._left -= 1
        return super().seal(tenant_id, place, plain)


class Waiting(Calls):
    """Sends the first transaction when the keys' service is lost."""

    def __init__(self, lost: Event) -> None:
        super().__init__()
        self._lost = lost

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        super().before(operation, arguments)
        if operation == "TransactWriteItems":
            assert self._lost.wait(10)


def test_what_was_begun_is_done_before_it_is_told_that_the_next_cannot_be_sealed(world: World) -> None:
    # A row, its documents and their traits; a batch goes when the first of the next one is made.
    seals = Unsealed(most=3 * 26 + 1)
    with ThreadPoolExecutor(2) as threads:
        store = World(world.client, world.clock, Waiting(seals.lost), seals=seals, executor=threads).store
        with pytest.raises(NotReadyError):
            store.add_together([addition(memory(number)) for number in range(30)])

        assert world.kinds()["rows"] == 25


# In a request


def sent(world: World) -> list[Any]:
    """Send the three texts, each under a key of its own."""
    asked = [Asked(ACME, Said(text), keyed(number)) for number, text in enumerate(TEXTS)]
    return world.service.add_many("acme", asked)


def calls_of_a_healthy_run(world: World) -> list[str]:
    calls = Calls()
    sent(world.another(calls))
    return calls.made


EXPECTED = ["PutItem"] * 3 + ["BatchGetItem", "TransactWriteItems"] + ["UpdateItem"] * 3


def test_a_request_of_several_makes_one_transaction(world: World) -> None:
    assert calls_of_a_healthy_run(world) == EXPECTED
    assert world.kinds() == {"rows": 3, "guards": 3, "markers": 3, "evidence": 3}


class DiedError(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", range(len(EXPECTED)))
@pytest.mark.parametrize("error", [DiedError(), no_answer()], ids=["dies", "no answer"])
def test_whatever_call_fails_all_are_stored_once_when_it_is_sent_again(
    world: World, *, call: int, after: bool, error: BaseException
) -> None:
    plan = FailingAt(call=call, after_it=after, error=error)
    with suppress(DiedError, DependencyUnavailableError):
        sent(world.another(plan))
    assert plan.struck
    world.clock.advance(seconds=30)

    done = sent(world)

    assert not [each for each in done if isinstance(each, MemorySyncError)]
    assert [each.outcomes[0].outcome for each in done] == [Outcome.STORED] * 3
    assert world.kinds() == {"rows": 3, "guards": 3, "markers": 3, "evidence": 3}


# Batches


def whole(world: World, *, writes: int = 4, characters: int = 100) -> Whole:
    """Return an addition of so many writes, and so many characters in all."""
    return Whole({}, [Put(world.table, {"t": "x" * (characters // writes)})] * writes)


def test_a_transaction_takes_a_hundred_writes_and_a_bounded_length(world: World) -> None:
    short, long = whole(world), whole(world, characters=MOST_CHARACTERS // 2 + 1)

    assert [len(batch) for batch in batches([short] * 60)] == [25, 25, 10]
    assert [len(batch) for batch in batches([long] * 3)] == [1, 1, 1]
    assert list(batches([])) == []
