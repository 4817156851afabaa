"""From messages to counts, with a store that is in the way, or away."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier

import pytest

from backend.kit.clock import FakeClock
from backend.kit.deadline import deadline
from backend.kit.errors import ConflictError, NewerReleaseError, OutcomeUnknownError, TableUnavailableError
from backend.kit.ids import FakeIds
from backend.usage.counting import MOST_ROUNDS, SPARE_SECONDS, Counting
from backend.usage.fake import FakeRecording, FakeUsageStore
from backend.usage.messages import IDS_A_MESSAGE, access_of, message_of, parts_of
from backend.usage.model import COUNTED_FOR, GONE_FOR, Access, Tally, Target, Usage
from tests.support.executors import AtOnce
from tests.support.logs import log_lines

QUERIES = 50


class World:
    """Queries that say what they returned, and who counts it."""

    def __init__(self, store: FakeUsageStore | None = None) -> None:
        self.clock = FakeClock()
        self.store = store or FakeUsageStore()
        self.recording = FakeRecording(FakeIds())
        self.counting = Counting(store=self.store, clock=self.clock, executor=AtOnce())

    def returned(self, *memory_ids: str, tenant_id: str = "acme") -> str:
        """Say that a query returned these; return the message."""
        self.recording.record(tenant_id, memory_ids, self.clock.now())
        return self.recording.messages[-1]

    def count(self, *messages: str) -> list[str]:
        """Count messages, each under its place; return what has to come again."""
        return self.counting.count({str(number): message for number, message in enumerate(messages)})

    def usage(self, memory_id: str, tenant_id: str = "acme") -> Usage | None:
        """Return what readers see."""
        return self.store.get_many(tenant_id, [memory_id]).get(memory_id)


@pytest.fixture
def world() -> World:
    return World()


def test_a_batch_is_one_write_for_each_memory(world: World) -> None:
    messages = [world.returned("a", "b"), world.returned("b"), world.returned("b", tenant_id="rival")]

    assert world.count(*messages) == []

    now = world.clock.now()
    assert (world.usage("a"), world.usage("b"), world.usage("b", "rival")) == (Usage(1, now), Usage(2, now), Usage(1, now))
    assert [tally.version for tally in world.store.tallies([("acme", "a"), ("acme", "b")]).values()] == [1, 1]


def test_what_comes_again_is_known(world: World) -> None:
    message = world.returned("a")
    world.count(message, message)

    assert world.count(message) == []
    assert world.usage("a") == Usage(1, world.clock.now())


def test_a_message_that_cannot_be_read_comes_again_and_holds_up_no_other(world: World) -> None:
    newer = json.dumps({**json.loads(world.returned("a")), "form": 2})
    text = '{"text": "My sister lives in Lisbon."}'

    with log_lines() as log:
        left = world.count("no json", world.returned("b"), newer, text, "[]", '{"form": 1}')

    assert left == ["0", "2", "3", "4", "5"]
    assert world.usage("b")
    assert world.usage("a") is None
    assert len(log.lines()) == len(left)
    assert "sister" not in log.text()


def test_of_a_forgotten_memory_nothing_is_counted_and_its_messages_are_done(world: World) -> None:
    late, message = world.returned("a"), world.returned("a", "b")
    world.count(world.returned("a"))
    world.store.forget("acme", "a", world.clock.now())

    assert world.count(late, message) == []
    assert (world.usage("a"), world.usage("b")) == (None, Usage(1, world.clock.now()))


def test_what_is_older_than_any_queue_keeps_it_is_not_counted_and_does_not_come_again(world: World) -> None:
    old = world.returned("a")
    world.clock.advance(seconds=1)
    young = world.returned("b")
    world.clock.advance(seconds=COUNTED_FOR.total_seconds() - 1)

    assert world.count(old, young) == []
    assert (world.usage("a"), bool(world.usage("b"))) == (None, True)
    # So nothing that comes late finds the place of a forgotten memory empty.
    assert timedelta(days=1) <= GONE_FOR - COUNTED_FOR


class Meddling(FakeUsageStore):
    """Somebody else counts between reading and writing, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def tallies(self, targets: Sequence[Target]) -> dict[Target, Tally]:
        """Answer, and let somebody in."""
        found = super().tallies(targets)
        if self.times:
            self.times -= 1
            others = Access(f"other_{self.times}", "acme", ("a",), datetime.fromisoformat("2026-01-01T00:00:00Z"))
            super().put(("acme", "a"), found["acme", "a"].counting({others.mark: others.at}))
        return found


def test_a_tally_that_somebody_else_changed_meanwhile_is_read_again() -> None:
    world = World(Meddling(3))

    assert world.count(world.returned("a")) == []
    assert world.usage("a") == Usage(4, world.clock.now())


def test_a_tally_that_keeps_changing_is_left_to_the_next_delivery_which_counts_it() -> None:
    world = World(Meddling(MOST_ROUNDS))
    message = world.returned("a", "b")

    assert world.count(message) == ["0"]
    assert world.count(message) == []
    assert (world.usage("a"), world.usage("b")) == (Usage(MOST_ROUNDS + 1, world.clock.now()), Usage(1, world.clock.now()))


class Unanswering(FakeUsageStore):
    """Takes the write of one memory, once, and does not say so."""

    unanswered: str | None = "b"

    def put(self, target: Target, tally: Tally) -> None:
        """Store it."""
        super().put(target, tally)
        if target[1] == self.unanswered:
            self.unanswered = None
            raise OutcomeUnknownError


def test_a_write_without_an_answer_comes_again_and_counts_once() -> None:
    world = World(Unanswering())
    message = world.returned("a", "b", "c")

    assert world.count(message) == ["0"]
    assert world.count(message) == []
    assert [world.usage(each) for each in "abc"] == [Usage(1, world.clock.now())] * 3


def test_while_the_table_is_down_everything_comes_again(world: World) -> None:
    messages = [world.returned("a"), world.returned("b")]
    world.store.down = True

    assert world.count(*messages) == ["0", "1"]

    world.store.down = False
    assert world.count(*messages) == []
    assert (world.usage("a"), world.usage("b")) == (Usage(1, world.clock.now()), Usage(1, world.clock.now()))


def test_what_the_time_does_not_suffice_for_comes_again(world: World) -> None:
    message = world.returned("a")

    with deadline(SPARE_SECONDS, lambda: 0.0):
        assert world.count(message) == ["0"]

    assert world.count(message) == []
    assert world.usage("a")


def test_no_batch_is_no_work(world: World) -> None:
    assert world.count() == []


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(QUERIES) as pool:
        yield pool


def test_fifty_queries_at_once_of_one_memory_count_fifty(threads: ThreadPoolExecutor, world: World) -> None:
    """Each is counted by a process of its own, and all begin together: everybody is in everybody's way."""
    begin = Barrier(QUERIES)
    messages = [world.returned("a") for _ in range(QUERIES)]

    def process(message: str) -> int:
        counting = Counting(store=world.store, clock=world.clock, executor=AtOnce())
        begin.wait()
        tries = 1
        while counting.count({"m": message}):
            tries += 1
        return tries

    list(threads.map(process, messages))

    assert world.usage("a") == Usage(QUERIES, world.clock.now())


# Messages


def test_a_message_says_what_was_returned_and_is_read_as_it_was_written(world: World) -> None:
    access = Access("acc_1", "acme", ("a", "b"), world.clock.now())

    assert access_of(message_of(access)) == access


def test_many_memories_are_said_in_parts_that_each_fit_into_a_message(world: World) -> None:
    ids = tuple(f"mem_{number:026d}" for number in range(2 * IDS_A_MESSAGE + 1))
    parts = list(parts_of(Access("acc_1", "a" * 64, (*ids, *ids), world.clock.now())))

    assert [len(part.memory_ids) for part in parts] == [IDS_A_MESSAGE, IDS_A_MESSAGE, 1]
    assert tuple(each for part in parts for each in part.memory_ids) == ids
    assert max(len(message_of(part).encode()) for part in parts) < 256 * 1024
    assert {part.mark for part in parts} == {parts[0].mark}


def test_a_store_that_is_away_or_in_the_way_says_so(world: World) -> None:
    world.store.put(("acme", "a"), Tally(version=1))
    with pytest.raises(ConflictError):
        world.store.put(("acme", "a"), Tally(version=1))
    world.store.down = True
    with pytest.raises(TableUnavailableError):
        world.store.get_many("acme", ["a"])


def test_a_tally_of_a_newer_release_is_left_and_keeps_no_other_from_being_counted() -> None:
    class Newer(FakeUsageStore):
        def tallies(self, targets: Sequence[Target]) -> dict[Target, Tally]:
            if ("acme", "newer") in targets:
                raise NewerReleaseError
            return super().tallies(targets)

    world = World(Newer())
    both, newer, other = world.returned("a", "newer"), world.returned("newer"), world.returned("b")

    assert world.count(both, newer, other) == ["0", "1"]

    assert [usage and usage.access_count for usage in map(world.usage, ("a", "b"))] == [1, 1]
