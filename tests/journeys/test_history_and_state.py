"""Conversations and states over HTTP: kept in order, read in pages, changed by whoever means them, and really gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.journeys.conftest import User, problem
from tests.support.waiting import until

LONG_AGO = "2020-01-01T00:00:00.000Z"


def done(user: User, path: str, status: int = 200, /, **body: Any) -> dict[str, Any]:
    answer = user.call("POST", path, body)
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def said(*contents: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": each} for each in contents]


def kept(user: User) -> list[dict[str, Any]]:
    """Return what the table holds of the user's conversations and states, as DynamoDB writes it."""
    found = user.stack.client("dynamodb").scan(TableName=user.stack.outputs()["StateTableName"], ConsistentRead=True)
    items: list[dict[str, Any]] = [each for each in found["Items"] if each["pk"]["S"].split("#")[1] == user.tenant_id]
    return items


def test_a_conversation_is_kept_read_in_pages_and_dropped(user: User, new_user: Callable[..., User]) -> None:
    body = {"session_id": "s1", "messages": [*said("Hello.", "Is anybody there?"), {"role": "assistant", "content": "Yes."}]}
    first = user.call("POST", "/v1/history/append", body, Idempotency_Key="k")
    again = user.call("POST", "/v1/history/append", body, Idempotency_Key="k")
    assert (first.status_code, first.json()["first_sequence"], first.json()["last_sequence"]) == (201, 1, 3)
    assert (again.json()["last_sequence"], again.headers["idempotent-replay"]) == (3, "true")
    assert done(user, "/v1/history/append", 201, session_id="s1", messages=said("Bye."))["first_sequence"] == 4

    page = done(user, "/v1/history/list", session_id="s1", order="desc", limit=3)
    rest = done(user, "/v1/history/list", session_id="s1", order="desc", limit=3, cursor=page["next_cursor"])
    assert [(each["sequence"], each["content"]) for each in page["items"] + rest["items"]] == [
        (4, "Bye."),
        (3, "Yes."),
        (2, "Is anybody there?"),
        (1, "Hello."),
    ]
    assert (page["has_more"], rest["has_more"]) == (True, False)
    for stranger in (new_user(), user):
        headers = {"X_End_User_ID": "u2"} if stranger is user else {}
        assert stranger.call("POST", "/v1/history/list", {"session_id": "s1"}, **headers).json()["items"] == []
    other = user.call("POST", "/v1/history/list", {"session_id": "s2", "cursor": page["next_cursor"]})
    problem(other, 400, "invalid-cursor")

    assert done(user, "/v1/history/delete", session_id="s1", sequence=2)["deleted"] == 1
    assert done(user, "/v1/history/delete", session_id="s1")["deleted"] == 3
    assert done(user, "/v1/history/list", session_id="s1")["items"] == []
    assert kept(user) == []


def test_a_value_is_kept_found_changed_by_who_means_it_and_dropped(user: User) -> None:
    trips = ["plans", "trips"]
    first = user.call("POST", "/v1/state/put", {"namespace": trips, "key": "lisbon", "value": {"days": 4}})
    assert first.status_code == 200, first.text
    tag = first.headers["etag"]
    body = {"namespace": trips, "key": "lisbon", "value": {"days": 5}}
    second = user.call("POST", "/v1/state/put", body, If_Match=tag)
    assert (second.status_code, second.headers["etag"] != tag) == (200, True)
    problem(user.call("POST", "/v1/state/put", body, If_Match=tag), 412, "precondition-failed")
    done(user, "/v1/state/put", namespace=["plans", "meals"], key="monday", value={"days": 1})

    assert done(user, "/v1/state/get", namespace=trips, key="lisbon")["value"] == {"days": 5}
    assert [each["key"] for each in done(user, "/v1/state/list", namespace=trips)["items"]] == ["lisbon"]
    found = done(user, "/v1/state/search", namespace_prefix=["plans"], filter={"days": {"$gt": 4}})
    assert [each["key"] for each in found["items"]] == ["lisbon"]
    assert sorted(done(user, "/v1/state/namespaces", prefix=["plans"])["items"]) == [["plans", "meals"], trips]
    assert done(user, "/v1/state/namespaces", max_depth=1)["items"] == [["plans"]]
    problem(user.call("POST", "/v1/state/search", {"filter": {"days": {"$near": 4}}}), 400, "unknown-filter")
    too_large = {"namespace": trips, "key": "big", "value": {"x": "x" * 360_000}}
    assert problem(user.call("POST", "/v1/state/put", too_large), 413, "payload-too-large")["limit_bytes"] == 350 * 1024

    delete = {"namespace": trips, "key": "lisbon"}
    problem(user.call("POST", "/v1/state/delete", delete, If_Match=tag), 412, "precondition-failed")
    assert done(user, "/v1/state/delete", **delete)["deleted"] is True
    problem(user.call("POST", "/v1/state/get", delete), 404, "state-not-found")
    assert len(kept(user)) == 1


def test_what_expires_is_gone_at_once_and_swept_later(user: User) -> None:
    done(user, "/v1/state/put", namespace=["n"], key="k", value={}, ttl_minutes=60)
    [item] = kept(user)
    item |= {"expires_at": {"S": LONG_AGO}, "due_sk": {"S": LONG_AGO + item["due_sk"]["S"][len(LONG_AGO) :]}}
    user.stack.client("dynamodb").put_item(TableName=user.stack.outputs()["StateTableName"], Item=item)

    problem(user.call("POST", "/v1/state/get", {"namespace": ["n"], "key": "k"}), 404, "state-not-found")
    assert done(user, "/v1/state/namespaces")["items"] == []

    until(lambda: user.stack.invoke("RemoveExpired", {})["states"] >= 0 and kept(user) == [])


def test_a_key_has_to_be_let_in(new_user: Callable[..., User]) -> None:
    reader = new_user(scopes=["memory:read"])
    message = {"session_id": "s", "messages": said("x")}

    problem(reader.call("POST", "/v1/history/append", message), 403, "scope-denied")
    problem(reader.call("POST", "/v1/history/delete", {"session_id": "s"}), 403, "scope-denied")
    problem(reader.call("POST", "/v1/state/put", {"namespace": ["n"], "key": "k", "value": {}}), 403, "scope-denied")
    assert done(reader, "/v1/state/list", namespace=["n"])["items"] == []
