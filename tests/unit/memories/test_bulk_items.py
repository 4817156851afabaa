"""Each item of a bulk-add or batch-update has the end user of the whole, whatever it says itself."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from backend.memories.edit_http import EditDoor
from backend.memories.edit_schemas import BatchUpdate, BulkAdd
from backend.memories.editing import Editing
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
    container: Any = SimpleNamespace(
        access=UserScopes(), memories=world.memories, macs=TenantMacs(FakeSecrets()), editing=editing
    )
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


def test_an_item_that_asks_for_a_dry_run_of_its_own_is_not_stored(door: EditDoor) -> None:
    told = add_many(door, {"text": "I love hiking.", "dry_run": True}, {"text": "I love tea."})

    assert codes(told) == ["validation-failed", None]
    assert told[0]["problem"]["errors"][0]["pointer"] == "/dry_run"
    assert codes(add_many(door, {"text": "I love hiking.", "dry_run": True}, dry_run=True)) == [None]


def test_a_change_that_names_another_end_user_is_refused(door: EditDoor, editing: NoEditing) -> None:
    item = {"id": "mem_00000000000000000000000000", "tags": ["a"], "user_id": "u2"}

    answer: Any = door.update_many(CALLER, BatchUpdate.model_validate({"items": [item]}), None)

    assert codes(json.loads(answer.body)["items"]) == ["end-user-mismatch"]
    assert editing.seen == []
