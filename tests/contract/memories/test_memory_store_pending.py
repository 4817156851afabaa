"""What every memory store promises of changes that the index does not hold yet, and of what is due."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.kit.clock import FakeClock
from backend.memories.documents import changes_for, documents_of
from backend.memories.model import NEWEST_PENDING
from backend.memories.ports import MemoryStore
from backend.tenancy.scope import Environment, user_scope
from tests.contract.memories.store_cases import Fill, add_large, added, forgotten
from tests.unit.memories.samples import (
    ACME,
    MODEL,
    NEIGHBOUR,
    NOW,
    OTHER_PROJECT,
    RIVAL,
    VECTOR,
    memory,
    memory_id,
)

ALL = 1000


# Pending markers


def test_every_change_is_pending_until_it_is_settled(store: MemoryStore) -> None:
    first, second = memory(1), memory(2)
    added(store, first)
    added(store, second)
    assert store.pending(ACME) == ([*documents_of(second), *documents_of(first)], False)
    assert store.pending(NEIGHBOUR) == ([], False)

    store.settle(first)

    assert store.pending(ACME) == ([*documents_of(second)], False)


def test_what_is_pending_is_told_of_those_that_are_named_and_of_their_owner_alone(store: MemoryStore) -> None:
    first, second, third = memory(1), memory(2), memory(3)
    for each in (first, second, third):
        added(store, each)
    store.settle(first)

    named = [memory_id(1), memory_id(2), memory_id(9)]
    assert store.unindexed(ACME.home, named) == frozenset({second.memory_id})
    assert store.unindexed(NEIGHBOUR.home, named) == store.unindexed(ACME.home, []) == frozenset()


def test_of_a_memory_only_the_newest_change_is_pending(store: MemoryStore) -> None:
    first = memory(1)
    added(store, first)
    gone = forgotten(store, first)

    assert store.pending(ACME) == ([*changes_for(gone)], False)


def test_settling_an_older_version_leaves_the_newer_one_pending(store: MemoryStore) -> None:
    first = memory(1)
    added(store, first)
    gone = forgotten(store, first)

    store.settle(first)
    assert store.pending(ACME)[0] == [*changes_for(gone)]

    store.settle(gone)
    store.settle(gone)
    assert store.pending(ACME)[0] == []


def test_pending_changes_of_the_whole_chain_are_read(store: MemoryStore) -> None:
    both = user_scope("acme", "support", Environment.LIVE, "u1", ("sales",))
    added(store, memory(1))
    added(store, memory(2, OTHER_PROJECT))

    assert {change.memory_id for change in store.pending(both)[0]} == {memory_id(1), memory_id(2)}


@pytest.mark.parametrize(("count", "more"), [(NEWEST_PENDING, False), (NEWEST_PENDING + 1, True)])
def test_the_newest_changes_are_read_and_it_is_said_when_there_are_more(
    store: MemoryStore, fill: Fill, count: int, more: bool
) -> None:
    fill([memory(number) for number in range(count)])

    changes, is_more = store.pending(ACME)

    assert is_more is more
    assert len(changes) == NEWEST_PENDING
    assert {change.memory_id for change in changes} == {memory_id(count - 1 - number) for number in range(NEWEST_PENDING)}


def test_changes_that_fill_several_pages_of_the_table_are_all_read(store: MemoryStore) -> None:
    add_large(store, 20)

    changes, is_more = store.pending(ACME)

    assert [change.memory_id for change in changes] == [memory_id(19 - number) for number in range(20)]
    assert not is_more


# What is due


def test_markers_are_overdue_by_when_they_were_written_oldest_first(store: MemoryStore, clock: FakeClock) -> None:
    for number in range(6):
        added(store, memory(number, scope=ACME if number % 2 else RIVAL))
        clock.advance(seconds=10)

    found = store.overdue(NOW + timedelta(seconds=40), ALL)

    assert found == [("acme" if number % 2 else "rival", memory_id(number)) for number in range(4)]
    assert store.overdue(NOW + timedelta(seconds=40), 2) == found[:2]


def test_what_is_settled_or_set_aside_is_no_longer_overdue(store: MemoryStore, clock: FakeClock) -> None:
    first, second, third = memory(1), memory(2), memory(3)
    for each in (first, second, third):
        added(store, each)
    clock.advance(seconds=1)

    store.settle(first)
    store.set_aside(second)

    assert store.overdue(clock.now(), ALL) == [("acme", memory_id(3))]
    assert {change.memory_id for change in store.pending(ACME)[0]} == {memory_id(2), memory_id(3)}


def test_a_newer_version_of_what_was_set_aside_is_taken_up_again(store: MemoryStore, clock: FakeClock) -> None:
    first = memory(1)
    added(store, first)
    store.set_aside(first)
    gone = forgotten(store, first)
    clock.advance(seconds=1)

    store.set_aside(first)

    assert store.overdue(clock.now(), ALL) == [("acme", memory_id(1))]
    store.set_aside(gone)
    store.set_aside(memory(9))
    assert store.overdue(clock.now(), ALL) == []


def test_rows_wait_for_their_vector_since_they_last_changed_oldest_first(store: MemoryStore) -> None:
    for number in range(6):
        since = NOW + timedelta(seconds=10 * number)
        added(store, memory(number, vector=None, model=None, created_at=since, updated_at=since))
    added(store, memory(7))

    found = store.without_vector(NOW + timedelta(seconds=40), ALL)

    assert found == [("acme", memory_id(number)) for number in range(4)]
    assert store.without_vector(NOW + timedelta(seconds=40), 3) == found[:3]


def test_a_row_with_its_vector_or_forgotten_waits_no_longer(store: MemoryStore) -> None:
    first, second = (memory(number, vector=None, model=None) for number in (1, 2))
    added(store, first)
    added(store, second)

    whole = first.with_vectors([VECTOR], MODEL, NOW)
    store.replace(whole, documents_of(whole))
    forgotten(store, second)

    assert store.without_vector(NOW + timedelta(days=1), ALL) == []
