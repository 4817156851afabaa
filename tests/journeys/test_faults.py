"""What users meet while something behind the API is down: a clear answer, nothing lost, nothing half written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.journeys.conftest import User, problem, settled
from tests.support.faulty_proxy import Fate, faulty_network, function_environment
from tests.support.waiting import until

NOWHERE = "/nowhere"


def retry_after(user: User, text: str, **headers: str) -> int:
    """Add, expect to be told to come back, and return when."""
    answer = user.call("POST", "/memory/add", {"text": text}, **headers)
    body = problem(answer, 503, answer.json()["code"])
    assert body["code"] in {"throttled", "outcome-unknown", "table-unavailable"}
    assert body["retry_after"] == int(answer.headers["retry-after"])
    return int(body["retry_after"])


def test_while_the_embedder_is_down_memories_are_kept_found_by_word_and_healed_later(user: User) -> None:
    with function_environment(user.stack, "AddMemory", EMBEDDER_DIR=NOWHERE):
        memory = user.add("The plumber is called Mario.")

    assert memory["vector_state"] == "pending_embedding"
    assert user.ask("plumber", k=1)[0]["id"] == memory["id"]
    until(
        lambda: (
            user.stack.invoke("RepairEmbeddings", {})["repaired"] >= 0
            and user.call("GET", f"/memory/{memory['id']}").json()["vector_state"] == "ready"
        )
    )
    assert user.ask("Who fixes the pipes?", k=1)[0]["id"] == memory["id"]


def test_while_the_embedder_is_down_a_query_answers_by_word_and_says_so(user: User) -> None:
    memory = user.add("The plumber is called Mario.")

    with function_environment(user.stack, "QueryMemories", EMBEDDER_DIR=NOWHERE):
        answer = user.call("POST", "/memory/query", {"query": "plumber"}).json()

    assert answer["degraded"] == ["semantic"]
    assert [found["id"] for found in answer["memories"]] == [memory["id"]]


def test_while_the_index_is_down_what_is_pending_and_newest_is_found_and_nothing_else_is_claimed(
    new_user: Callable[..., User],
) -> None:
    user = new_user()
    with function_environment(user.stack, "QueryMemories", SEARCH_ENDPOINT=f"file://{NOWHERE}/index.db"):
        answer = problem(user.call("POST", "/memory/query", {"query": "plumber"}), 503, "index-unavailable")
        assert answer["retry_after"] > 0
        shown = user.add("The gardener is called Luigi.")
        until(lambda: user.call("GET", "/memory/pending").json()["pending_index"] == 0)
        # The list may show it a moment later than the index does.
        until(lambda: "memories" in user.call("POST", "/memory/query", {"query": "gardener"}).json())
        newest = user.call("POST", "/memory/query", {"query": "gardener"}).json()
        # The projector works on: so that this stays pending, it too loses the index.
        with function_environment(user.stack, "ProjectChanges", SEARCH_ENDPOINT=f"file://{NOWHERE}/index.db"):
            memory = user.add("The plumber is called Mario.")
            pending = user.call("POST", "/memory/query", {"query": "plumber"}).json()

    assert newest["degraded"] == pending["degraded"] == ["index"]
    assert [found["id"] for found in newest["memories"]] == [shown["id"]]
    assert {found["id"] for found in pending["memories"]} == {shown["id"], memory["id"]}
    assert user.ask("plumber")[0]["id"] == memory["id"]


def test_a_throttled_table_is_tried_again_and_then_the_caller_is_told_when_to_come_back(user: User) -> None:
    with faulty_network(user.stack, "AddMemory") as proxy:
        proxy.fates["TransactWriteItems"] = (Fate.THROTTLED, 2)
        first = user.add("Told through a busy table.")
        proxy.fates["TransactWriteItems"] = (Fate.THROTTLED, 1000)
        assert retry_after(user, "Never told.", Idempotency_Key="k") >= 1
        proxy.fates.clear()
        again = user.call("POST", "/memory/add", {"text": "Never told."}, Idempotency_Key="k")

    assert (again.status_code, "idempotent-replay" in again.headers) == (201, False)
    assert [memory["id"] for memory in user.all()] == [again.json()["id"], first["id"]]


@pytest.mark.parametrize("fate", [Fate.LOST, Fate.UNANSWERED])
@pytest.mark.parametrize("operation", ["PutItem", "TransactWriteItems", "UpdateItem"])
def test_an_add_whose_write_goes_unanswered_once_ends_in_one_memory(user: User, operation: str, fate: Fate) -> None:
    with faulty_network(user.stack, "AddMemory") as proxy:
        proxy.fates[operation] = (fate, 1)
        first = user.call("POST", "/memory/add", {"text": "Only once."}, Idempotency_Key="k")
        second = user.call("POST", "/memory/add", {"text": "Only once."}, Idempotency_Key="k")
        assert proxy.seen[operation] >= 1

    assert first.status_code in {201, 503}
    if second.status_code == 409:
        # The first attempt's claim may outlive it by thirty seconds; its retry says when to come back.
        until(lambda: user.call("POST", "/memory/add", {"text": "Only once."}, Idempotency_Key="k").status_code == 201)
    else:
        assert second.status_code == 201, second.text
    assert [memory["text"] for memory in user.all()] == ["Only once."]
    assert len(user.ask("once")) == 1


@pytest.mark.parametrize("fate", [Fate.LOST, Fate.UNANSWERED])
def test_a_merge_whose_evidence_goes_unanswered_once_leaves_one_memory_and_its_evidence(user: User, fate: Fate) -> None:
    memory = user.add("Said again.")
    with faulty_network(user.stack, "AddMemory") as proxy:
        proxy.fates["BatchWriteItem"] = (fate, 1)
        merged = user.call("POST", "/memory/add", {"text": "Said again."}, Idempotency_Key="k")
        assert proxy.seen["BatchWriteItem"] >= 1

    assert merged.status_code == 200, merged.text
    assert [each["id"] for each in user.all()] == [memory["id"]]
    assert user.call("GET", f"/memory/{memory['id']}/evidence").json()["count"] == 2


def test_a_table_that_never_answers_is_said_to_be_down_and_nothing_is_half_written(user: User) -> None:
    with faulty_network(user.stack, "AddMemory") as proxy:
        proxy.fates["TransactWriteItems"] = (Fate.LOST, 1000)
        assert retry_after(user, "Never told.") >= 1

    assert user.all() == []
    assert user.ask("told") == []
    assert user.add("Never told.")["outcomes"][0]["outcome"] == "stored"


def test_a_lost_read_is_asked_again(user: User) -> None:
    memory = user.add("Read me.")

    with faulty_network(user.stack, "GetMemory") as proxy:
        proxy.fates["GetItem"] = (Fate.LOST, 1)
        assert user.call("GET", f"/memory/{memory['id']}").status_code == 200
        assert proxy.seen["GetItem"] > 1


def test_a_lost_index_is_filled_again_from_the_table(new_user: Callable[..., User]) -> None:
    user = new_user()
    memory = user.add("The plumber is called Mario.")
    until(lambda: user.stack.invoke("SweepPending", {}) is not None and settled(user, memory["id"]))
    elsewhere = {"SEARCH_ENDPOINT": f"{user.stack.index.with_name('other.db').as_uri()}"}
    with function_environment(user.stack, "QueryMemories", **elsewhere):
        assert user.ask("plumber") == []
        with function_environment(user.stack, "RebuildIndex", **elsewhere):
            assert user.stack.invoke("RebuildIndex", {"rows": [[user.tenant_id, memory["id"]]]})["projected"] == 1
            everything = user.stack.invoke("RebuildIndex", {})
        assert everything["after"] is None
        assert everything["projected"] >= 1
        assert user.ask("plumber")[0]["id"] == memory["id"]
