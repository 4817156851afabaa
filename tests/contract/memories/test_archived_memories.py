"""What every memory store promises of archived memories, and how their rows lie in the table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.kit.clock import epoch_ms
from backend.memories import items
from backend.memories.archiving import brought_back, guarded_again, put_aside
from backend.memories.listing import Listing
from backend.memories.model import PLAIN_VERSION, SCHEMA_VERSION, Memory, State
from backend.memories.ports import MemoryStore, Rekeying
from tests.contract.memories.memory_world import World
from tests.contract.memories.store_cases import added, forgotten
from tests.unit.memories.samples import ACME, NEIGHBOUR, NOW, memory, memory_id

LATER = NOW + timedelta(minutes=1)
ARCHIVE = Listing(state=State.ARCHIVED)


def away(store: MemoryStore, each: Memory) -> Memory:
    step = put_aside(each, "key:1", "over", LATER)
    store.replace(step.memory, step.changes, closes=step.closes)
    return step.memory


def listed(store: MemoryStore, listing: Listing) -> list[Memory]:
    return list(store.page(ACME, limit=9, before=None, now=LATER, listing=listing).memories)


def test_an_archived_memory_is_what_was_stored_in_a_list_of_its_own(store: MemoryStore) -> None:
    first, second = added(store, memory(1)), added(store, memory(2))
    added(store, memory(3, NEIGHBOUR))
    archived = away(store, first)

    assert store.get("acme", first.memory_id) == archived
    assert listed(store, ARCHIVE) == [archived]
    assert listed(store, Listing()) == [second]
    store.settle(archived)
    assert listed(store, ARCHIVE) == [archived], "with no marker to tell of it"


def test_a_list_of_what_was_known_files_revisions_as_the_memory_is_filed_now(store: MemoryStore) -> None:
    archived = away(store, added(store, memory(1)))
    (shown,) = listed(store, Listing(state=State.ARCHIVED, known_at=NOW))
    assert (shown.revision, shown.state, shown.archived_at) == (1, State.ARCHIVED, LATER)
    assert listed(store, Listing(known_at=NOW)) == []

    step = brought_back(archived, None, LATER + timedelta(minutes=1))
    store.replace(step.memory, step.changes, closes=step.closes)
    (shown,) = listed(store, Listing(known_at=LATER))
    assert (shown.revision, shown.state, shown.archived_at) == (2, State.ACTIVE, None)
    assert listed(store, Listing(state=State.ARCHIVED, known_at=LATER)) == []


def test_the_index_is_told_of_every_revision(store: MemoryStore) -> None:
    archived = away(store, added(store, memory(1)))

    pending, _ = store.pending(ACME)

    held = {(each.revision, each.state, each.known_until) for each in store.changes(archived)}  # type: ignore[union-attr]  # documents
    assert held == {(2, "archived", None), (1, "archived", epoch_ms(LATER))}
    assert set(map(repr, pending)) == set(map(repr, store.changes(archived)))


def test_the_guard_is_given_back_by_one_that_is_gone_and_kept_by_one_that_stands(store: MemoryStore) -> None:
    archived = away(store, added(store, memory(1, text="tea")))
    assert guarded_again(store, archived, LATER) is None, "it has it still"
    newer = added(store, memory(2, text="tea"), replacing=memory_id(1))
    assert guarded_again(store, archived, LATER) is None
    forgotten(store, newer)

    rekeying = guarded_again(store, archived, LATER)
    assert rekeying == Rekeying(take=archived.extracted_key, replacing=newer.memory_id)
    step = brought_back(archived, None, LATER)
    store.replace(step.memory, step.changes, closes=step.closes, rekeying=rekeying)
    assert store.guarded_by(ACME.home, archived.extracted_key, "acme") == memory_id(1)


def test_the_release_before_is_told_that_it_cannot_read_an_archived_row_and_only_that(world: World) -> None:
    """It knows no such state: met as a plain row it would fail over it, and with it the answer that it stands in."""
    archived = away(world.store, added(world.store, memory(1)))

    versions = {
        item["sk"]: item["schema_version"] for item in world.items_in() if item["pk"] == items.row_pk("acme", memory_id(1))
    }
    assert versions == {items.ROW: SCHEMA_VERSION, items.revision_sk(1): PLAIN_VERSION}

    step = brought_back(archived, None, LATER)
    world.store.replace(step.memory, step.changes, closes=step.closes)
    versions = {
        item["sk"]: item["schema_version"] for item in world.items_in() if item["pk"] == items.row_pk("acme", memory_id(1))
    }
    assert versions[items.ROW] == PLAIN_VERSION


@pytest.mark.parametrize("has_vector", [True, False])
def test_an_archived_row_stands_in_no_session_and_is_still_owed_its_vector(world: World, has_vector: bool) -> None:
    row = world.row_of(memory(state=State.ARCHIVED, session_id="s", vector=memory().vector if has_vector else None))

    assert row["list_pk"] == f"W#archived#{ACME.home}"
    assert "link_pk" not in row
    assert ("due_pk" in row) is not has_vector
