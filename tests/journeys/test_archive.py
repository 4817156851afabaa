"""What is put aside is found on demand, what nobody asks for grows stale, and an answer leads to what it stands beside."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from tests.journeys.conftest import User, problem, settled
from tests.support.waiting import until

HARBOUR = "The harbour master is called Joana."


def archived(user: User, memory_id: str, body: Any = None, **headers: str) -> dict[str, Any]:
    answer = user.call("POST", f"/memory/{memory_id}/archive", body, **headers)
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def ids(memories: list[dict[str, Any]]) -> list[str]:
    return [each["id"] for each in memories]


def gate(user: User, memory_id: str, **fields: Any) -> str | None:
    body = {"query": "Who is the harbour master?", "memory_id": memory_id, **fields}
    found: str | None = user.call("POST", "/memory/explain", body).json()["gate"]
    return found


@pytest.mark.parametrize("waits", [True, False])
def test_what_is_archived_comes_back_on_demand_only(user: User, waits: bool) -> None:
    memory, other = user.add(HARBOUR)["id"], user.add("The lighthouse is red.")["id"]

    shown = archived(user, memory, {"reason": "she retired"})
    if waits:
        until(partial(settled, user, memory))

    assert (shown["state"], shown["state_reason"], shown["revision"]) == ("archived", "she retired", 2)
    assert shown["archived_at"] == shown["updated_at"]
    question = "Who is the harbour master?"
    assert ids(user.ask(question)) == [other]
    found = user.ask(question, include_archived=True)
    assert (ids(found), [each["state"] for each in found]) == ([memory, other], ["archived", "active"])
    for path, body in (
        ("/memory/retrieve", {"query": question}),
        ("/v1/memory/recall", {"messages": [{"role": "user", "content": question}]}),
        ("/memory/search/routed", {"query": "List all memories about the harbour"}),
    ):
        assert memory not in ids(user.call("POST", path, body).json()["memories"]), path
    harbour = {"query": "List all memories about the harbour", "include_archived": True}
    assert ids(user.call("POST", "/memory/search/routed", harbour).json()["memories"]) == [memory]
    composed = user.call("POST", "/memory/compose", {"query": question}).json()
    assert HARBOUR not in composed["composed_prompt"]
    assert memory not in ids(user.call("POST", "/memory/synthesize", {"query": question}).json()["citations"])
    assert ids(user.all()) == [other]
    assert ids(user.call("GET", "/memory?state=archived").json()["items"]) == [memory]
    assert user.call("GET", f"/memory/{memory}").json()["state"] == "archived"
    nothing = user.call("POST", "/memory/query", {"query": question, "filters": {"tags": ["none"]}}).json()["scope_diagnostics"]
    assert nothing["memories_archived"] == 0
    assert user.call("DELETE", f"/memory/{other}").status_code == 200
    told = user.call("POST", "/memory/query", {"query": question}).json()["scope_diagnostics"]
    assert (told["memories_archived"], told["advice"]) == (1, ["With 'include_archived' this question finds 1."])
    assert (gate(user, memory), gate(user, memory, include_archived=True)) == ("archived", None)


def test_it_is_brought_back_as_it_was_and_both_moves_stand_in_its_history(user: User) -> None:
    memory = user.add(HARBOUR)["id"]
    path = f"/memory/{memory}"
    problem(user.call("POST", f"{path}/restore"), 409, "conflict")
    problem(user.call("POST", f"{path}/archive", If_Match='"r7"'), 412, "precondition-failed")

    first = user.call("POST", f"{path}/archive", {"reason": "over"}, If_Match='"r1"', Idempotency_Key="a1")
    back = user.call("POST", f"{path}/restore")
    again = user.call("POST", f"{path}/archive", {"reason": "over"}, If_Match='"r1"', Idempotency_Key="a1")

    assert (first.status_code, first.headers["ETag"]) == (200, '"r2"')
    assert (back.status_code, back.headers["ETag"]) == (200, '"r3"')
    assert (again.headers["Idempotent-Replay"], again.json()["state"]) == ("true", "active")
    problem(user.call("POST", f"{path}/archive", {"reason": "late"}, Idempotency_Key="a1"), 422, "idempotency-key-reused")
    newest, middle, _ = user.call("GET", f"{path}/history").json()["items"]
    assert (newest["reason"], newest["changed"]["state"]) == ("restored", {"before": "archived", "after": "active"})
    assert (middle["reason"], middle["changed"]["state_reason"]) == ("over", {"before": None, "after": "over"})
    assert ids(user.ask("Who is the harbour master?")) == [memory]


def test_the_same_fact_said_again_is_stored_anew_beside_what_is_archived(user: User) -> None:
    memory = user.add(HARBOUR)["id"]
    archived(user, memory)

    newer = user.add(HARBOUR)

    assert newer["id"] != memory
    assert [each["outcome"] for each in newer["outcomes"]] == ["stored"]
    assert set(ids(user.ask("harbour master", include_archived=True))) == {memory, newer["id"]}
    assert user.call("DELETE", f"/memory/{newer['id']}").status_code == 200
    assert user.call("POST", f"/memory/{memory}/restore").status_code == 200
    assert user.add(HARBOUR)["id"] == memory, "it holds its guard again"


def test_of_anothers_memory_neither_archive_nor_answer_tells(user: User) -> None:
    memory = user.add(HARBOUR)["id"]
    neighbour = {"X_End_User_ID": "u2"}
    for action in ("archive", "restore"):
        problem(user.call("POST", f"/memory/{memory}/{action}", **neighbour), 404, "memory-not-found")
    archived(user, memory)

    body = {"query": "harbour master", "include_archived": True, "traversal_depth": 2}
    assert user.call("POST", "/memory/query", body, **neighbour).json()["memories"] == []
    assert user.call("GET", "/memory?state=archived", **neighbour).json()["items"] == []


def test_what_nobody_asked_for_in_ninety_days_is_stale_until_somebody_does(user: User) -> None:
    old, new = user.add("The ferry leaves at nine.")["id"], user.add("The ferry leaves at nine sharp.")["id"]
    until(lambda: settled(user, old) and settled(user, new))
    names = {"#c": "created_at", "#u": "updated_at"}
    moments = {":c": {"S": "2020-01-01T00:00:00.000Z"}, ":u": {"S": "2020-01-02T00:00:00.000Z"}}
    user.stack.client("dynamodb").update_item(
        TableName=user.stack.outputs()["MemoriesTableName"],
        Key={"pk": {"S": f"M#{user.tenant_id}#{old}"}, "sk": {"S": "ROW"}},
        UpdateExpression="SET #c = :c, #u = :u",
        ExpressionAttributeNames=names,
        ExpressionAttributeValues=moments,
    )

    found = {each["id"]: each for each in user.ask("When does the ferry leave?", explain=True, k=2)}

    assert (found[old]["stale"], found[new]["stale"]) == (True, False)
    why = found[old]["explanation"]
    assert (why["stale_share"], found[new]["explanation"]["stale_share"]) == (0.9, 1.0)
    shares = sum(factor["share"] for factor in why["factors"].values())
    assert found[old]["score"] == pytest.approx(0.9 * shares, abs=1e-5)
    until(lambda: user.call("GET", f"/memory/{old}").json()["access_count"] == 1)
    assert user.call("GET", f"/memory/{old}").json()["stale"] is False
    assert [each["stale"] for each in user.all()] == [False, False]


def test_the_tenant_says_how_long_a_memory_stays_fresh(user: User) -> None:
    memory = user.add(HARBOUR)["id"]
    user.operate("set_memory_policy", policy={"stale_after_days": 36_500})

    assert user.operate("show_memory_policy")["policy"]["stale_after_days"] == 36_500
    assert user.call("GET", f"/memory/{memory}").json()["stale"] is False


def test_an_answer_leads_to_what_was_said_around_it_and_to_what_took_its_place(user: User) -> None:
    turns = ["I met Rita at the fair.", "She sells honey.", "Her stall is the blue one."]
    first, second, third = (user.add(text, session_id="s1", infer=False)["id"] for text in turns)
    old, new = user.add("I live in Lisbon.")["id"], user.add("I live in Porto.")["id"]

    (answer,) = user.ask("What does she sell?", k=1, traversal_depth=2)
    (home,) = user.ask("Where do I live?", k=1, traversal_depth=1)

    assert answer["id"] == second
    assert [(each["id"], each["relation"], each["depth"], each["via"]) for each in answer["related"]] == [
        (first, "previous_in_session", 1, second),
        (third, "next_in_session", 1, second),
    ]
    assert [each["text"] for each in answer["related"]] == [turns[0], turns[2]]
    assert home["id"] == new
    (superseded,) = home["related"]
    assert (superseded["id"], superseded["relation"], superseded["text"]) == (old, "supersedes", "I live in Lisbon.")
    assert superseded["valid_until"] is not None
    assert [each["related"] for each in user.ask("Where do I live?")] == [[]] * len(user.ask("Where do I live?"))


@pytest.mark.parametrize(("name", "value"), [("traversal_depth", 3), ("traversal_depth", -1), ("include_archived", "yes")])
def test_what_cannot_be_asked_for_is_refused(passer_by: User, name: str, value: Any) -> None:
    refused = problem(passer_by.call("POST", "/memory/query", {"query": "a", name: value}), 422, "validation-failed")

    assert [fault["pointer"] for fault in refused["errors"]] == [f"/{name}"]
