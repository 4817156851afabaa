"""A memory that is archived is put aside, not lost: it is read, changed, forgotten and brought back, and said anew beside it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.extraction.pipeline import Pipeline
from backend.index.model import IndexDocument
from backend.kit.errors import ConflictError, MemoryNotFoundError, PreconditionFailedError
from backend.memories.editing import Change, Editing
from backend.memories.listing import Listing
from backend.memories.model import KEPT, Memory, Said, State
from backend.memories.outcomes import Outcome, Request
from backend.memories.schemas import MemoryView
from backend.tenancy.scope import Scope
from tests.unit.memories.conflict_cases import added, city, row, standing, told
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, NEIGHBOUR, OTHER_PROJECT, RIVAL, keyed, memory

TEA = Said("I drink tea without sugar.")


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


def editing(world: FakeWorld) -> Editing:
    return Editing(
        store=world.store,
        requests=world.requests,
        extractor=Pipeline(),
        embedder=world.embedder,
        policies=world.policies,
        clock=world.clock,
        ids=world.ids,
    )


def archive(
    world: FakeWorld, each: Memory, reason: str | None = None, request: Request | None = None, revision: int | None = None
) -> Memory:
    revisions = frozenset({revision}) if revision else None
    done, _ = editing(world).archive(ACME, Change(each.memory_id, {}, reason=reason, revisions=revisions), request, "key:2")
    world.clock.advance(seconds=1)
    return done


def restore(world: FakeWorld, each: Memory, request: Request | None = None) -> Memory:
    done, _ = editing(world).restore(ACME, each.memory_id, request, "key:3", None)
    world.clock.advance(seconds=1)
    return done


def listed(world: FakeWorld, state: State = State.ACTIVE) -> list[str]:
    page = world.store.page(ACME, limit=50, before=None, now=world.clock.now(), listing=Listing(state=state))
    return [each.memory_id for each in page.memories]


def test_an_archived_memory_is_read_by_its_id_and_listed_on_demand(world: FakeWorld) -> None:
    tea = told(world, TEA)
    at = world.clock.now()

    away = archive(world, tea, "moved out")

    assert (away.state, away.archived_at, away.state_reason, away.reason, away.actor) == (
        *(State.ARCHIVED, at, "moved out"),
        *("moved out", "key:2"),
    )
    assert (away.revision, away.row_version, away.text, away.vector) == (2, 2, tea.text, tea.vector)
    assert world.memories.get(ACME, tea.memory_id) == away == row(world, tea)
    assert (listed(world), listed(world, State.ARCHIVED)) == ([], [tea.memory_id])
    shown = MemoryView.fields_of(away)
    assert (shown["state"], shown["state_reason"]) == ("archived", "moved out")


def test_what_waits_for_a_decision_shows_its_rule_as_the_reason_of_its_state() -> None:
    waiting = MemoryView.fields_of(memory(state=State.DISPUTED, rule="same_claim"))

    assert (waiting["state_reason"], waiting["archived_at"]) == ("same_claim", None)


def test_it_comes_back_as_it_was_with_both_moves_in_its_history(world: FakeWorld) -> None:
    tea = told(world, TEA)

    back = restore(world, archive(world, tea))

    assert back.state is State.ACTIVE
    assert (back.archived_at, back.state_reason, back.valid_until) == (None, None, tea.valid_until)
    assert listed(world) == [tea.memory_id]
    now, earlier = editing(world).history(ACME, tea.memory_id)
    assert [each.memory.state for each in earlier] == [State.ACTIVE, State.ARCHIVED]
    assert [each.reason for each in earlier] == ["archived", "restored"]
    assert (now.revision, now.reason, now.actor) == (3, "restored", "key:3")


def test_archiving_twice_changes_nothing_and_restoring_twice_is_refused(world: FakeWorld) -> None:
    tea = told(world, TEA)
    away = archive(world, tea, "first")

    assert archive(world, tea, "second") == away
    restore(world, tea)
    with pytest.raises(ConflictError, match="neither archived nor superseded"):
        restore(world, tea)


def test_a_change_of_another_revision_is_refused(world: FakeWorld) -> None:
    tea = told(world, TEA)

    with pytest.raises(PreconditionFailedError):
        archive(world, tea, revision=2)
    assert row(world, tea) == tea
    assert archive(world, tea, revision=1).state is State.ARCHIVED


@pytest.mark.parametrize("scope", [NEIGHBOUR, OTHER_PROJECT, RIVAL])
def test_nobody_archives_or_brings_back_what_is_anothers(world: FakeWorld, scope: Scope) -> None:
    tea = told(world, TEA)
    with pytest.raises(MemoryNotFoundError):
        editing(world).archive(scope, Change(tea.memory_id, {}), None, None)
    away = archive(world, tea)
    with pytest.raises(MemoryNotFoundError):
        editing(world).restore(scope, tea.memory_id, None, None, None)
    assert row(world, tea) == away


def test_under_one_key_it_is_done_once(world: FakeWorld) -> None:
    tea = told(world, TEA)

    archive(world, tea, request=keyed(1))
    restore(world, tea, request=keyed(2))
    again = archive(world, tea, request=keyed(1))

    assert again == row(world, tea)
    assert (again.state, again.revision) == (State.ACTIVE, 3)


def test_what_cannot_be_decrypted_is_left_where_it_is(world: FakeWorld) -> None:
    sealed = memory(unreadable=b"sealed", unreadable_for="expired")
    world.store.add(sealed, (), guarded=False)

    with pytest.raises(ConflictError, match="cannot be decrypted"):
        archive(world, sealed)


def test_an_archived_memory_can_be_changed_and_forgotten(world: FakeWorld) -> None:
    tea = told(world, TEA)
    archive(world, tea)

    changed, _ = editing(world).change(ACME, Change(tea.memory_id, {"tags": ("old",)}, "I drink green tea."), None, None)
    assert (changed.state, changed.tags, changed.text) == (State.ARCHIVED, ("old",), "I drink green tea.")
    world.memories.forget(ACME, tea.memory_id)
    with pytest.raises(MemoryNotFoundError):
        world.memories.get(ACME, tea.memory_id)
    assert listed(world, State.ARCHIVED) == []


# The same fact, said again


def test_a_fact_that_is_archived_is_stored_anew_when_it_is_said_again(world: FakeWorld) -> None:
    tea = told(world, TEA)
    archive(world, tea)

    again = added(world, TEA)
    third = added(world, TEA)

    assert [each.outcome for each in (*again.outcomes, *third.outcomes)] == [Outcome.STORED, Outcome.MERGED]
    assert third.outcomes[0].memory_id == again.memories[0].memory_id != tea.memory_id
    assert listed(world) == [again.memories[0].memory_id]
    assert listed(world, State.ARCHIVED) == [tea.memory_id]


def test_it_comes_back_beside_what_was_said_since_which_keeps_the_guard(world: FakeWorld) -> None:
    tea = told(world, TEA)
    archive(world, tea)
    newer = told(world, TEA)

    restore(world, tea)

    assert set(listed(world)) == {tea.memory_id, newer.memory_id}
    assert told(world, TEA).memory_id == newer.memory_id


def test_it_gets_its_guard_back_from_one_that_is_gone(world: FakeWorld) -> None:
    tea = told(world, TEA)
    archive(world, tea)
    newer = told(world, TEA)
    world.memories.forget(ACME, newer.memory_id)

    restore(world, tea)

    assert told(world, TEA).memory_id == tea.memory_id
    assert listed(world) == [tea.memory_id]


def test_what_nobody_guarded_takes_no_guard_when_it_comes_back(world: FakeWorld) -> None:
    lone = told(world, Said(TEA.text, deduplicate=False))

    restore(world, archive(world, lone))

    assert told(world, TEA).memory_id != lone.memory_id


# What contradicts it


def test_what_is_archived_is_contradicted_by_nothing_and_contradicts_nothing(world: FakeWorld) -> None:
    lisbon = told(world, city("Lisbon"))
    archive(world, lisbon)

    porto = added(world, city("Porto"))

    assert porto.outcomes[0].outcome is Outcome.STORED
    assert row(world, lisbon).superseded_by is None
    assert standing(world) == {"I live in Porto."}
    restore(world, lisbon)
    assert standing(world) == {"I live in Porto.", "I live in Lisbon."}


def test_once_it_is_back_it_is_superseded_like_any_other(world: FakeWorld) -> None:
    lisbon = told(world, city("Lisbon"))
    restore(world, archive(world, lisbon))

    porto = told(world, city("Porto"))

    assert row(world, lisbon).superseded_by == porto.memory_id


def test_of_one_that_was_superseded_and_archived_the_last_is_undone_first(world: FakeWorld) -> None:
    lisbon = told(world, city("Lisbon"))
    porto = told(world, city("Porto"))
    archive(world, row(world, lisbon))

    once = restore(world, lisbon)
    twice = restore(world, lisbon)

    assert (once.state, once.superseded_by) == (State.ACTIVE, porto.memory_id)
    assert (twice.superseded_by, twice.valid_until) == (None, None)


def test_a_request_that_died_after_it_brought_a_memory_back_does_not_undo_more(world: FakeWorld) -> None:
    lisbon = told(world, city("Lisbon"))
    told(world, city("Porto"))
    archive(world, row(world, lisbon))
    world.requests.claim("acme", keyed(5), world.clock.now())
    back = restore(world, lisbon)
    world.clock.advance(seconds=60)

    assert restore(world, lisbon, request=keyed(5)) == back


# The index


def test_every_document_of_a_memory_goes_into_the_archive_with_it(world: FakeWorld) -> None:
    tea = told(world, TEA)
    edited, _ = editing(world).change(ACME, Change(tea.memory_id, {"tags": ("a",)}), None, None)
    away = archive(world, edited)

    held = [each for each in world.store.changes(away) if isinstance(each, IndexDocument)]

    assert [(each.revision, each.state, each.row_version) for each in held] == [
        (3, "archived", 3),
        (1, "archived", 3),
        (2, "archived", 3),
    ]
    back = restore(world, away)
    held = [each for each in world.store.changes(back) if isinstance(each, IndexDocument)]
    assert {(each.state, each.row_version) for each in held} == {("active", 4)}


def test_what_owes_a_vector_owes_it_in_the_archive_too(world: FakeWorld) -> None:
    world.embedder.down = True
    tea = told(world, TEA)
    archive(world, tea)
    world.embedder.down = False

    assert world.projection.repair() == 1
    filled = row(world, tea)
    assert (filled.state, filled.vector_state.value) == (State.ARCHIVED, "ready")


def test_what_expires_does_so_in_the_archive_too(world: FakeWorld) -> None:
    tea = told(world, Said(TEA.text, ttl_minutes=1))
    archive(world, tea)
    world.clock.advance(minutes=1)

    with pytest.raises(MemoryNotFoundError):
        world.memories.get(ACME, tea.memory_id)
    assert world.store.expired(world.clock.now() + timedelta(seconds=1), 9) == [("acme", tea.memory_id)]


def test_no_state_but_these_two_is_readable() -> None:
    readable = {state for state in State if memory(state=state).readable_by(ACME, memory().created_at)}

    assert readable == set(KEPT) == {State.ACTIVE, State.ARCHIVED}
