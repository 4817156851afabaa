"""Each item of a bulk-add or batch-update has the end user of the whole, whatever it says itself."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from backend.extraction.pipeline import Pipeline
from backend.memories.edit_http import EditDoor
from backend.memories.edit_schemas import BatchUpdate, BulkAdd
from backend.memories.editing import Editing
from backend.memories.service import MemoryService
from backend.tenancy.fake import FakeSecrets
from backend.tenancy.model import Caller, Permission, ScopeMode
from backend.tenancy.pepper import TenantMacs
from backend.tenancy.scope import Environment, Scope, user_scope
from tests.unit.memories.fake_world import FakeWorld

CALLER = Caller(
    tenant_id="acme",
    environment=Environment.LIVE,
    scopes=frozenset({Permission.MEMORY_ALL}),
    scope_mode=ScopeMode.STRICT,
    actor="key:1",
    project_id="support",
    end_user_id="u1",
)


class UserScopes:
    """Gives the caller the scope of the end user whom they name."""

    def scope_for(self, caller: Caller, end_user_id: str) -> Scope:
        """Return it."""
        return user_scope(caller.tenant_id, caller.project_id, caller.environment, end_user_id)


class NoEditing(Editing):
    """Changes nothing: an item that reaches it was let through."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def change_many(self, scope: Scope, changes: Any, actor: str | None) -> list[Any]:
        """Note the changes."""
        del scope, actor
        self.seen += changes
        return []


@pytest.fixture
def editing() -> NoEditing:
    return NoEditing()


@pytest.fixture
def door(world: FakeWorld, editing: NoEditing) -> EditDoor:
    return door_to(world.memories, editing)


def door_to(memories: MemoryService, editing: Editing | None = None) -> EditDoor:
    container: Any = SimpleNamespace(access=UserScopes(), memories=memories, macs=TenantMacs(FakeSecrets()), editing=editing)
    return EditDoor(container)


def add_many(door: EditDoor, *items: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
    answer: Any = door.add_many(CALLER, BulkAdd.model_validate({"items": list(items), **body}), None)
    told: list[dict[str, Any]] = json.loads(answer.body)["items"]
    return told


def codes(told: list[dict[str, Any]]) -> list[str | None]:
    return [each.get("problem", {}).get("code") for each in told]


@pytest.mark.parametrize("body", [{}, {"dry_run": True}])
def test_an_item_that_names_another_end_user_is_refused_and_the_others_are_done(door: EditDoor, body: dict[str, Any]) -> None:
    told = add_many(door, {"text": "I love hiking.", "user_id": "u2"}, {"text": "I love tea.", "user_id": "u1"}, **body)

    assert codes(told) == ["end-user-mismatch", None]
    assert [each["outcome"] for each in told[1]["outcomes"]] == ["stored"]


def test_what_was_done_by_an_earlier_request_says_so_and_the_whole_only_where_all_was(door: EditDoor) -> None:
    def send(*said: str) -> tuple[list[bool | None], str | None]:
        items = [{"text": text, "client_ref": f"ref-{text}"} for text in said]
        answer: Any = door.add_many(CALLER, BulkAdd.model_validate({"items": items}), None)
        told = json.loads(answer.body)["items"]
        return [each.get("replayed") for each in told], answer.headers.get("Idempotent-Replay")

    assert send("I love tea.", "Hi!") == ([False, False], None)
    assert send("I love tea.", "I love hiking.") == ([True, False], None)
    assert send("I love hiking.", "", "I love tea.") == ([True, None, True], "true")
    assert send("") == ([None], None)


def test_an_item_that_asks_for_a_dry_run_of_its_own_is_not_stored(door: EditDoor) -> None:
    told = add_many(door, {"text": "I love hiking.", "dry_run": True}, {"text": "I love tea."})

    assert codes(told) == ["validation-failed", None]
    assert told[0]["problem"]["errors"][0]["pointer"] == "/dry_run"
    assert codes(add_many(door, {"text": "I love hiking.", "dry_run": True}, dry_run=True)) == [None]


def outcomes(told: list[dict[str, Any]]) -> list[list[tuple[str, str | None]]]:
    return [[(each["outcome"], each["rule"]) for each in item["outcomes"]] for item in told]


REPEATING = [
    pytest.param([{"text": "I love tea."}, {"text": "I love tea."}], id="the same twice"),
    pytest.param([{"text": "I live in Faro."}, {"text": "I live in Lisbon. I live in Faro."}], id="a contradiction"),
    pytest.param([{"text": "I love tea.", "deduplicate": False}, {"text": "I love tea."}], id="one of them not to be merged"),
    pytest.param([{"text": "I live in Faro.", "valid_until": "2030-01-01T00:00:00Z"}, {"text": "I live in Faro."}], id="an end"),
    pytest.param([{"text": "I love tea.", "ttl_minutes": 5}, {"text": "I love tea."}, {"text": "I love tea."}], id="a lifetime"),
    pytest.param(
        [
            {"text": "I live in Faro.", "occurred_at": "2024-01-01T00:00:00Z"},
            {"text": "I live in Faro.", "occurred_at": "2024-06-01T00:00:00Z"},
            {"text": "I live in Lisbon.", "occurred_at": "2024-03-01T00:00:00Z"},
        ],
        id="told of the past, in another order",
    ),
    pytest.param([{"text": "I live in Faro."}, *[{"text": "I live in Rome.", "on_conflict": "inbox"}] * 2], id="two that wait"),
]


@pytest.mark.parametrize("items", REPEATING)
def test_a_dry_run_of_many_tells_the_outcomes_that_they_have_together(world: FakeWorld, items: list[dict[str, Any]]) -> None:
    memories = world.remembering(extractor=Pipeline())
    door = door_to(memories)

    foreseen = add_many(door, *items, dry_run=True)

    assert memories.page(user_scope("acme", "support", Environment.LIVE, "u1"), 9, None).memories == ()
    assert outcomes(foreseen) == outcomes(add_many(door, *items))


def test_what_would_merge_into_an_item_before_names_no_memory_as_there_is_none_yet(world: FakeWorld) -> None:
    (first, second) = add_many(door_to(world.memories), {"text": "I love tea."}, {"text": "I love tea."}, dry_run=True)

    assert [first["outcomes"][0]["memory_id"], second["outcomes"][0]["memory_id"]] == [None, None]


def test_the_result_of_an_item_says_that_it_was_a_dry_run(world: FakeWorld) -> None:
    (told,) = add_many(door_to(world.memories), {"text": "I love tea."}, dry_run=True)

    assert told["status"] == 200
    assert told["result"] == {
        "status": "dry_run",
        "candidates_extracted": 1,
        "outcomes": told["outcomes"],
        "warnings": [],
    }


def test_a_change_that_names_another_end_user_is_refused(door: EditDoor, editing: NoEditing) -> None:
    item = {"id": "mem_00000000000000000000000000", "tags": ["a"], "user_id": "u2"}

    answer: Any = door.update_many(CALLER, BatchUpdate.model_validate({"items": [item]}), None)

    assert codes(json.loads(answer.body)["items"]) == ["end-user-mismatch"]
    assert editing.seen == []
