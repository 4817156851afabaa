"""What is counted of a memory: the same, in whatever order, how often and in whatever batches word of it comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from backend.usage.model import REMEMBERED, UNUSED, Access, Tally, Usage, folded

BEGIN = datetime(2026, 1, 5, 9, tzinfo=UTC)
MEMORY = ("acme", "mem_1")


def access(number: int, *memory_ids: str, tenant_id: str = "acme") -> Access:
    return Access(f"acc_{number}", tenant_id, memory_ids or ("mem_1",), BEGIN + timedelta(seconds=number))


def counted(tally: Tally, *accesses: Access) -> Tally:
    return tally.counting(folded(accesses).get(MEMORY, {}))


def marks(begin: int, end: int) -> dict[bytes, datetime]:
    return folded(access(number) for number in range(begin, end))[MEMORY]


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[int, list[list[int]]]:
    """Draw how many accesses there were, and batches in which each of them comes one to three times."""
    count = draw(st.integers(1, 30))
    times = draw(st.lists(st.integers(1, 3), min_size=count, max_size=count))
    every = draw(st.permutations([number for number, often in enumerate(times) for _ in range(often)]))
    cuts = sorted(draw(st.sets(st.integers(0, len(every)), max_size=6)) | {0, len(every)})
    return count, [list(every[start:end]) for start, end in pairwise(cuts)]


@given(deliveries())
def test_each_access_counts_once_and_the_latest_is_the_last(given: tuple[int, list[list[int]]]) -> None:
    count, batches = given
    tally = Tally()
    for batch in batches:
        tally = counted(tally, *map(access, batch))

    assert tally.usage == Usage(count, BEGIN + timedelta(seconds=count - 1))


@given(st.lists(st.tuples(st.integers(0, 9), st.sets(st.sampled_from("abc"), min_size=1), st.sampled_from(["acme", "rival"]))))
def test_every_memory_is_counted_by_itself_and_that_of_another_tenant_apart(said: list[tuple[int, set[str], str]]) -> None:
    accesses = [access(10 * place + number, *ids, tenant_id=tenant) for place, (number, ids, tenant) in enumerate(said)]

    found = {target: Tally().counting(due).usage.access_count for target, due in folded(accesses).items()}

    expected = {(tenant, each) for _, ids, tenant in said for each in ids}
    assert found == {target: sum(target[1] in ids and target[0] == tenant for _, ids, tenant in said) for target in expected}


def test_the_last_access_never_moves_back() -> None:
    late = counted(Tally(), access(60))

    assert counted(late, access(5)).usage == Usage(2, access(60).at)


def test_an_access_is_known_for_as_many_others_as_are_remembered_and_no_longer() -> None:
    first = Tally().counting(marks(0, 1))
    full = first.counting(marks(1, REMEMBERED))
    over = full.counting(marks(REMEMBERED, REMEMBERED + 1))

    assert full.counting(marks(0, 1)) is full
    assert over.counting(marks(0, 1)).usage.access_count == over.usage.access_count + 1
    assert len(over.seen) == REMEMBERED


def test_a_batch_that_comes_again_as_a_whole_counts_nothing_though_all_of_it_is_of_one_memory() -> None:
    batch = marks(0, REMEMBERED)
    once = Tally().counting(batch)

    assert once.usage.access_count == REMEMBERED
    assert once.counting(batch) is once


def test_every_change_is_a_version_and_no_change_is_none() -> None:
    once = Tally().counting(marks(0, 3))

    assert (Tally().version, once.version, once.counting(marks(0, 3)).version) == (0, 1, 1)


def test_nothing_is_counted_of_a_memory_that_is_gone() -> None:
    gone = Tally(is_gone=True)

    assert gone.counting(marks(0, 3)) is gone
    assert gone.usage == UNUSED
