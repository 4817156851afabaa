"""What the routes of conversations, states and turns answer is what the contract says they answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.tree.served_world import Served, serving
from tests.contract.tree.test_tree_answers import check

APPEND, TURN, PUT = "/v1/history/append", "/v1/memory/add_turn", "/v1/state/put"
STATUS, LIST = "/v1/memory/status/{id}", "/v1/memory/{tenant}/{user}/list"
SAID = [{"role": "user", "content": "I moved to Lisbon.", "occurred_at": "2026-01-01T10:00:00", "colour": "red"}]
PLACE = {"namespace": ["a", "b"], "key": "k"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as world:
        yield world


def post(served: Served, path: str, body: Any, status: int, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return check(served.call("POST", path, body, headers=named), "POST", path, status)


def test_a_conversation(served: Served) -> None:
    appended = post(served, APPEND, {"session_id": "s", "messages": SAID}, 201, idempotency_key="a")
    assert appended["warnings"] == [
        "messages/0: Unknown field 'colour' was not used.",
        "messages/0: 'occurred_at' has no offset and was read as UTC.",
    ]
    post(served, APPEND, {"session_id": "s", "messages": SAID}, 201, idempotency_key="a")
    assert len(post(served, "/v1/history/list", {"session_id": "s"}, 200)["items"]) == 1
    forged = post(served, "/v1/history/list", {"session_id": "s", "cursor": "forged"}, 400)
    assert (forged["code"], forged["errors"][0]["pointer"]) == ("invalid-cursor", "/cursor")
    assert post(served, "/v1/history/delete", {"session_id": "s"}, 200)["deleted"] == 1


@pytest.mark.parametrize(
    ("message", "status", "pointer"),
    [
        ({"role": "user", "content": " "}, 422, "/messages/0/content"),
        ({"role": "user", "content": "x" * 102_401}, 413, "/messages/0/content"),
        ({"role": "user", "content": "x", "metadata": {"k": "x" * 17_000}}, 413, "/messages/0/metadata"),
        ({"content": "x"}, 422, "/messages/0/role"),
    ],
)
def test_a_message_that_is_refused(served: Served, message: Any, status: int, pointer: str) -> None:
    for path in (APPEND, TURN):
        problem = post(served, path, {"session_id": "s", "messages": [message]}, status)
        assert [each["pointer"] for each in problem["errors"]] == [pointer]


def test_messages_that_are_too_much_together(served: Served) -> None:
    messages = [{"role": "user", "content": "x" * 100_000}] * 22

    assert post(served, APPEND, {"session_id": "s", "messages": messages}, 413)["errors"][0]["pointer"] == "/messages"


def test_a_value(served: Served) -> None:
    put = post(served, PUT, {**PLACE, "value": {"n": 1}, "colour": "red"}, 200)
    assert put["warnings"] == ["Unknown field 'colour' was not used."]
    assert post(served, "/v1/state/get", PLACE, 200)["version"] == put["version"]
    assert len(post(served, "/v1/state/list", {"namespace": ["a", "b"]}, 200)["items"]) == 1
    assert len(post(served, "/v1/state/search", {"filter": {"n": {"$gte": 1}}}, 200)["items"]) == 1
    assert post(served, "/v1/state/namespaces", {}, 200)["items"] == [["a", "b"]]
    for path in (PUT, "/v1/state/delete"):
        refused = post(served, path, {**PLACE, "value": {}}, 412, if_match='"r1"')
        assert refused["code"] == "precondition-failed"
    assert post(served, "/v1/state/delete", PLACE, 200, if_match=f'"{put["version"]}"')["deleted"] is True
    assert post(served, "/v1/state/get", PLACE, 404)["code"] == "state-not-found"


@pytest.mark.parametrize(
    ("path", "body", "status", "pointer"),
    [
        (PUT, {**PLACE, "value": {"x": "x" * (350 * 1024)}}, 413, "/value"),
        (PUT, {**PLACE, "value": [1]}, 422, "/value"),
        (PUT, {**PLACE, "namespace": [], "value": {}}, 422, "/namespace"),
        (PUT, {**PLACE, "namespace": ["x"] * 17, "value": {}}, 422, "/namespace"),
        ("/v1/state/search", {"filter": {"n": {"$near": 1}}}, 400, "/filter"),
        ("/v1/state/namespaces", {"prefix": ["a", "b"], "max_depth": 1}, 422, "/max_depth"),
        ("/v1/state/list", {"namespace": ["a"], "cursor": "forged"}, 400, "/cursor"),
    ],
)
def test_what_is_refused_of_states(served: Served, path: str, body: Any, status: int, pointer: str) -> None:
    assert [each["pointer"] for each in post(served, path, body, status)["errors"]] == [pointer]


def test_a_value_of_the_largest_size_fits(served: Served) -> None:
    value = {"x": "\u00e9" * ((350 * 1024 - 8) // 2)}

    assert post(served, PUT, {**PLACE, "value": value}, 200)["value"] == value


def test_a_turn_and_its_state(served: Served) -> None:
    body = {"session_id": "t", "user_message": "My dog is called Rex.", "assistant_message": "Nice!"}
    turn = post(served, TURN, body, 201, idempotency_key="t")
    assert post(served, TURN, body, 201, idempotency_key="t")["id"] == turn["id"]

    def state(name: str, status: int) -> Any:
        return check(served.call("GET", f"/v1/memory/status/{name}", route=f"GET {STATUS}"), "GET", STATUS, status)

    assert state(turn["id"], 200)["memory_ids"] == turn["memory_ids"]
    assert state("turn_1", 404)["code"] == "turn-not-found"
    asked = {"messages": [{"role": "user", "content": "What is my dog called?"}]}
    assert post(served, "/v1/memory/recall", asked, 200)["memories"]
    assert post(served, "/v1/memory/query", {"query": "What is my dog called?"}, 200)["memories"]


def test_a_list_of_whom_the_path_names(served: Served) -> None:
    def listed(tenant: str, user: str, status: int, query: dict[str, str] | None = None) -> Any:
        answer = served.call("GET", f"/v1/memory/{tenant}/{user}/list", route=f"GET {LIST}", query=query)
        return check(answer, "GET", LIST, status)

    served.add("My bicycle is green.")
    assert listed("acme", "u1", 200)["items"]
    assert listed("oldco", "u1", 403)["code"] == "forbidden"
    other, unusable = listed("acme", "u2", 400), listed("acme", "%20u1", 422)
    assert (other["code"], unusable["code"]) == ("end-user-mismatch", "validation-failed")
    assert [each["errors"][0]["pointer"] for each in (other, unusable)] == ["path:user"] * 2
    assert listed("acme", "u1", 400, {"colour": "red"})["code"] == "unknown-filter"
