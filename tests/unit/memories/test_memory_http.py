"""What the `/memory` routes answer of what came of a request."""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus
from types import SimpleNamespace
from typing import Any

import pytest

from backend.kit.cursors import Cursors
from backend.kit.errors import (
    IdempotencyKeyReusedError,
    InvalidCursorError,
    MemoryNotFoundError,
    ValidationFailedError,
)
from backend.memories.http import MemoryDoor, idempotency_key, memory_id
from backend.memories.list_parameters import Moments
from backend.memories.listing import ListAsked, Listing
from backend.memories.model import (
    State,
)
from backend.memories.outcomes import (
    Outcome,
)
from backend.memories.schemas import AddPreview, MemoryAdd, MemoryAdded, MemoryForgotten, MemoryPage, MemoryRead
from backend.tenancy.fake import FakeSecrets
from backend.tenancy.model import Caller, Permission, ScopeMode
from backend.tenancy.pepper import TenantMacs
from backend.tenancy.scope import Environment, Scope, user_scope
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import FACT


class UserScopes:
    """Gives every caller the scope that they ask for."""

    def scope_for(self, caller: Caller, end_user_id: str) -> Scope:
        """Return it."""
        return user_scope(caller.tenant_id, caller.project_id, caller.environment, end_user_id)


def caller(user: str = "u1", tenant: str = "acme") -> Caller:
    return Caller(
        tenant_id=tenant,
        environment=Environment.LIVE,
        scopes=frozenset({Permission.MEMORY_ALL}),
        scope_mode=ScopeMode.STRICT,
        actor="key:1",
        project_id="support",
        end_user_id=user,
    )


@pytest.fixture
def door(world: FakeWorld) -> MemoryDoor:
    macs = TenantMacs(FakeSecrets())
    container: Any = SimpleNamespace(
        access=UserScopes(),
        memories=world.memories,
        usage_store=world.store.usages,
        policies=world.policies,
        clock=world.clock,
        macs=macs,
        cursors=lambda tenant_id: Cursors(macs.of(tenant_id).derived("cursors")),
    )
    return MemoryDoor(container)


def add(door: MemoryDoor, key: str | None = None, by: Caller | None = None, **body: Any) -> Any:
    return door.add(by or caller(), MemoryAdd(**{"text": FACT, **body}), key)


def body_of(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bytes(answer.body))
    return found


# Adding


def test_an_add_answers_with_the_memory_and_every_candidates_outcome(door: MemoryDoor) -> None:
    answer = add(door, tags=["home"])

    body = body_of(answer)
    assert set(body) == set(MemoryAdded.model_fields)
    MemoryAdded.model_validate(body)
    assert answer.status_code == HTTPStatus.CREATED
    assert answer.headers["ETag"] == '"r1"'
    assert "Idempotent-Replay" not in answer.headers
    assert (body["text"], body["tags"], body["memory_ids"]) == (FACT, ["home"], [body["id"]])
    assert (body["candidates_extracted"], body["candidates_stored"]) == (1, 1)
    assert body["outcomes"] == [{"candidate": 0, "outcome": "stored", "memory_id": body["id"], "rule": None}]
    assert body["consistency_token"].startswith("ct_")


def test_a_fact_that_is_known_answers_200_with_the_memory_that_it_is(door: MemoryDoor) -> None:
    first = body_of(add(door))

    again = add(door)

    assert again.status_code == HTTPStatus.OK
    assert body_of(again)["id"] == first["id"]
    assert body_of(again)["candidates_stored"] == 0
    assert body_of(again)["outcomes"][0] == {
        "candidate": 0,
        "outcome": "merged",
        "memory_id": first["id"],
        "rule": "extracted_key",
    }


def test_a_keyed_add_is_answered_again_the_same(door: MemoryDoor) -> None:
    first, again = add(door, "key-1"), add(door, "key-1")

    assert again.headers["Idempotent-Replay"] == "true"
    assert (again.status_code, body_of(again)) == (first.status_code, body_of(first))


def test_the_client_reference_is_another_name_for_the_key(door: MemoryDoor) -> None:
    first = add(door, client_ref="key-1")

    assert add(door, client_ref="key-1").headers["Idempotent-Replay"] == "true"
    assert add(door, "key-1", client_ref="key-1").headers["Idempotent-Replay"] == "true"
    assert first.status_code == HTTPStatus.CREATED
    with pytest.raises(ValidationFailedError) as refused:
        add(door, "key-2", client_ref="key-1")
    assert refused.value.faults[0].pointer == "/client_ref"


def test_a_key_with_another_body_is_refused(door: MemoryDoor) -> None:
    add(door, "key-1")

    with pytest.raises(IdempotencyKeyReusedError):
        add(door, "key-1", tags=["other"])


@pytest.mark.parametrize("by", [caller("u2"), caller(tenant="rival")])
def test_the_same_key_of_another_user_or_tenant_is_another_request(door: MemoryDoor, by: Caller) -> None:
    first = add(door, "key-1")

    other = add(door, "key-1", by)

    assert other.status_code == HTTPStatus.CREATED
    assert "Idempotent-Replay" not in other.headers
    assert body_of(other)["id"] != body_of(first)["id"]


def test_a_dry_run_shows_the_candidates_and_stores_nothing(door: MemoryDoor, world: FakeWorld) -> None:
    answer = add(door, "key-1", dry_run=True)

    body = body_of(answer)
    assert set(body) == set(AddPreview.model_fields)
    assert (answer.status_code, body["status"], body["candidates_extracted"]) == (HTTPStatus.OK, "dry_run", 1)
    (outcome,) = body["outcomes"]
    assert (outcome["outcome"], outcome["memory_id"], outcome["text"]) == (Outcome.STORED, None, FACT)
    assert outcome["extracted_key"] == "k3:i moved to lisbon in march"
    assert world.store.pending(user_scope("acme", "support", Environment.LIVE, "u1")) == ([], False)
    assert add(door, "key-1").status_code == HTTPStatus.CREATED


def test_what_was_not_used_is_pointed_out(door: MemoryDoor) -> None:
    assert body_of(add(door, color="red"))["warnings"] == ["Unknown field 'color' was not used."]


# Reading and forgetting


def test_a_memory_is_read_with_its_entity_tag(door: MemoryDoor) -> None:
    added = body_of(add(door))

    answer = door.get(caller(), added["id"], Moments())

    assert set(body_of(answer)) == set(MemoryRead.model_fields)
    assert (answer.headers["ETag"], body_of(answer)["text"]) == ('"r1"', FACT)
    with pytest.raises(MemoryNotFoundError):
        door.get(caller("u2"), added["id"], Moments())


def test_a_list_goes_on_where_its_cursor_says(door: MemoryDoor, world: FakeWorld) -> None:
    for number in range(5):
        add(door, text=f"fact {number}")
        world.clock.advance(seconds=1)

    pages, cursor = [], None
    while True:
        body = body_of(door.page(caller(), ListAsked(2, cursor=cursor)))
        assert set(body) == set(MemoryPage.model_fields)
        pages.append([each["text"] for each in body["items"]])
        cursor = body["next_cursor"]
        assert body["has_more"] is (cursor is not None)
        if cursor is None:
            break

    assert pages == [["fact 4", "fact 3"], ["fact 2", "fact 1"], ["fact 0"]]


@pytest.mark.parametrize("by", [caller("u2"), caller(tenant="rival")])
def test_a_cursor_is_of_no_use_to_anybody_else(door: MemoryDoor, by: Caller) -> None:
    for number in range(2):
        add(door, text=f"fact {number}")
    cursor = body_of(door.page(caller(), ListAsked(1)))["next_cursor"]

    for forged in (cursor, cursor[:-1], "x", ""):
        with pytest.raises(InvalidCursorError):
            door.page(by, ListAsked(1, cursor=forged))


def test_a_cursor_goes_on_with_its_own_list_alone(door: MemoryDoor) -> None:
    for number in range(2):
        add(door, text=f"fact {number}", tags=["home"])
    cursor = body_of(door.page(caller(), ListAsked(1)))["next_cursor"]

    for other in (Listing(tags=("home",)), Listing(state=State.DISPUTED), Listing(include_ended=False)):
        with pytest.raises(InvalidCursorError):
            door.page(caller(), ListAsked(1, other, cursor))


def test_a_forgotten_memory_is_confirmed_and_a_keyed_forget_again(door: MemoryDoor) -> None:
    added = body_of(add(door))

    first = door.forget(caller(), added["id"], "key-1")
    again = door.forget(caller(), added["id"], "key-1")

    assert set(body_of(first)) == set(MemoryForgotten.model_fields)
    assert (body_of(first)["id"], body_of(first)["state"]) == (added["id"], "soft_deleted")
    assert again.headers["Idempotent-Replay"] == "true"
    assert body_of(again) == body_of(first)
    with pytest.raises(MemoryNotFoundError):
        door.forget(caller(), added["id"], None)


def test_a_key_of_one_route_is_no_key_of_another(door: MemoryDoor) -> None:
    added = body_of(add(door, "key-1"))

    assert door.forget(caller(), added["id"], "key-1").status_code == HTTPStatus.OK


# Headers and paths


@pytest.mark.parametrize("key", ["", "x" * 256, "käse", "a\tb", "a\nb"])
def test_a_key_that_cannot_be_one_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        asyncio.run(idempotency_key(key))

    assert refused.value.faults[0].pointer == "header:Idempotency-Key"
    assert not key or key not in refused.value.faults[0].detail


@pytest.mark.parametrize("key", [None, "x", "x" * 255, "a b~!"])
def test_any_other_key_is_taken_as_it_is(key: str | None) -> None:
    assert asyncio.run(idempotency_key(key)) == key


@pytest.mark.parametrize("text", ["mem_1", "mem_" + "I" * 26, "mem_" + "0" * 27, "x" * 1000, "mem_" + "0" * 26 + "\n"])
def test_what_cannot_be_an_id_names_no_memory(text: str) -> None:
    with pytest.raises(MemoryNotFoundError):
        asyncio.run(memory_id(text))
