"""Rows that a newer release wrote, met by this one: after a rollback, or while both run side by side."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from backend.embedding.model import pack
from backend.kit.dynamodb.values import to_item
from backend.kit.errors import MemoryNotFoundError, NewerReleaseError
from backend.memories.documents import documents_of
from backend.memories.items import ROW, row_item, row_pk
from backend.memories.model import SCHEMA_VERSION, Memory
from backend.tenancy.scope import Environment, user_scope
from tests.contract.memories.memory_world import MEMORIES, World

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SCOPE = user_scope("acme", "support", Environment.LIVE, "u1")
MEMORY = Memory(
    memory_id="mem_01KE6P5X4522P52GJZN5M2G5PN",
    tenant_id="acme",
    scope_key=SCOPE.keys[0],
    project_id="support",
    end_user_id="u1",
    text="Tea, no sugar.",
    extracted_key="k1:tea no sugar",
    created_at=NOW,
    updated_at=NOW,
    valid_from=NOW,
)
ADDED_LATER: dict[str, Any] = {
    "mood": {"S": "calm"},
    "votes": {"N": "3"},
    "picture": {"B": b"\x00\xff"},
    "parts": {"L": [{"S": "a"}, {"N": "1.5"}]},
}


def saved(world: World, **changed: dict[str, Any]) -> None:
    """Store the memory, then write into its row what another release would."""
    world.store.add(MEMORY, documents_of(MEMORY), guarded=False)
    row = raw(world)
    world.client.put_item(TableName=MEMORIES, Item={**row, **changed})


def raw(world: World) -> dict[str, Any]:
    key = {"pk": {"S": row_pk("acme", MEMORY.memory_id)}, "sk": {"S": ROW}}
    return to_item(world.client.get_item(TableName=MEMORIES, Key=key)["Item"])


def test_what_a_newer_release_added_to_a_row_survives_each_of_our_writes(world: World) -> None:
    saved(world, **ADDED_LATER)

    found = world.store.get("acme", MEMORY.memory_id)
    assert found is not None
    whole = found.with_vectors([pack([0.6, 0.8])], "model/2", NOW)
    world.store.replace(whole, documents_of(whole))
    world.service.forget(SCOPE, MEMORY.memory_id)

    row = raw(world)
    assert row["state"] == {"S": "soft_deleted"}
    assert {name: row[name] for name in ADDED_LATER} == ADDED_LATER


def test_places_in_the_indexes_are_not_carried_along(world: World) -> None:
    """A forgotten memory leaves its list, whoever put it there."""
    saved(world, **ADDED_LATER)

    world.service.forget(SCOPE, MEMORY.memory_id)

    assert not {"list_pk", "list_sk", "due_pk", "due_sk"} & set(raw(world))


def test_a_row_of_a_newer_schema_is_refused_and_left_as_it_is(world: World) -> None:
    saved(world, schema_version={"N": str(SCHEMA_VERSION + 1)})
    before = raw(world)

    with pytest.raises(NewerReleaseError) as refused:
        world.service.get(SCOPE, MEMORY.memory_id)
    with pytest.raises(NewerReleaseError):
        world.service.forget(SCOPE, MEMORY.memory_id)

    assert refused.value.retry_after == 60
    assert raw(world) == before


def test_nobody_else_learns_that_a_row_of_a_newer_schema_is_there(world: World) -> None:
    saved(world, schema_version={"N": str(SCHEMA_VERSION + 1)})
    neighbour = user_scope("acme", "support", Environment.LIVE, "u2")

    with pytest.raises(MemoryNotFoundError):
        world.service.get(neighbour, MEMORY.memory_id)
    with pytest.raises(MemoryNotFoundError):
        world.service.forget(neighbour, MEMORY.memory_id)


def test_a_data_key_of_a_newer_release_is_no_missing_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the tenant's, and names no owner."""
    saved(world)

    def refused(*_: object) -> bytes:
        raise NewerReleaseError

    monkeypatch.setattr(world.seals, "open", refused)

    with pytest.raises(NewerReleaseError):
        world.service.get(SCOPE, MEMORY.memory_id)


def test_nothing_of_a_plain_row_counts_as_unknown(world: World) -> None:
    saved(world)

    assert world.store.get("acme", MEMORY.memory_id) == MEMORY
    assert "unknown" not in row_item(MEMORY, world.seals)
