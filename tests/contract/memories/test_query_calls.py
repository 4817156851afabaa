"""What a question asks of the table: so many calls, whatever `k` up to 50, however much is there and whatever it leads to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.index.fake import FakeIndex
from backend.index.model import IndexFilter
from backend.kit.clock import epoch_ms
from backend.kit.dynamodb import Table
from backend.memories.documents import documents_of
from backend.memories.policies import Policies
from backend.retrieval.model import Question
from backend.retrieval.related import MOST_OF_ALL
from backend.retrieval.service import RetrievalService
from backend.tenancy.store import DynamoTenancyStore
from tests.contract.memories.memory_world import Calls, World
from tests.support import tables
from tests.support.executors import AtOnce
from tests.unit.memories.samples import ACME, memory, memory_id

POLICY, PENDING, ROWS = "GetItem", "Query", "BatchGetItem"


@pytest.fixture
def asking(world: World) -> tuple[RetrievalService, Calls]:
    """Fifty boats, each made of two plums, and each plum of a stone; all are shown by the index but the stones."""
    tables.create_table("TenancyTable")
    stones = [memory(number, text=f"stone {number}") for number in range(500, 550)]
    plums = [memory(n, text=f"plum {n}", derived_from=(memory_id(500 + n % 50),)) for n in range(200, 300)]
    boats = [
        memory(n, text=f"a red boat {n}", derived_from=(memory_id(200 + 2 * n), memory_id(201 + 2 * n)), session_id="s")
        for n in range(50)
    ]
    rows = [*boats, *plums, *stones]
    world.table.put_many([world.row_of(each) for each in rows])
    index = FakeIndex()
    index.write("acme", [document for each in [*boats, *plums] for document in documents_of(each)])
    calls = Calls()
    counted = world.another(calls)
    retrieval = RetrievalService(
        rows=counted.store,
        index=index,
        recent=FakeIndex(),
        embedder=world.embedder,
        policies=Policies(DynamoTenancyStore(Table("TenancyTable", counted.seam), counted.ids), world.clock),
        clock=world.clock,
        executor=AtOnce(),
    )
    return retrieval, calls


def made(asking: tuple[RetrievalService, Calls], world: World, question: Question) -> list[str]:
    """Return the calls of a question: those of one whose policy is not known yet, less the policy, are those of the next."""
    retrieval, calls = asking
    at = replace(question, filter=replace(question.filter, now=epoch_ms(world.clock.now())))
    counts = []
    for _ in range(2):
        calls.made.clear()
        retrieval.query(ACME, at)
        counts.append(sorted(calls.made))
    assert counts[0] == sorted([*counts[1], POLICY])
    return counts[1]


def test_a_question_is_two_calls_whatever_it_asks_for_and_three_where_the_policy_is_not_known(
    asking: tuple[RetrievalService, Calls], world: World
) -> None:
    for k in (1, 18, 19, 48, 50):
        assert made(asking, world, Question("a red boat", k, IndexFilter())) == sorted([PENDING, ROWS])
        world.clock.advance(seconds=10)


def test_each_step_from_what_was_found_is_one_call_more_at_most(asking: tuple[RetrievalService, Calls], world: World) -> None:
    for k, depth in ((1, 1), (50, 1), (1, 2), (5, 2), (50, 2)):
        asked = Question("a red boat", k, IndexFilter(), traversal_depth=depth)

        found = made(asking, world, asked)

        assert found[:2] == [ROWS, ROWS]
        assert len(found) <= 2 + depth
        assert 2 <= sum(len(each.related) for each in asking[0].query(ACME, asked).answers) <= MOST_OF_ALL
        world.clock.advance(seconds=10)
