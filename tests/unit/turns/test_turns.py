"""Turns: kept, remembered, told of, once however often they are sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from backend.kit.errors import PayloadTooLargeError, TableUnavailableError, TurnNotFoundError, ValidationFailedError
from backend.memories.fake import FakeMemoryStore
from backend.memories.model import Memory, Said
from backend.memories.ports import Addition
from backend.retrieval.schemas import MAX_QUERY_BYTES
from backend.transcripts.fake import FakeTranscriptStore
from backend.transcripts.model import Message, Session, View
from backend.turns.fake import FakeTurnStore
from backend.turns.model import TOLD_FOR, TurnState
from backend.turns.recall import question_of
from backend.turns.schemas import AddTurn, MemoryRecall
from backend.turns.service import Spoken, Turns
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, NEIGHBOUR, keyed

SESSION = Session.of(ACME, "s1")
TEXTS = ("I moved to Lisbon.", "My sister plays the cello.")


class SometimesDown(FakeMemoryStore):
    """Fails at the memory with this number, once."""

    fails_at = 0

    def add(self, memory: Memory, *arguments: Any, **named: Any) -> Memory:
        """Store it, or fail."""
        SometimesDown.fails_at -= 1
        if SometimesDown.fails_at == 0:
            raise TableUnavailableError
        return super().add(memory, *arguments, **named)

    def add_together(self, additions: Sequence[Addition]) -> list[Memory]:
        """Leave all to be added one by one."""
        del additions
        return []


class World:
    """Turns on fakes."""

    def __init__(self, store_class: type[FakeMemoryStore] = FakeMemoryStore) -> None:
        self.memory = FakeWorld(store_class=store_class)
        self.transcripts = FakeTranscriptStore()
        self.turns = Turns(
            store=FakeTurnStore(),
            transcripts=self.transcripts,
            memories=self.memory.memories,
            index_state=self.memory.store,
            requests=self.memory.requests,
            clock=self.memory.clock,
            ids=self.memory.ids,
        )

    def spoken(self, texts: Sequence[str] = TEXTS, *, is_keyed: bool = False) -> list[Spoken]:
        return [
            Spoken(Message("user", text), Said(text=text, session_id="s1"), keyed(100 + number) if is_keyed else None)
            for number, text in enumerate(texts)
        ]

    def said(self) -> list[str]:
        entries = self.transcripts.page(SESSION, View(50), None).entries
        return [each.message.content for each in entries if each.message]


def test_a_turn_is_kept_and_remembered_message_by_message() -> None:
    world = World()

    progress, replayed = world.turns.add(ACME, "s1", world.spoken(), None, "key:1")

    turn = progress.turn
    assert (turn.first, turn.last, turn.counts, replayed) == (1, 2, {"stored": 2}, False)
    assert world.said() == list(TEXTS)
    assert [each.message for each in turn.outcomes] == [0, 1]
    assert [world.memory.memories.get(ACME, each).text for each in turn.memory_ids] == list(TEXTS)


def test_a_turn_is_stored_until_the_index_shows_all_of_it() -> None:
    world = World()
    progress, _ = world.turns.add(ACME, "s1", world.spoken(), None, "key:1")
    first, second = progress.turn.memory_ids
    assert (progress.state, progress.unindexed) == (TurnState.STORED, frozenset({first, second}))

    world.memory.projection.project([("acme", first)])
    assert world.turns.progress(ACME, progress.turn.turn_id).unindexed == frozenset({second})
    world.memory.projection.project([("acme", second)])
    assert world.turns.progress(ACME, progress.turn.turn_id).state is TurnState.INDEXED


def test_a_turn_is_told_of_to_its_owner_and_for_thirty_days() -> None:
    world = World()
    turn = world.turns.add(ACME, "s1", world.spoken(), None, "key:1")[0].turn

    with pytest.raises(TurnNotFoundError):
        world.turns.progress(NEIGHBOUR, turn.turn_id)
    world.memory.clock.advance(seconds=TOLD_FOR / timedelta(seconds=1))
    with pytest.raises(TurnNotFoundError):
        world.turns.progress(ACME, turn.turn_id)


def test_a_repeated_turn_says_what_the_first_said() -> None:
    world = World()
    first, _ = world.turns.add(ACME, "s1", world.spoken(is_keyed=True), keyed(), "key:1")

    assert world.turns.add(ACME, "s1", world.spoken(is_keyed=True), keyed(), "key:1") == (first, True)
    assert world.said() == list(TEXTS)


@pytest.mark.parametrize("fails_at", [1, 2])
def test_what_failed_half_way_is_gone_on_with_and_nothing_is_done_twice(fails_at: int) -> None:
    world = World(SometimesDown)
    SometimesDown.fails_at = fails_at
    with pytest.raises(TableUnavailableError):
        world.turns.add(ACME, "s1", world.spoken(is_keyed=True), keyed(), "key:1")

    progress, replayed = world.turns.add(ACME, "s1", world.spoken(is_keyed=True), keyed(), "key:1")

    assert (progress.turn.first, progress.turn.last, progress.turn.counts, replayed) == (1, 2, {"stored": 2}, False)
    assert world.said() == list(TEXTS)
    assert len(world.memory.memories.page(ACME, 50, None).memories) == 2


# What the wire takes.


def test_a_pair_is_two_messages_of_their_roles() -> None:
    body = AddTurn.model_validate({"session_id": "s", "user_message": "Hello.", "assistant_message": "Hi."})

    assert [(each.role, each.content) for each in body.said()] == [("user", "Hello."), ("assistant", "Hi.")]
    assert body.remembered(body.said()[1]).role == "assistant"


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({}, "/messages"),
        ({"messages": [{"role": "user", "content": "a"}], "user_message": "b"}, "/messages"),
        ({"messages": [{"role": "user", "content": "a"}], "turns": [{"role": "user", "content": "a"}]}, "/messages"),
        ({"turns": [{"role": "user", "content": "a"}, {"role": "user", "content": " "}]}, "/turns/1/content"),
        ({"user_message": "a", "assistant_message": " "}, "/assistant_message"),
    ],
)
def test_a_turn_comes_one_way_and_says_something(fields: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        AddTurn.model_validate({"session_id": "s", **fields})

    assert [each.pointer for each in refused.value.faults] == [pointer]


def test_a_turn_holds_as_much_as_an_add() -> None:
    with pytest.raises(PayloadTooLargeError):
        AddTurn.model_validate({"session_id": "s", "messages": [{"role": "user", "content": "x" * 60_000}] * 2})
    with pytest.raises(ValidationError):
        AddTurn.model_validate({"session_id": "s", "messages": []})


@pytest.mark.parametrize(
    ("messages", "question"),
    [
        ([("user", "Where do I live?")], "Where do I live?"),
        ([("user", "I moved."), ("assistant", "Where to?"), ("user", "Guess.")], "I moved.\nWhere to?\nGuess."),
        ([("user", "a"), ("user", "b"), ("assistant", "c"), ("user", "d")], "b\nc\nd"),
        ([("user", "Where do I live?"), ("assistant", "One moment.")], "Where do I live?"),
        ([("system", "Be kind."), ("assistant", "Hello.")], "Be kind.\nHello."),
        ([("assistant", "x" * 400 + "end."), ("user", "And?")], "x" * 296 + "end.\nAnd?"),
    ],
)
def test_a_conversation_asks_what_its_end_user_said_last(messages: list[tuple[str, str]], question: str) -> None:
    assert question_of(messages) == question
    sent = [{"role": role, "content": content} for role, content in messages]
    assert MemoryRecall.model_validate({"messages": sent}).words() == question


_SAID = st.tuples(
    st.sampled_from(("user", "assistant")), st.text(min_size=1, max_size=3000).filter(lambda text: bool(text.strip()))
)


@given(st.lists(_SAID, min_size=1, max_size=5))
def test_a_question_always_fits_and_ends_with_what_was_asked(messages: list[tuple[str, str]]) -> None:
    question = question_of(messages)

    asked = [content for role, content in messages if role == "user"] or [messages[-1][1]]
    assert 0 < len(question.encode()) <= MAX_QUERY_BYTES
    assert question.endswith(asked[-1].strip()[-100:].strip())
