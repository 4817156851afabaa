"""Relative times are read by the calendar of whoever said them, whenever the text is read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.extraction.pipeline import Pipeline
from backend.jobs.model import Job, Kind
from backend.jobs.refresh import Refreshing
from backend.memories.editing import Change, Editing
from backend.memories.model import Memory
from backend.memories.schemas import MemoryAdd, MemoryView
from backend.turns.schemas import AddTurn
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME

LATE_IN_NEW_YORK = "2026-11-20T23:30:00-05:00"
TOMORROW_THERE = datetime(2026, 11, 21, 5, tzinfo=UTC)
FLIGHT = "The flight leaves tomorrow."


def added(world: FakeWorld, **fields: Any) -> Memory:
    body = MemoryAdd.model_validate({"text": FLIGHT, "occurred_at": LATE_IN_NEW_YORK, **fields})
    return world.remembering(extractor=Pipeline()).add(ACME, body.said()).memories[0]


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


def begins(memory: Memory) -> datetime:
    assert memory.event
    return memory.event.start


@pytest.mark.parametrize(
    ("said_at", "start"),
    [
        (LATE_IN_NEW_YORK, TOMORROW_THERE),
        ("2026-11-21T04:30:00Z", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-21T04:30:00", datetime(2026, 11, 22, tzinfo=UTC)),
        ("2026-11-21T10:00:00+13:00", datetime(2026, 11, 21, 11, tzinfo=UTC)),
    ],
)
def test_tomorrow_is_that_of_who_said_it(world: FakeWorld, said_at: str, start: datetime) -> None:
    assert begins(added(world, occurred_at=said_at)) == start


def test_what_is_kept_and_shown_stays_utc(world: FakeWorld) -> None:
    memory = added(world)

    assert (memory.occurred_at, memory.valid_from) == (datetime(2026, 11, 21, 4, 30, tzinfo=UTC),) * 2
    assert memory.occurred_at is not None
    assert memory.occurred_at.utcoffset() == memory.valid_from.utcoffset() == datetime.now(UTC).utcoffset()
    assert MemoryView.fields_of(memory)["occurred_at"] == "2026-11-21T04:30:00.000Z"


def test_a_new_text_is_read_by_the_same_calendar(world: FakeWorld) -> None:
    memory = added(world)

    change = Change(memory.memory_id, {}, "The train leaves tomorrow.")
    edited, _ = editing(world).change(ACME, change, None, None)

    assert begins(edited) == TOMORROW_THERE


def test_reading_anew_changes_no_day(world: FakeWorld) -> None:
    memory = added(world)
    refreshing = Refreshing(store=world.store, extractor=Pipeline(), embedder=world.embedder, clock=world.clock)

    now = world.clock.now()
    refreshing.step(Job("job_1", "acme", Kind.REFRESH, "u1", "key:1", now, now, now, scope=ACME, memory_ids=(memory.memory_id,)))

    again = world.store.get("acme", memory.memory_id)
    assert again is not None
    assert begins(again) == TOMORROW_THERE


def test_a_message_of_a_turn_keeps_its_own_calendar() -> None:
    turn = AddTurn.model_validate(
        {"session_id": "s1", "messages": [{"role": "user", "content": FLIGHT, "occurred_at": LATE_IN_NEW_YORK}]}
    )

    assert turn.remembered(turn.said()[0]).utc_offset == -300
