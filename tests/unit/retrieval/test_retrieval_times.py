"""What is asked of the past, of what waits, of long texts and of what cannot be read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from backend.kit import observability
from backend.kit.clock import epoch_ms
from backend.memories.conflicts import retired
from backend.memories.documents import changes_for, documents_of
from backend.memories.model import REDACTED, Memory, Revision, State
from tests.unit.memories.samples import ACME, memory_id
from tests.unit.memories.samples import memory as sample
from tests.unit.retrieval.retrieval_world import World


def ended(world: World, memory: Memory) -> Memory:
    """End a memory now, as a newer statement does, without telling the index."""
    step = retired(memory, replace(memory, memory_id=memory_id(99), valid_from=world.clock.now()), world.clock.now())
    world.store.replace(step.memory, step.changes, closes=step.closes)
    return step.memory


@pytest.mark.parametrize("shown", [True, False])
def test_what_has_ended_is_found_only_by_who_asks_for_a_moment_in_which_it_held(world: World, shown: bool) -> None:
    (boat,) = world.remember("the boat is red", shown=shown)
    held_at = world.clock.now()
    world.clock.advance(minutes=1)
    now = ended(world, boat)
    if shown:
        world.project(now)
    world.clock.advance(minutes=1)

    assert world.texts("red boat") == []
    assert [each.memory for each in world.ask("red boat", as_of=epoch_ms(held_at)).answers] == [now]
    assert world.texts("red boat", as_of=epoch_ms(world.clock.now())) == []


@pytest.mark.parametrize("shown", [True, False])
def test_who_asks_what_was_known_gets_the_memory_as_it_was_known(world: World, shown: bool) -> None:
    (boat, _) = world.remember("the boat is red", "the car is red", shown=shown)
    known_at = world.clock.now()
    world.clock.advance(minutes=1)
    now = ended(world, boat)
    if shown:
        world.project(now)

    found = world.ask("red boat", known_at=epoch_ms(known_at)).answers

    assert [(each.memory.text, each.memory.revision) for each in found] == [("the boat is red", 1), ("the car is red", 1)]
    assert found[0].memory.valid_until is None
    assert world.texts("red boat") == ["the car is red"]
    assert world.texts("red boat", known_at=epoch_ms(boat.created_at) - 1) == []


def test_what_is_forgotten_was_never_known(world: World) -> None:
    (boat,) = world.remember("the boat is red")
    known_at = world.clock.now()
    world.clock.advance(minutes=1)
    now = ended(world, boat)
    world.memories.forget(ACME, now.memory_id)

    assert world.texts("red boat", known_at=epoch_ms(known_at)) == []


def test_an_earlier_revision_that_the_table_does_not_have_is_passed_over(world: World) -> None:
    (boat,) = world.remember("the boat is red")
    (document,) = documents_of(boat)
    world.index.write("acme", [replace(document, revision=7, row_version=2, known_from=0, known_until=document.known_from)])

    assert world.texts("red boat", known_at=document.known_from - 1) == []


@pytest.mark.parametrize("state", [State.DISPUTED, State.QUARANTINED])
def test_what_waits_for_a_decision_is_found_by_nobody_neither_now_nor_in_the_past(world: World, state: State) -> None:
    waiting = sample(1, text="the boat is red", state=state, vector=None, model=None)
    world.store.add(waiting, changes_for(waiting), guarded=True)
    world.clock.advance(days=1)
    assert world.texts("red boat") == []
    # An index that holds it all the same, for whatever reason.
    world.index.write("acme", documents_of(waiting))
    assert world.texts("red boat") == []

    accepted = waiting.edited(world.clock.now(), "key:1", "accepted", state=State.ACTIVE)
    closes = Revision(waiting, world.clock.now(), "key:1", "accepted")
    world.store.replace(accepted, changes_for(accepted, [closes]), closes=closes)

    assert world.texts("red boat") == ["the boat is red"]
    assert world.texts("red boat", known_at=epoch_ms(waiting.created_at)) == []


# Long texts


def in_pieces(number: int, *pieces: str) -> Memory:
    """Return a memory of several pieces, without vectors."""
    starts = [sum(len(each) + 1 for each in pieces[:place]) for place in range(len(pieces))]
    spans = tuple((start, start + len(piece)) for start, piece in zip(starts, pieces, strict=True))
    return sample(number, text="\n".join(pieces), chunks=spans, vector=None, model=None)


@pytest.mark.parametrize("shown", [True, False])
def test_a_memory_of_several_pieces_comes_once_with_the_one_that_answers_best(world: World, shown: bool) -> None:
    long = in_pieces(1, "a boat", "a red boat in red", "a boat without anything that is red")
    world.store.add(long, changes_for(long), guarded=False)
    if shown:
        world.project(long)

    (answer,) = world.ask("red").answers

    assert (answer.memory, answer.piece) == (long, long.chunks[1])


def test_a_memory_of_one_piece_has_no_place_to_point_at(world: World) -> None:
    world.remember("the boat is red")

    assert world.ask("boat").answers[0].piece is None


def test_the_many_pieces_of_one_memory_keep_no_other_from_being_found(world: World) -> None:
    long = in_pieces(1, *("red boat" for _ in range(450)))
    world.store.add(long, changes_for(long), guarded=False)
    world.project(long)
    world.remember("a red boat and much else that has been said", "one more boat")

    assert len(world.ask("red boat", k=3).answers) == 3


# What cannot be opened


def test_a_memory_that_cannot_be_decrypted_is_answered_as_one_and_counted(world: World) -> None:
    long = in_pieces(1, "a boat", "a red boat")
    world.store.add(long, changes_for(long), guarded=False)
    world.project(long)
    lost = replace(long, text=REDACTED, row_version=2, unreadable=b"sealed", unreadable_for="expired")
    world.store.replace(lost, changes_for(lost))

    with observability.recording("request", "a-request") as record:
        (answer,) = world.ask("red boat").answers

    assert (answer.memory, answer.piece) == (lost, None)
    assert record.counts["decryption_failed"] == 1


# How many
