"""Sessions that are too long to come back whole: what stands around a hit is still right, or nothing is said to."""

from __future__ import annotations

import pytest

from backend.index.fake import FakeIndex
from backend.index.model import IndexDocument, SearchResult, Tombstone
from backend.index.opensearch import OpenSearchIndex
from backend.index.opensearch_sessions import MOST_MEMBERS
from tests.contract.index.index_cases import ANA, document, ids, question, tombstone
from tests.contract.index.test_index_convergence import alike
from tests.contract.index.test_index_sessions import distances
from tests.engines.conftest import Cluster

TOO_MANY = MOST_MEMBERS + 300
DAY_MS = 24 * 60 * 60 * 1000


def session(name: str, size: int, step_ms: int, boats: set[int]) -> list[IndexDocument]:
    """A session with a turn every so many milliseconds, some of which are of boats."""
    return [
        document(
            f"{name}{number:05}",
            "boat" if number in boats else "tree",
            vector=None,
            session_id=name,
            occurred_at=number * step_ms,
        )
        for number in range(size)
    ]


@pytest.fixture
def index(cluster: Cluster) -> OpenSearchIndex:
    return cluster.index()


def test_hits_in_a_session_too_long_to_come_whole_have_the_neighbours_that_they_have(index: OpenSearchIndex) -> None:
    fake = FakeIndex()
    turns = [
        *session("quick", TOO_MANY, 1000, {0, 100, 103, 2700, TOO_MANY - 1}),
        *session("slow", 9, DAY_MS, {4}),
        *session("alone", 1, DAY_MS, {0}),
    ]
    for each in (index, fake):
        each.write("acme", turns)
    pending: list[IndexDocument | Tombstone] = [
        document("new", "tree", vector=None, session_id="quick", occurred_at=2_700_001),
        document("late", "boat", vector=None, session_id="quick", occurred_at=DAY_MS),
        tombstone("quick00101"),
    ]

    asked = question("boat", None, around=2)
    assert len(fake.search(ANA, asked).around) > len(fake.search(ANA, asked).hits)
    alike(index.search(ANA, asked), fake.search(ANA, asked))
    alike(index.search(ANA, asked, pending), fake.search(ANA, asked, pending))


def test_a_session_of_one_moment_does_not_take_the_room_of_others(index: OpenSearchIndex) -> None:
    index.write("acme", [*session("import", TOO_MANY, 0, {7, 9}), *session("slow", 9, DAY_MS, {4})])

    result = index.search(ANA, question("boat", None, around=1))

    assert ids(result) == ["import00007", "import00009", "slow00004"]
    assert distances(result, "slow00004") == {"slow00003": -1, "slow00004": 0, "slow00005": 1}
    assert neighbours(result) == {"slow00003", "slow00005"}
    # Which turns stand between the two is not known, so nothing is said to stand next to either.
    assert distances(result, "import00007") == {"import00007": 0}
    alone = index.search(ANA, question("boat", None, limit=2, around=1))
    assert (ids(alone), alone.around) == (["import00007", "import00009"], ())


def test_of_more_hits_than_have_room_the_best_have_their_neighbours_and_none_has_a_wrong_one(index: OpenSearchIndex) -> None:
    fake = FakeIndex()
    boats = set(range(0, 6000, 30))
    turns = [
        *session("long", 6000, 1000, boats),
        document("best", "boat boat", vector=None, session_id="long", occurred_at=3_000_500),
    ]
    for each in (index, fake):
        each.write("acme", turns)

    ours, theirs = (each.search(ANA, question("boat", None, around=2)) for each in (index, fake))

    assert ids(ours) == ids(theirs)
    assert len(ours.around) < MOST_MEMBERS < len(theirs.around)
    assert distances(ours, "best") == distances(theirs, "best")
    known = {name: distances(ours, name) for name in ids(ours)}
    assert all(near.items() <= distances(theirs, name).items() for name, near in known.items())
    whole = sum(near == distances(theirs, name) for name, near in known.items())
    assert whole >= MOST_MEMBERS // 5 - 1


def neighbours(result: SearchResult) -> set[str]:
    return {hit.memory_id for hit in result.around}
