"""Whatever was done, its answer fits what Lambda hands on: cut off it would be the gateway's 500, after the work was done."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from backend.extraction.pipeline import Pipeline
from backend.kit.cursors import Cursors
from backend.memories.edit_http import EditDoor
from backend.memories.edit_schemas import BatchUpdate, BulkAdd
from backend.memories.editing import Change, Editing
from backend.memories.model import Memory, OnConflict, Said, State
from backend.memories.reviewing import Reviewing
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME
from tests.unit.memories.test_bulk_items import CALLER

LAMBDA_BYTES = 6 * 1024 * 1024
LARGE = {"metadata": {"k": "x" * 15_000}}


class OneScope:
    """Everybody is the one user of these tests."""

    def scope_for(self, caller: Any, end_user_id: str) -> Any:
        """Return their scope."""
        del caller, end_user_id
        return ACME


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


@pytest.fixture
def door(world: FakeWorld, editing: Editing) -> EditDoor:
    reviewing = Reviewing(
        store=world.store,
        requests=world.requests,
        embedder=world.embedder,
        policies=world.policies,
        clock=world.clock,
        ids=world.ids,
    )
    container: Any = SimpleNamespace(
        access=OneScope(),
        memories=world.memories,
        editing=editing,
        reviewing=reviewing,
        cursors=lambda _: Cursors(b"k" * 32),
    )
    return EditDoor(container)


def told(answer: Any) -> dict[str, Any]:
    """Return an answer's body, which fits: as JSON that carries it as a string."""
    assert len(json.dumps(answer.body.decode(), ensure_ascii=False).encode()) < LAMBDA_BYTES
    body: dict[str, Any] = json.loads(answer.body)
    return body


def text_of(size: int, number: int = 0) -> str:
    """Return a text of so many characters."""
    return (f"Minute {number}: the committee met again. " * size)[:size]


def added(world: FakeWorld, text: str, **fields: Any) -> Memory:
    return world.remembering(extractor=Pipeline()).add(ACME, Said(text, **fields)).memories[0]


def test_a_batch_of_large_memories_is_told_as_far_as_it_fits(world: FakeWorld, door: EditDoor) -> None:
    made = world.memories.add(ACME, Said(text_of(70_000), metadata={"shelf": 3})).memories[0]
    items = [{"id": made.memory_id, "importance": number / 1000} for number in range(100)]

    body = told(door.update_many(CALLER, BatchUpdate.model_validate({"items": items}), None))

    assert (body["updated"], body["failed"]) == (100, 0)
    first, last = body["items"][0], body["items"][-1]
    assert (len(first["memory"]["text"]), "left_out" in first["memory"]) == (70_000, False)
    assert (last["etag"], last["memory"]["importance"]) == ('"r101"', 0.099)
    assert (last["memory"]["text"], last["memory"]["metadata"], last["memory"]["left_out"]) == ("", {}, True)
    cut = sum(each["memory"].get("left_out", False) for each in body["items"])
    assert body["warnings"][0].startswith(f"{cut} of these")
    assert 0 < cut < 100


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_bulk_add_of_large_texts_with_candidates_is_told_as_far_as_it_fits(door: EditDoor, *, dry_run: bool) -> None:
    items = [{"text": text_of(90_000, number)} for number in range(50)]
    asked = BulkAdd.model_validate({"items": items, "return_candidates": True, "dry_run": dry_run})

    body = told(door.add_many(CALLER, asked, None))

    assert body["failed"] == 0
    first, last = body["items"][0], body["items"][-1]
    assert first["outcomes"][0]["text"] == items[0]["text"]
    assert last["result"]["left_out"]
    assert last["outcomes"] == last["result"]["outcomes"]
    assert "text" not in last["outcomes"][0]
    assert {each["outcome"] for item in body["items"] for each in item["outcomes"]} == {"stored"}
    assert all(dry_run or item["outcomes"][0]["memory_id"] == item["result"]["id"] for item in body["items"])


def test_a_history_of_large_texts_goes_on_on_the_next_page(world: FakeWorld, door: EditDoor, editing: Editing) -> None:
    made = world.memories.add(ACME, Said(text_of(100_000))).memories[0]
    for number in range(1, 36):
        editing.change(ACME, Change(made.memory_id, {}, text_of(100_000, number)), None, None)

    pages: list[list[int]] = []
    cursor = None
    while True:
        page = told(door.history(CALLER, made.memory_id, 50, cursor))
        pages.append([each["revision"] for each in page["items"]])
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break

    assert [each for some in pages for each in some] == list(range(36, 0, -1))
    assert len(pages) == 2


def test_what_waits_is_told_with_what_it_contradicts_as_far_as_it_fits(world: FakeWorld, door: EditDoor) -> None:
    for number in range(16):
        added(world, f"I live in Town{number}.", on_conflict=OnConflict.KEEP_BOTH, **LARGE)
    for number in range(30):
        added(world, f"I live in City{number}.", on_conflict=OnConflict.INBOX, **LARGE)

    items = told(door.waiting(CALLER, State.DISPUTED, 50, None))["items"]

    assert [len(each["conflicts_with"]) for each in items] == [16] * 30
    assert len(items[0]["conflicts_with"][0]["metadata"]["k"]) == 15_000
    assert items[-1]["conflicts_with"][0]["left_out"]
    assert items[-1]["conflicts_with"][0]["id"] == items[-1]["disputes"][0]


def test_a_page_of_what_waits_ends_where_no_more_fits(world: FakeWorld, door: EditDoor) -> None:
    names = {"source": '"' * 256, "event_type": '"' * 256, "session_id": '"' * 256}
    for number in range(16):
        added(world, f"I live in Town{number}.", on_conflict=OnConflict.KEEP_BOTH, **names)
    # What they contradict comes to more than they do themselves, even briefly.
    for number in range(200):
        added(world, f"I live in City{number}.", on_conflict=OnConflict.INBOX)

    found, cursor = [], None
    while True:
        page = told(door.waiting(CALLER, State.DISPUTED, 200, cursor))
        found += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["items"]) < 200

    assert len(set(found)) == len(found) == 200


def test_what_a_memory_is_related_to_is_told_as_far_as_it_fits(world: FakeWorld, door: EditDoor) -> None:
    sources = [world.memories.add(ACME, Said(text_of(100_000, number))).memories[0].memory_id for number in range(60)]
    summary = world.memories.add(ACME, Said("All of it.", derived_from=tuple(sources))).memories[0]

    items = told(door.relations(CALLER, summary.memory_id))["items"]

    assert [each["memory"]["id"] for each in items] == sources
    assert (len(items[0]["memory"]["text"]), items[-1]["memory"]["left_out"]) == (100_000, True)
