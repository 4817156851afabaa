"""The rules of a memory's life, and of a page."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.memories.listing import page_of
from backend.memories.model import MAX_PAGE_BYTES, State, VectorState, json_bytes
from backend.tenancy.scope import Scope
from tests.unit.memories.samples import ACME, MODEL, NEIGHBOUR, NOW, OTHER_PROJECT, RIVAL, VECTOR, memory

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(("scope", "readable"), [(ACME, True), (NEIGHBOUR, False), (OTHER_PROJECT, False), (RIVAL, False)])
def test_a_memory_is_readable_in_its_own_scope_alone(scope: Scope, readable: bool) -> None:
    assert memory(1).readable_by(scope, NOW) is readable


def test_a_scope_key_alone_does_not_open_another_tenants_memory() -> None:
    stolen = Scope("rival", "support", ACME.environment, "u1", ACME.keys)

    assert not memory(1).readable_by(stolen, NOW)


def test_a_memory_lives_until_it_expires_or_is_forgotten() -> None:
    each = memory(1, expires_at=NOW + SECOND)

    assert each.is_live(NOW)
    assert not each.is_live(NOW + SECOND)
    assert not each.forgotten(NOW).is_live(NOW)


def test_every_change_that_the_index_should_hear_of_is_a_new_row_version() -> None:
    bare = memory(1, vector=None, model=None)
    whole = bare.with_vectors([VECTOR], MODEL, NOW + SECOND)
    gone = whole.forgotten(NOW + 2 * SECOND)

    assert [each.row_version for each in (bare, whole, gone)] == [1, 2, 3]
    assert [each.revision for each in (bare, whole, gone)] == [1, 1, 1]
    assert (bare.vector_state, whole.vector_state) == (VectorState.PENDING, VectorState.READY)
    assert (gone.state, gone.forgotten_at, gone.updated_at) == (State.FORGOTTEN, NOW + 2 * SECOND, NOW + 2 * SECOND)


def places(count: int) -> list[tuple[str, str]]:
    return [(f"p{number}", memory(number).memory_id) for number in range(count)]


def test_a_page_that_is_followed_by_more_says_where_to_go_on() -> None:
    found = {each.memory_id: each for each in (memory(number) for number in range(3))}

    page = page_of(places(3), found, ACME, limit=2, now=NOW)
    last = page_of(places(2), found, ACME, limit=2, now=NOW)

    assert ([each.memory_id for each in page.memories], page.next_position) == ([places(3)[0][1], places(3)[1][1]], "p1")
    assert last.next_position is None


def test_what_may_not_be_read_leaves_a_gap_and_not_an_end() -> None:
    found = {each.memory_id: each for each in (memory(0), memory(1).forgotten(NOW), memory(3))}

    page = page_of(places(4), found, ACME, limit=3, now=NOW)

    assert ([each.memory_id for each in page.memories], page.next_position) == ([memory(0).memory_id], "p2")


@pytest.mark.parametrize("character", ["x", "ü", "\x01", '"'])
def test_a_page_is_cut_by_what_its_memories_are_in_json(character: str) -> None:
    found = {each.memory_id: each for each in (memory(number, text=character * 100_000) for number in range(100))}

    page = page_of(places(100), found, ACME, limit=100, now=NOW)
    size = sum(map(json_bytes, page.memories))

    assert 0.8 * MAX_PAGE_BYTES < size <= MAX_PAGE_BYTES
    assert page.next_position == f"p{len(page.memories) - 1}"


def test_a_page_has_one_memory_however_large_it_is() -> None:
    found = {memory(0).memory_id: memory(0, text="x" * (MAX_PAGE_BYTES + 1)), memory(1).memory_id: memory(1)}

    page = page_of(places(2), found, ACME, limit=2, now=NOW)

    assert ([each.memory_id for each in page.memories], page.next_position) == ([memory(0).memory_id], "p0")
