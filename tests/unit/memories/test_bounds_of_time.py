"""Nothing is remembered, or changed, so that it ends before it begins: nobody would ever find it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backend.kit.errors import MemorySyncError, ValidationFailedError
from backend.memories.edit_schemas import MemoryPatch, UpdateItem
from backend.memories.editing import Change, Editing
from backend.memories.model import Said
from backend.memories.outcomes import Request
from backend.memories.schemas import MemoryAdd
from backend.memories.service import Asked
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, NOW

JANUARY, FEBRUARY = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
DAY = timedelta(days=1)
PARIS = "I live in Paris."


def refused_at(work: Callable[[], object]) -> list[str]:
    with pytest.raises(ValidationFailedError) as refused:
        work()
    assert all(each.detail for each in refused.value.faults)
    return [each.pointer for each in refused.value.faults]


@pytest.fixture
def editing(world: FakeWorld) -> Editing:
    return Editing(
        store=world.store,
        requests=world.requests,
        extractor=world.memories._extractor,
        embedder=world.embedder,
        policies=world.policies,
        clock=world.clock,
        ids=world.ids,
    )


@pytest.mark.parametrize("fields", [{"valid_from": FEBRUARY}, {"occurred_at": FEBRUARY}, {"valid_from": JANUARY}])
def test_an_end_must_be_later_than_the_beginning_that_is_sent_with_it(fields: dict[str, Any]) -> None:
    body = {"text": PARIS, "valid_until": JANUARY, **fields}

    assert refused_at(lambda: MemoryAdd.model_validate(body)) == ["/valid_until"]


def test_what_was_said_of_the_past_may_have_ended_since() -> None:
    MemoryAdd.model_validate({"text": PARIS, "occurred_at": JANUARY, "valid_until": FEBRUARY})
    MemoryAdd.model_validate({"text": PARIS, "occurred_at": FEBRUARY, "valid_from": JANUARY, "valid_until": FEBRUARY})


@pytest.mark.parametrize("end", [NOW, NOW - DAY])
def test_what_begins_now_cannot_have_ended(world: FakeWorld, end: Any) -> None:
    said = Said(PARIS, valid_until=end)

    assert refused_at(lambda: world.memories.add(ACME, said)) == ["/valid_until"]
    assert refused_at(lambda: world.memories.preview(ACME, said)) == ["/valid_until"]
    assert world.memories.page(ACME, 9, None).memories == ()


def test_of_many_only_the_one_that_had_ended_is_refused(world: FakeWorld) -> None:
    asked = [Asked(ACME, Said(PARIS, valid_until=NOW - DAY)), Asked(ACME, Said("I like tea."))]

    done = world.memories.add_many("acme", asked)

    assert [isinstance(each, MemorySyncError) for each in done] == [True, False]


def test_a_request_that_was_done_is_answered_again_when_its_end_has_come(world: FakeWorld) -> None:
    said, request = Said(PARIS, valid_until=NOW + DAY), Request("r1", "m1")
    first = world.memories.add(ACME, said, request)
    world.clock.advance(days=2)

    again = world.memories.add(ACME, said, request)

    assert again.replayed
    assert [each.memory_id for each in again.memories] == [each.memory_id for each in first.memories]


def test_a_refused_request_lets_its_key_go(world: FakeWorld) -> None:
    request = Request("r1", "m1")
    for _ in range(2):
        assert refused_at(lambda: world.memories.add(ACME, Said(PARIS, valid_until=NOW - DAY), request)) == ["/valid_until"]


@pytest.mark.parametrize("schema", [MemoryPatch, UpdateItem])
def test_a_change_of_both_must_leave_time_between_them(schema: type[MemoryPatch]) -> None:
    body = {"id": "mem_" + "0" * 26, "valid_from": FEBRUARY, "valid_until": JANUARY}

    assert refused_at(lambda: schema.model_validate(body).changes()) == ["/valid_until"]


def test_a_change_of_one_is_held_against_the_other_that_the_memory_has(world: FakeWorld, editing: Editing) -> None:
    memory = world.memories.add(ACME, Said(PARIS, valid_until=NOW + DAY)).memories[0]

    def change(**fields: Any) -> object:
        return editing.change(ACME, Change(memory.memory_id, fields), None, None)

    assert refused_at(lambda: change(valid_until=NOW)) == ["/valid_until"]
    assert refused_at(lambda: change(valid_from=NOW + DAY)) == ["/valid_from"]
    assert world.memories.get(ACME, memory.memory_id) == memory
    change(valid_from=NOW + DAY, valid_until=NOW + 2 * DAY)
    change(valid_until=None)
    change(valid_from=NOW + 9 * DAY)
