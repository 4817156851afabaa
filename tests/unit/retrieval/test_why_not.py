"""Every cause for which a memory does not answer is named, and what is another's and what never was are one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backend.index.model import IndexFilter
from backend.kit.clock import epoch_ms
from backend.memories.documents import changes_for
from backend.memories.model import MOST_EMBED_TRIES, NEWEST_PENDING, REDACTED, Memory, Revision, State
from backend.retrieval.gates import Explanation, Gate
from backend.retrieval.model import LARGEST_K, Question
from backend.retrieval.service import NEWEST
from backend.retrieval.why_not import MOST_OUTRANKING, Explaining
from backend.tenancy.scope import Environment, Scope, user_scope
from tests.unit.memories.samples import ACME, NEIGHBOUR, OTHER_PROJECT, RIVAL, memory_id
from tests.unit.memories.samples import memory as sample
from tests.unit.retrieval.retrieval_world import World

BOAT = "the boat is red"
ELSEWHERE = user_scope("acme", "sales", Environment.LIVE, "u1", also_projects=(None,))


def explained(  # noqa: PLR0913, PLR0917 - one word for each thing that is asked
    world: World, of: str, k: int = 5, text: str = "a red boat", scope: Scope = ACME, beside: Scope | None = None, **filters: Any
) -> Explanation:
    explaining = Explaining(
        store=world.store, index=world.index, retrieval=world.retrieval, embedder=world.embedder, clock=world.clock
    )
    asked = IndexFilter(now=epoch_ms(world.clock.now()), **filters)
    return explaining.explain(scope, of, Question(text, k, asked), beside)


def gate(explanation: Explanation) -> tuple[Gate, str | None] | None:
    failed = explanation.gate
    return (failed.gate, failed.pointer) if failed else None


def stored(world: World, **changes: Any) -> Memory:
    """Store a row as it stands, and let the index show it."""
    row = sample(9, text=BOAT, **changes)
    world.store.add(row, changes_for(row), guarded=True)
    world.project(row)
    return row


def kept_as(world: World, text: str, **changes: Any) -> Memory:
    """Store a row with the vector of its text, numbered from 1, and let the index show it."""
    row = sample(len(world.store._rows) + 1, text=text, model=world.embedder.model.identity, **changes)
    row = replace(row, vector=world.embedder._vector(text))
    world.store.add(row, changes_for(row), guarded=False)
    world.project(row)
    return row


def test_what_answers_has_its_rank_and_no_gate(world: World) -> None:
    first, second = world.remember(BOAT, "the boat is blue")

    best, other = explained(world, first.memory_id), explained(world, second.memory_id)

    shown = [each.weighed.score for each in world.ask("a red boat").answers]
    assert (best.found, best.rank, best.score, best.gate, best.outranked_by) == (True, 1, shown[0], None, ())
    assert other.score == shown[1]
    assert (other.found, other.rank, other.gate) == (True, 2, None)
    assert [each.memory.memory_id for each in other.outranked_by] == [first.memory_id]
    assert all(each.passed for each in other.checks)


@pytest.mark.parametrize("owner", [NEIGHBOUR, RIVAL, OTHER_PROJECT, user_scope("acme", "support", Environment.TEST, "u1")])
def test_what_is_anothers_is_not_told_from_what_never_was(world: World, owner: Scope) -> None:
    (theirs,) = world.remember(BOAT, scope=owner)

    told = explained(world, theirs.memory_id)

    assert told == explained(world, memory_id(4711))
    assert (told.memory, gate(told), told.rank) == (None, (Gate.SCOPE, None), None)


def test_what_lies_in_another_project_that_the_caller_may_read_is_told_with_the_header(world: World) -> None:
    (other,) = world.remember(BOAT, scope=OTHER_PROJECT)
    (gone,) = world.remember("forget me", scope=OTHER_PROJECT)
    world.memories.forget(OTHER_PROJECT, gone.memory_id)

    told = explained(world, other.memory_id, beside=ELSEWHERE)

    assert gate(told) == (Gate.PROJECT, "header:X-Project-ID")
    assert told.gate
    assert "X-Project-ID: sales" in told.gate.detail
    assert gate(explained(world, gone.memory_id, beside=ELSEWHERE)) == (Gate.SCOPE, None)


def test_a_forgotten_one_is_named_as_such_and_nothing_else_is_said_of_it(world: World) -> None:
    (gone,) = world.remember(BOAT, source="chat")
    world.memories.forget(ACME, gone.memory_id)

    told = explained(world, gone.memory_id, sources=("mail",))

    assert gate(told) == (Gate.STATE, None)
    assert [each.gate for each in told.checks] == [Gate.SCOPE, Gate.PROJECT, Gate.STATE]


@pytest.mark.parametrize(("state", "expected"), [(State.DISPUTED, Gate.STATE), (State.QUARANTINED, Gate.GUARD)])
def test_what_waits_for_a_decision_is_named(world: World, state: State, expected: Gate) -> None:
    row = stored(world, state=state)

    assert gate(explained(world, row.memory_id)) == (expected, None)


FILTERS: list[tuple[dict[str, Any], str]] = [
    ({"sources": ("mail",)}, "/filters/sources"),
    ({"tags": ("z",)}, "/filters/tags"),
    ({"tiers": ("cold",)}, "/filters/tier"),
    ({"memory_types": ("event",)}, "/filters/memory_type"),
    ({"session_id": "s2"}, "/session_id"),
    ({"created_since": 2**41}, "/filters/since"),
    ({"created_until": 1}, "/filters/until"),
    ({"include_summaries": False}, "/filters/include_summaries"),
    ({"metadata": {"n": 1, "m": 2}}, "/filters/metadata/n"),
]


@pytest.mark.parametrize(("asked", "pointer"), FILTERS, ids=[each[1] for each in FILTERS])
def test_each_filter_is_named_by_its_field(world: World, asked: dict[str, Any], pointer: str) -> None:
    row = stored(world, source="chat", tags=("a",), session_id="s1", metadata={"n": 2, "m": 2}, is_summary=True)

    told = explained(world, row.memory_id, **asked)

    assert gate(told) == (Gate.FILTER, pointer)
    assert [each.pointer for each in told.checks if each.gate is Gate.FILTER and not each.passed] == [pointer]


def test_of_several_filters_all_that_leave_it_out_are_said(world: World) -> None:
    row = stored(world, source="chat", tags=("a",))

    told = explained(world, row.memory_id, sources=("mail",), tags=("a",), tiers=("cold",))

    assert {each.pointer: each.passed for each in told.checks if each.gate is Gate.FILTER} == {
        "/filters/sources": False,
        "/filters/tags": True,
        "/filters/tier": False,
    }


def test_what_has_ceased_to_hold_is_told_with_what_took_its_place(world: World) -> None:
    ended = world.clock.now() + timedelta(seconds=1)
    row = stored(world, valid_until=ended, superseded_by=memory_id(8))
    world.clock.advance(seconds=5)

    told = explained(world, row.memory_id)

    assert gate(told) == (Gate.VALIDITY, "/as_of")
    assert told.gate
    assert memory_id(8) in told.gate.detail
    assert explained(world, row.memory_id, as_of=epoch_ms(row.valid_from)).found


def test_what_did_not_hold_at_a_moment_is_named(world: World) -> None:
    row = stored(world)

    assert gate(explained(world, row.memory_id, as_of=epoch_ms(row.valid_from) - 1)) == (Gate.VALIDITY, "/as_of")


def test_what_was_not_known_at_a_moment_is_named(world: World) -> None:
    row = stored(world)

    told = explained(world, row.memory_id, known_at=epoch_ms(row.created_at) - 1)

    assert gate(told) == (Gate.KNOWN, "/known_at")


def test_at_a_moment_the_revision_of_then_is_looked_at(world: World) -> None:
    row = stored(world, source="chat")
    world.clock.advance(seconds=10)
    then = epoch_ms(world.clock.now()) - 1
    edited = row.edited(world.clock.now(), "key:1", None, source="mail")
    closes = Revision(row, world.clock.now())
    world.store.replace(edited, changes_for(edited, [closes]), closes=closes)
    world.project(edited)

    assert explained(world, row.memory_id, known_at=then, sources=("chat",)).found
    assert gate(explained(world, row.memory_id, known_at=then, sources=("mail",))) == (Gate.FILTER, "/filters/sources")
    assert explained(world, row.memory_id, sources=("mail",)).found


def test_what_has_expired_is_named(world: World) -> None:
    row = stored(world, expires_at=world.clock.now() + timedelta(minutes=1))
    assert explained(world, row.memory_id).found
    world.clock.advance(minutes=2)

    assert gate(explained(world, row.memory_id)) == (Gate.EXPIRY, None)


@pytest.mark.parametrize(("tries", "said"), [(0, "pending_embedding"), (MOST_EMBED_TRIES, "nobody tries any more")])
def test_what_has_no_vector_is_found_by_its_words_or_said_to_have_none(world: World, tries: int, said: str) -> None:
    row = stored(world, vector=None, model=None, embed_tries=tries)

    by_words, by_nothing = explained(world, row.memory_id), explained(world, row.memory_id, text="something else")

    assert by_words.found
    assert gate(by_nothing) == (Gate.VECTOR, None)
    assert by_nothing.gate
    assert said in by_nothing.gate.detail


def test_a_vector_of_another_model_cannot_be_compared(world: World) -> None:
    row = stored(world, model="another/4")

    assert gate(explained(world, row.memory_id, text="something else")) == (Gate.VECTOR, None)


def test_what_the_index_has_not_is_found_besides_it(world: World) -> None:
    (row,) = world.remember(BOAT, shown=False)

    told = explained(world, row.memory_id)

    assert told.found
    assert "besides it" in next(each.detail for each in told.checks if each.gate is Gate.INDEX)


def test_what_waits_behind_too_much_else_for_the_index_is_said_to(world: World) -> None:
    for number in range(NEWEST_PENDING + 1):
        each = sample(number, text=f"boat {number}", model=world.embedder.model.identity)
        world.store.add(each, changes_for(each), guarded=False)

    told = explained(world, memory_id(0))

    assert gate(told) == (Gate.INDEX, None)
    assert "index_lag" in told.degraded


def test_an_index_that_is_down_is_said_to_be(world: World) -> None:
    (row,) = world.remember(BOAT)
    world.remember(*(f"something else {number}" for number in range(NEWEST)))
    world.index.down = True

    told = explained(world, row.memory_id)

    assert gate(told) == (Gate.INDEX, None)
    assert told.degraded == ("index",)


def test_what_stands_behind_the_last_answer_is_told_its_rank_and_what_outranked_it(world: World) -> None:
    added = world.remember(*(f"the red boat is number {number}" for number in range(30)), "a cup of tea")
    (last,) = added[-1:]

    told = explained(world, last.memory_id, k=3)

    assert (told.found, told.rank, gate(told)) == (False, 31, (Gate.BUDGET, "/k"))
    assert len(told.outranked_by) == MOST_OUTRANKING
    answers = world.ask("a red boat", 3).answers
    assert [each.memory.memory_id for each in told.outranked_by[:3]] == [each.memory.memory_id for each in answers]
    assert explained(world, last.memory_id, k=31).found


def test_what_loses_to_a_better_tier_alone_is_told_the_band(world: World) -> None:
    kept_as(world, "the boat is red", tier="cold")
    first, other = kept_as(world, "a cup of tea"), kept_as(world, "a cup of milk", tier="warm")
    cold = memory_id(1)

    lost = explained(world, cold, k=2)

    assert (lost.found, lost.rank, gate(lost)) == (False, 3, (Gate.TIER, "/filters/tier"))
    assert lost.gate
    assert "hot, warm" in lost.gate.detail
    assert "cold" in lost.gate.detail
    # It is the best by far: its score says so, and the tier stands before the score.
    assert lost.score is not None
    assert all(lost.score > each.weighed.score for each in lost.outranked_by)
    assert {each.memory.memory_id for each in lost.outranked_by} == {first.memory_id, other.memory_id}
    assert explained(world, cold, k=2, tiers=("cold",)).found
    assert explained(world, cold, k=3).found


def test_what_also_loses_within_its_tier_is_told_its_rank(world: World) -> None:
    kept_as(world, "something else", tier="cold")
    kept_as(world, "the boat is red", tier="cold")
    kept_as(world, "a cup of tea")

    assert gate(explained(world, memory_id(1), k=1)) == (Gate.BUDGET, "/k")
    assert gate(explained(world, memory_id(2), k=1)) == (Gate.TIER, "/filters/tier")


def test_what_a_better_tier_keeps_from_the_best_is_told_the_band(world: World) -> None:
    kept_as(world, "the boat is red", tier="cold")
    world.remember(*(f"the boat is number {number}" for number in range(LARGEST_K)))

    lost = explained(world, memory_id(1), k=2)

    assert (lost.rank, gate(lost)) == (None, (Gate.TIER, "/filters/tier"))
    assert [each.gate for each in lost.checks if not each.passed] == [Gate.TIER, Gate.RANK]


def test_what_is_not_among_the_best_is_told_what_was(world: World) -> None:
    texts = [f"the red boat is number {number}" for number in range(LARGEST_K + 1)]
    (row,) = world.remember("a cup of tea")
    world.remember(*texts)

    told = explained(world, row.memory_id, k=2)

    assert (told.found, told.rank, gate(told)) == (False, None, (Gate.RANK, None))
    assert len(told.outranked_by) == 2


def test_an_explanation_asks_the_very_question(world: World) -> None:
    """Whatever is found is said to be found, and at the place where it is found."""
    added = world.remember(*(f"boat {number} is red" for number in range(8)), "tea", "a red car")
    answers = [each.memory.memory_id for each in world.ask("a red boat", 6).answers]

    for row in added:
        told = explained(world, row.memory_id, k=6)
        assert told.found == (row.memory_id in answers)
        assert (told.rank or 0) - 1 == answers.index(row.memory_id) if told.found else (told.rank or 0) > len(answers)


def test_one_that_cannot_be_decrypted_is_said_to_be_and_is_judged_by_what_can_be_read(world: World) -> None:
    row = stored(world, source="chat")
    world.store.replace(row.changed(world.clock.now(), unreadable=b"sealed", text=REDACTED), ())

    told = explained(world, row.memory_id, metadata={"n": 1}, sources=("mail",))

    assert gate(told) == (Gate.FILTER, "/filters/sources")
    assert [each.pointer for each in told.checks if each.gate is Gate.FILTER] == ["/filters/sources"]
    assert any(each.gate is Gate.DECRYPTION for each in told.checks)
