"""What a question asks of the table: so many calls, whatever `k` up to 50, however much is there and whatever it leads to.

Counted are the calls, and the round trips: those calls that stand one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from backend.adapters import TABLE_THREADS, THREADS
from backend.index.fake import FakeIndex
from backend.index.model import IndexFilter
from backend.kit import observability
from backend.kit.clock import epoch_ms
from backend.kit.deadline import deadline
from backend.kit.dynamodb import Table
from backend.kit.errors import DeadlineExceededError, TableUnavailableError
from backend.memories.documents import changes_for, documents_of
from backend.memories.items import revision_item
from backend.memories.model import Memory, Revision
from backend.memories.policies import Policies
from backend.retrieval.diagnosis import ScopeDoctor
from backend.retrieval.model import Found, Question
from backend.retrieval.related import MOST_OF_ALL
from backend.retrieval.service import NEWEST, RetrievalService
from backend.tenancy.access import MOST_BESIDE
from backend.tenancy.model import MOST_COMPAT_PROJECTS
from backend.tenancy.scope import Environment, Scope, user_scope
from backend.tenancy.store import DynamoTenancyStore
from tests.contract.memories.memory_world import Calls, World
from tests.support import tables
from tests.support.executors import Lanes, Rounds
from tests.support.faults import no_answer, plan
from tests.unit.memories.samples import ACME, NEIGHBOUR, NOW, memory, memory_id

POLICY, PENDING, ROWS = "GetItem", "Query", "BatchGetItem"
LATER = NOW + timedelta(days=1)
PROJECTS = tuple(f"p{number}" for number in range(MOST_COMPAT_PROJECTS - 1))
EVERY_PROJECT = user_scope("acme", None, Environment.LIVE, "u1", (*PROJECTS, "support"))
BESIDE = user_scope("acme", None, Environment.LIVE, "u2", PROJECTS[: MOST_BESIDE - 1])
BOATS, PLUMS, STONES = range(50), range(200, 300), range(500, 550)


@dataclass
class CountedCalls(Calls):
    """Counts steps too."""

    rounds: Rounds = field(default_factory=Rounds)

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Write it down."""
        super().before(operation, arguments)
        self.rounds.step()


@dataclass
class Asking:
    """A retrieval whose calls are counted, on the threads that the product has."""

    world: World
    calls: CountedCalls = field(default_factory=CountedCalls)
    index: FakeIndex = field(default_factory=FakeIndex)

    def __post_init__(self) -> None:
        rounds = self.calls.rounds
        clock = self.world.clock
        self.counted = World(self.world.client, clock, self.calls, executor=Lanes(rounds, TABLE_THREADS))
        self.retrieval = RetrievalService(
            rows=self.counted.store,
            index=self.index,
            recent=FakeIndex,
            embedder=self.world.embedder,
            policies=Policies(DynamoTenancyStore(Table("TenancyTable", self.counted.seam), self.counted.ids), clock),
            clock=clock,
            executor=Lanes(rounds, THREADS),
        )
        self.doctor = ScopeDoctor(rows=self.counted.store, index=self.index, embedder=self.world.embedder)

    def ask(self, question: Question, scope: Scope = ACME) -> Found:
        """Ask, as of now."""
        return self.retrieval.query(
            scope, replace(question, filter=replace(question.filter, now=epoch_ms(self.world.clock.now())))
        )

    def made(self, question: Question, scope: Scope = ACME) -> tuple[list[str], int]:
        """Return the calls of a question whose policy is known, and the round trips of one whose policy is not."""
        self.world.clock.advance(seconds=10)
        counts, rounds = [], []
        for _ in range(2):
            self.calls.made.clear()
            before = self.calls.rounds.now
            self.ask(question, scope)
            counts.append(sorted(self.calls.made))
            rounds.append(self.calls.rounds.now - before)
        assert counts[0] == sorted([*counts[1], POLICY])
        assert rounds[0] == rounds[1]  # The policy is read beside what is pending.
        return counts[1], rounds[0]


@pytest.fixture
def asking(world: World) -> Asking:
    """Fifty boats, each made of two plums, and each plum of a stone; all are shown by the index but the stones."""
    tables.create_table("TenancyTable")
    stones = [memory(number, text=f"stone {number}") for number in STONES]
    plums = [memory(n, text=f"plum {n}", derived_from=(memory_id(500 + n % 50),)) for n in PLUMS]
    boats = [
        memory(n, text=f"a red boat {n}", derived_from=(memory_id(200 + 2 * n), memory_id(201 + 2 * n)), session_id="s")
        for n in BOATS
    ]
    rows = [*boats, *plums, *stones]
    world.table.put_many([world.row_of(each) for each in rows])
    asking = Asking(world)
    asking.index.write("acme", [document for each in [*boats, *plums] for document in documents_of(each)])
    return asking


def changed_since(world: World, index: FakeIndex, *numbers: int) -> list[Memory]:
    """Change these boats, and return them as they were."""
    were = [memory(number, text=f"a red boat {number}") for number in numbers]
    for each in were:
        now = each.edited(LATER, None, None, text=f"a sunken ship {each.memory_id}")
        closes = Revision(each, LATER)
        world.table.put_many([world.row_of(now), revision_item(closes, world.seals)])
        index.write("acme", changes_for(now, [closes]))
    return were


def test_a_question_is_two_calls_whatever_it_asks_for_and_three_where_the_policy_is_not_known(asking: Asking) -> None:
    for k in (1, 18, 19, 48, 50):
        assert asking.made(Question("a red boat", k, IndexFilter())) == (sorted([PENDING, ROWS]), 2)


def test_each_step_from_what_was_found_is_one_call_more_at_most(asking: Asking) -> None:
    for k, depth in ((1, 1), (50, 1), (1, 2), (5, 2), (50, 2)):
        asked = Question("a red boat", k, IndexFilter(), traversal_depth=depth)

        found, rounds = asking.made(asked)

        assert found[:2] == [ROWS, ROWS]
        assert len(found) == rounds <= 2 + depth
        assert 2 <= sum(len(each.related) for each in asking.ask(asked).answers) <= MOST_OF_ALL


def test_what_was_known_once_is_one_call_more_however_many_have_changed_since(asking: Asking, world: World) -> None:
    were = {each.memory_id: each.text for each in changed_since(world, asking.index, *BOATS)}
    for k in (1, 20, 50):
        asked = Question("a red boat", k, IndexFilter(known_at=epoch_ms(NOW)))

        assert asking.made(asked) == (sorted([PENDING, ROWS, ROWS]), 3)

        found = asking.ask(asked).answers
        assert len(found) == k
        assert all(each.memory.text == were.get(each.memory.memory_id, each.memory.text) for each in found)


def test_what_was_known_once_and_leads_to_more_is_four_round_trips_at_most_and_one_for_the_second_step(
    asking: Asking, world: World
) -> None:
    changed_since(world, asking.index, *BOATS)
    for depth in (1, 2):
        asked = Question("a red boat", 50, IndexFilter(known_at=epoch_ms(NOW)), traversal_depth=depth)

        assert asking.made(asked)[1] <= 3 + depth


def test_over_as_many_projects_as_there_may_be_what_is_pending_is_two_round_trips(asking: Asking) -> None:
    calls, rounds = asking.made(Question("a red boat", 50, IndexFilter()), EVERY_PROJECT)

    assert calls == sorted([ROWS, *[PENDING] * len(EVERY_PROJECT.keys)])
    assert len(EVERY_PROJECT.keys) == MOST_COMPAT_PROJECTS + 1
    assert rounds == 3


def test_a_question_that_finds_nothing_is_told_why_in_one_round_trip_more(asking: Asking) -> None:
    asked = Question("a red boat", 5, IndexFilter(sources=("mail",)))

    found = asking.ask(asked, NEIGHBOUR)
    asking.calls.made.clear()
    before = asking.calls.rounds.now
    diagnosis = asking.doctor.examine(NEIGHBOUR, asked, BESIDE, changes=found.changes)

    assert diagnosis
    assert asking.calls.made == [PENDING] * MOST_BESIDE
    assert asking.calls.rounds.now - before == 1
    assert asking.made(asked, NEIGHBOUR) == ([PENDING], 1)


@pytest.mark.skipif(not tables.pages_are_whole(), reason="each page of the list of the newest is a call")
def test_while_the_index_is_down_the_newest_rows_are_two_round_trips_more(asking: Asking) -> None:
    asking.index.down = True

    found, rounds = asking.made(Question("stone", 50, IndexFilter()))

    assert (found, rounds) == (sorted([PENDING, PENDING, ROWS, ROWS]), 4)
    newest = {each.memory.memory_id for each in asking.ask(Question("stone", 50, IndexFilter())).answers}
    assert newest == {memory_id(number) for number in [*STONES][-NEWEST:]}


# Side by side


def test_what_is_read_side_by_side_counts_as_its_request_and_keeps_to_its_time(world: World) -> None:
    with ThreadPoolExecutor(4) as threads, observability.recording("request", "r1") as record:
        store = World(world.client, world.clock, executor=threads).store

        store.pending(EVERY_PROJECT)
        with deadline(0), pytest.raises(DeadlineExceededError):
            store.pending(EVERY_PROJECT)

    assert record.counts["dynamodb_calls"] == len(EVERY_PROJECT.keys)


def test_what_cannot_be_read_of_one_project_is_not_left_out_of_all(world: World) -> None:
    with ThreadPoolExecutor(4) as threads:
        store = World(world.client, world.clock, plan(*[no_answer()] * 7), executor=threads).store

        with deadline(1.0), pytest.raises(TableUnavailableError):
            store.pending(EVERY_PROJECT)
