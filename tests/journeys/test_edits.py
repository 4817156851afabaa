"""Changing what is remembered: every change is a revision with its author and reason, and none gets lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.journeys.conftest import User, problem

WRITERS = 50
FACT = "The workshop is in the old mill."


def added(user: User, text: str = FACT, **fields: Any) -> dict[str, Any]:
    answer = user.call("POST", "/memory/add", {"text": text, **fields})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_patch_changes_what_is_sent_and_leaves_the_rest(user: User) -> None:
    memory = added(user, tags=["old"], source="chat", importance=0.2, metadata={"a": 1})

    answer = user.call("PATCH", f"/memory/{memory['id']}", {"tags": ["new", "new"], "importance": 0.9, "reason": "tidied up"})

    body = answer.json()
    assert (answer.status_code, answer.headers["ETag"]) == (200, '"r2"')
    assert (body["tags"], body["importance"], body["source"], body["metadata"]) == (["new"], 0.9, "chat", {"a": 1})
    assert user.call("GET", f"/memory/{memory['id']}").json()["tags"] == ["new"]
    assert user.ask("workshop", filters={"tags": ["new"]})[0]["id"] == memory["id"]
    assert user.ask("workshop", filters={"tags": ["old"]}) == []
    assert user.call("PATCH", f"/memory/{memory['id']}", {"tags": ["new"]}).headers["ETag"] == '"r2"'
    assert user.call("PATCH", f"/memory/{memory['id']}", {"source": None}).json()["source"] is None
    problem(user.call("PATCH", f"/memory/{memory['id']}", {"importance": None}), 422, "validation-failed")
    problem(user.call("PATCH", f"/memory/{memory['id']}", {"importance": 2}), 422, "validation-failed")


def test_a_new_text_is_found_and_the_old_one_is_not(user: User) -> None:
    memory = added(user)

    answer = user.call("PUT", f"/memory/{memory['id']}/text", {"text": "The studio is in the harbour.", "reason": "moved"})

    assert (answer.status_code, answer.json()["revision"], answer.json()["text"]) == (200, 2, "The studio is in the harbour.")
    assert [each["id"] for each in user.ask("studio harbour", k=1)] == [memory["id"]]
    assert user.ask("studio harbour", k=1)[0]["text"] == "The studio is in the harbour."
    # What it said before is free to be said again, and what it says now is taken.
    again = user.call("POST", "/memory/add", {"text": FACT}).json()
    assert again["outcomes"][0]["outcome"] == "stored"
    assert user.call("POST", "/memory/add", {"text": "the studio is in the harbour"}).json()["id"] == memory["id"]
    problem(user.call("PUT", f"/memory/{again['id']}/text", {"text": "The studio is in the harbour."}), 409, "conflict")


def test_an_edit_of_another_revision_than_the_one_known_is_refused(user: User) -> None:
    memory = added(user)
    path = f"/memory/{memory['id']}"
    assert user.call("PATCH", path, {"tags": ["a"]}, If_Match='"r1"').status_code == 200

    for method, place, body in (("PATCH", path, {"tags": ["b"]}), ("PUT", f"{path}/text", {"text": "Something else is so."})):
        refused = problem(user.call(method, place, body, If_Match='"r1"'), 412, "precondition-failed")
        assert refused["revision"] == 2
    assert user.call("GET", path).json()["tags"] == ["a"]


def test_fifty_writers_at_once_lose_no_update(user: User) -> None:
    memory = added(user, metadata={"seen": []})
    path = f"/memory/{memory['id']}"

    def write(number: int) -> None:
        while True:
            held = user.call("GET", path)
            seen = [*held.json()["metadata"]["seen"], number]
            answer = user.call("PATCH", path, {"metadata": {"seen": seen}}, If_Match=held.headers["ETag"])
            if answer.status_code == 200:
                return
            assert answer.status_code in {412, 503}, answer.text

    with ThreadPoolExecutor(WRITERS) as threads:
        list(threads.map(write, range(WRITERS)))

    body = user.call("GET", path).json()
    assert sorted(body["metadata"]["seen"]) == list(range(WRITERS))
    assert body["revision"] == WRITERS + 1


def test_the_history_tells_who_changed_what_when_and_why(user: User) -> None:
    memory = added(user, tags=["a"])
    path = f"/memory/{memory['id']}"
    user.call("PATCH", path, {"tags": ["b"], "reason": "renamed"})
    user.call("PUT", f"{path}/text", {"text": "The workshop is in the new mill."})

    body = user.call("GET", f"{path}/history").json()

    assert [each["revision"] for each in body["items"]] == [3, 2, 1]
    newest, tags, first = body["items"]
    assert newest["changed"]["text"] == {"before": FACT, "after": "The workshop is in the new mill."}
    assert (tags["changed"], tags["reason"]) == ({"tags": {"before": ["a"], "after": ["b"]}}, "renamed")
    assert all(each["actor"].startswith("key:") for each in body["items"])
    assert newest["known_until"] is None
    assert (tags["known_until"], first["known_until"]) == (newest["known_from"], tags["known_from"])
    page = user.call("GET", f"{path}/history?limit=1").json()
    rest = user.call("GET", f"{path}/history?limit=5&cursor={page['next_cursor']}").json()
    assert [each["revision"] for each in [*page["items"], *rest["items"]]] == [3, 2, 1]


def test_a_keyed_edit_is_done_once_however_often_it_is_sent(user: User) -> None:
    memory = added(user)
    path = f"/memory/{memory['id']}"

    first = user.call("PATCH", path, {"tags": ["x"]}, Idempotency_Key="e1")
    user.call("PATCH", path, {"tags": ["y"]})
    again = user.call("PATCH", path, {"tags": ["x"]}, Idempotency_Key="e1")

    assert (first.status_code, again.status_code, again.headers["Idempotent-Replay"]) == (200, 200, "true")
    assert user.call("GET", path).json()["tags"] == ["y"]
    problem(user.call("PATCH", path, {"tags": ["z"]}, Idempotency_Key="e1"), 422, "idempotency-key-reused")


def test_many_changes_at_once_have_an_answer_each(user: User) -> None:
    one, two = added(user), added(user, "The office is in the tower.")
    items = [
        {"id": one["id"], "tags": ["a"], "if_match": '"r1"'},
        {"id": two["id"], "text": "The office is in the castle."},
        {"id": two["id"], "tags": ["b"], "if_match": '"r7"'},
        {"id": "mem_00000000000000000000000000", "tags": ["c"]},
        {"id": one["id"], "importance": 7},
    ]

    answer, again = (user.call("POST", "/memory/batch-update", {"items": items}, Idempotency_Key="many") for _ in range(2))

    body = answer.json()
    assert (answer.status_code, again.status_code) == (207, 207)
    assert [each.get("replayed") for each in body["items"]] == [False, False, None, None, None]
    assert [each.get("replayed") for each in again.json()["items"]] == [True, True, None, None, None]
    assert again.headers["Idempotent-Replay"] == "true"
    assert [each["status"] for each in body["items"]] == [200, 200, 412, 404, 422]
    assert (body["updated"], body["failed"]) == (2, 3)
    assert body["items"][1]["memory"]["text"] == "The office is in the castle."
    assert body["items"][4]["problem"]["errors"][0]["pointer"] == "/importance"
    assert user.call("GET", f"/memory/{one['id']}").json()["tags"] == ["a"]


def test_feedback_moves_the_quality_and_counts_once_for_each_key(user: User) -> None:
    memory = added(user)
    path = f"/memory/{memory['id']}/feedback"

    worse = [user.call("POST", path, {"helpful": False, "reason": "wrong"}, Idempotency_Key="f1") for _ in range(2)]
    better = user.call("POST", path, {"helpful": True})

    assert worse[0].json()["quality_score"] < memory["quality_score"]
    assert worse[1].headers["Idempotent-Replay"] == "true"
    assert better.json()["quality_score"] > worse[0].json()["quality_score"]
    assert better.json()["revision"] == 1
    problem(user.call("POST", path, {"helpful": "no"}), 422, "validation-failed")


def test_nothing_is_pending_once_all_is_shown(user: User) -> None:
    added(user)

    body = user.call("GET", "/memory/pending").json()

    assert (body["pending_embedding"], body["oldest_since"], body["oldest_age_seconds"]) == (0, None, None)
