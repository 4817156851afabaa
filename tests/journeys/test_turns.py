"""Turns over HTTP: kept, remembered, told of, recalled for the next one, and listed for whom the path names."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.journeys.conftest import User, problem
from tests.support.waiting import until

MESSAGES = [
    {"role": "user", "content": "I moved to Lisbon in March.", "speaker": "Ada", "occurred_at": "2026-10-02T09:00:00Z"},
    {"role": "assistant", "content": "How do you like it there?"},
]
ADD = "/v1/memory/add_turn"


def state_of(user: User, turn: dict[str, Any]) -> dict[str, Any]:
    answer = user.call("GET", f"/v1/memory/status/{turn['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_turn_is_kept_remembered_and_recalled_for_the_next_one(user: User) -> None:
    body = {"session_id": "s1", "messages": MESSAGES, "tags": ["chat"]}
    added = user.call("POST", ADD, body, Idempotency_Key="t1")
    assert added.status_code == 201, added.text
    turn = added.json()
    assert (turn["first_sequence"], turn["last_sequence"], turn["counts"]["stored"]) == (1, 2, 1)
    again = user.call("POST", ADD, body, Idempotency_Key="t1")
    assert (again.json()["id"], again.headers["idempotent-replay"]) == (turn["id"], "true")
    other = user.call("POST", ADD, {"session_id": "s1", "user_message": "Other."}, Idempotency_Key="t1")
    problem(other, 422, "idempotency-key-reused")

    until(lambda: state_of(user, turn)["state"] == "indexed")
    [memory_id] = turn["memory_ids"]
    memory = user.call("GET", f"/memory/{memory_id}").json()
    assert (memory["text"], memory["speaker"], memory["session_id"], memory["tags"]) == (
        "I moved to Lisbon in March.",
        "Ada",
        "s1",
        ["chat"],
    )
    said = user.call("POST", "/v1/history/list", {"session_id": "s1"}).json()["items"]
    assert [(each["sequence"], each["content"]) for each in said] == [(1, MESSAGES[0]["content"]), (2, MESSAGES[1]["content"])]

    asked = {"messages": [*MESSAGES, {"role": "user", "content": "Which city do I live in by now?"}], "k": 3}
    recalled = user.call("POST", "/v1/memory/recall", asked)
    assert recalled.status_code == 200, recalled.text
    assert [each["id"] for each in recalled.json()["memories"]] == [memory_id]
    assert "Lisbon" in recalled.json()["context"]
    here, there = (user.call("POST", path, {"query": "Which city?"}).json() for path in ("/v1/memory/query", "/memory/query"))
    assert here["memories"] == there["memories"] != []


def test_a_turn_is_told_of_to_its_owner_alone(user: User) -> None:
    turn = user.call("POST", ADD, {"session_id": "s1", "user_message": "Hello!", "assistant_message": "Hello."}).json()
    assert (turn["memory_ids"], state_of(user, turn)["state"]) == ([], "indexed")

    path = f"/v1/memory/status/{turn['id']}"
    problem(user.call("GET", path, X_End_User_ID="u2"), 404, "turn-not-found")
    problem(user.call("GET", "/v1/memory/status/turn_1"), 404, "turn-not-found")


def test_a_list_is_of_whom_the_path_names_and_nobody_elses(user: User) -> None:
    def listed(tenant: str, name: str, **headers: str) -> Any:
        return user.call("GET", f"/v1/memory/{tenant}/{quote(name, safe='')}/list?limit=1", **headers)

    jose = "josé@example.com"
    for number in range(2):
        user.call("POST", "/memory/add", {"text": f"Rule {number} holds.", "user_id": jose, "infer": False}, X_End_User_ID="")

    page = listed(user.tenant_id, jose, X_End_User_ID="").json()
    assert ([each["text"] for each in page["items"]], page["has_more"]) == (["Rule 1 holds."], True)
    assert listed(user.tenant_id, "u1").json()["items"] == []
    problem(listed(user.tenant_id, jose), 400, "end-user-mismatch")
    problem(listed("somebody-else", "u1"), 403, "forbidden")
    problem(user.call("GET", f"/v1/memory/{user.tenant_id}/u1/list?colour=red"), 400, "unknown-filter")
