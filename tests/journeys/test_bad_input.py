"""Bad input gets a clear answer that names the fault, the field and the cure, and leaves nothing behind."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from typing import Any

import pytest

from tests.journeys.conftest import User, problem

# ruff: noqa: E501 - one case a line reads better than one value a line

ADD_REFUSED: list[tuple[str, object, int, str, str]] = [
    ("not JSON", b'{"text": ', 400, "malformed-request", ""),
    ("a list", ["text"], 422, "validation-failed", ""),
    ("nothing", {}, 422, "validation-failed", ""),
    ("empty", {"text": ""}, 422, "validation-failed", ""),
    ("blank", {"text": " \n\t\u2003"}, 422, "validation-failed", ""),
    ("a number", {"text": 5}, 422, "validation-failed", "/text"),
    ("too long", {"text": "x" * (100 * 1024 + 1)}, 413, "payload-too-large", "/text"),
    ("too long in bytes only", {"content": "é" * (50 * 1024 + 1)}, 413, "payload-too-large", "/content"),
    ("NUL", {"text": "a\0b"}, 422, "validation-failed", "/text"),
    ("a lone surrogate", b'{"text": "\\ud800"}', 422, "validation-failed", "/text"),
    ("text and content that differ", {"text": "a", "content": "b"}, 422, "validation-failed", ""),
    ("metadata of 16 KB + 1", {"text": "a", "metadata": {"k": "x" * (16 * 1024 + 1 - 8)}}, 413, "metadata-too-large", "/metadata"),
    ("metadata with 10,000 keys", {"text": "a", "metadata": {f"k{n}": n for n in range(10_000)}}, 413, "metadata-too-large", "/metadata"),
    ("metadata 50 deep", b'{"text": "a", "metadata": ' + b'{"a":' * 50 + b"1" + b"}" * 51, 422, "validation-failed", "/metadata"),
    ("metadata 5,000 deep", b'{"text": "a", "metadata": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, 400, "malformed-request", ""),
    ("NaN in metadata", b'{"text": "a", "metadata": {"a": NaN}}', 400, "malformed-request", ""),
    ("NUL in metadata", {"text": "a", "metadata": {"a": "\0"}}, 422, "validation-failed", "/metadata"),
    ("a list as metadata", {"text": "a", "metadata": [1]}, 422, "validation-failed", "/metadata"),
    ("importance of 2", {"text": "a", "importance": 2}, 422, "validation-failed", "/importance"),
    ("importance NaN", b'{"text": "a", "importance": NaN}', 400, "malformed-request", ""),
    ("a time that is none", {"text": "a", "occurred_at": "yesterday"}, 422, "validation-failed", "/occurred_at"),
    ("a time as a number", {"text": "a", "occurred_at": 1760000000}, 422, "validation-failed", "/occurred_at"),
    ("ttl of 0", {"text": "a", "ttl_minutes": 0}, 422, "validation-failed", "/ttl_minutes"),
    ("65 tags", {"text": "a", "tags": [str(n) for n in range(65)]}, 422, "validation-failed", "/tags"),
    ("user_id true", {"text": "a", "user_id": True}, 422, "validation-failed", "/user_id"),
    ("deduplicate yes", {"text": "a", "deduplicate": "yes"}, 422, "validation-failed", "/deduplicate"),
    ("valid_until before valid_from", {"text": "a", "valid_from": "2026-02-01T00:00:00Z", "valid_until": "2026-01-01T00:00:00Z"}, 422, "validation-failed", "/valid_until"),
    ("an end in the past and no beginning", {"text": "a", "valid_until": "2020-01-01T00:00:00Z"}, 422, "validation-failed", "/valid_until"),
    ("an end before it was said", {"text": "a", "occurred_at": "2026-02-01T00:00:00Z", "valid_until": "2026-01-01T00:00:00Z"}, 422, "validation-failed", "/valid_until"),
    ("metadata with 513 keys", {"text": "a", "metadata": {f"k{n}": n for n in range(513)}}, 422, "validation-failed", "/metadata"),
    ("metadata with 513 keys at any depth", {"text": "a", "metadata": {"all": [{f"k{n}": n} for n in range(512)]}}, 422, "validation-failed", "/metadata"),
    ("a key of 257 characters in metadata", {"text": "a", "metadata": {"a": [{"k" * 257: 1}]}}, 422, "validation-failed", "/metadata"),
]  # fmt: skip

QUERY_REFUSED: list[tuple[str, object, int, str, str]] = [
    ("k of 0", {"query": "a", "k": 0}, 422, "validation-failed", "/k"),
    ("k of -1", {"query": "a", "k": -1}, 422, "validation-failed", "/k"),
    ("k of 201", {"query": "a", "k": 201}, 422, "validation-failed", "/k"),
    ("k of '5'", {"query": "a", "k": "5"}, 422, "validation-failed", "/k"),
    ("k of 1.5", {"query": "a", "k": 1.5}, 422, "validation-failed", "/k"),
    ("no query", {"k": 5}, 422, "validation-failed", "/query"),
    ("a blank query", {"query": "  "}, 422, "validation-failed", "/query"),
    ("a query of 100 KB", {"query": "x " * 51_200}, 422, "validation-failed", "/query"),
    ("a query with NUL", {"query": "a\0"}, 422, "validation-failed", "/query"),
    ("an unknown filter", {"query": "a", "filters": {"source": ["x"]}}, 400, "unknown-filter", "/filters/source"),
    ("filters as a list", {"query": "a", "filters": []}, 422, "validation-failed", "/filters"),
    ("an unknown tier", {"query": "a", "filters": {"tier": ["lukewarm"]}}, 422, "validation-failed", "/filters/tier/0"),
    ("a nested metadata filter", {"query": "a", "filters": {"metadata": {"a": {"b": 1}}}}, 422, "validation-failed", "/filters/metadata/a"),
]  # fmt: skip


def pointers(body: dict[str, Any]) -> list[str]:
    """Return the fields that a problem names."""
    return [fault["pointer"] for fault in body.get("errors", [])]


def raw(body: object) -> bytes:
    """Return the body as it is sent."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"), [case[1:] for case in ADD_REFUSED], ids=[case[0] for case in ADD_REFUSED]
)
def test_an_add_that_cannot_be_meant_is_refused_whole(
    passer_by: User, body: object, status: int, code: str, pointer: str
) -> None:
    answer = problem(passer_by.call("POST", "/memory/add", raw(body)), status, code)

    if pointer:
        assert pointers(answer)[0].startswith(pointer), answer
        assert all(fault["detail"] for fault in answer["errors"])
    assert passer_by.all() == []


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"), [case[1:] for case in QUERY_REFUSED], ids=[case[0] for case in QUERY_REFUSED]
)
def test_a_query_that_cannot_be_meant_is_refused(passer_by: User, body: object, status: int, code: str, pointer: str) -> None:
    answer = problem(passer_by.call("POST", "/memory/query", raw(body)), status, code)

    assert any(each.startswith(pointer) for each in pointers(answer)), answer
    assert all(fault["detail"] for fault in answer["errors"])


def test_the_largest_text_and_metadata_are_taken(user: User) -> None:
    text = "é" * (50 * 1024)
    metadata = {"k": "x" * (16 * 1024 - 8)}

    memory = user.add(text, metadata=metadata)

    read = user.call("GET", f"/memory/{memory['id']}").json()
    assert (read["text"], read["metadata"]) == (text, metadata)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_body_that_is_not_called_json_is_refused(passer_by: User, kind: str) -> None:
    answer = passer_by.call("POST", "/memory/add", b'{"text": "a"}', Content_Type=kind)

    assert pointers(problem(answer, 415, "unsupported-media-type")) == ["header:Content-Type"]
    assert passer_by.all() == []


def test_bytes_that_are_not_utf8_are_told_of(user: User) -> None:
    # The gateway replaces them before any function sees them: the answer must not let that pass in silence.
    answer = user.call("POST", "/memory/add", b'{"text": "caf\xe9"}')

    assert answer.json()["text"] == "caf\ufffd"
    assert answer.json()["warnings"] == ["'text' holds U+FFFD: something that was not UTF-8 was replaced on its way here."]


def test_unknown_fields_are_named_and_do_no_harm(passer_by: User) -> None:
    answer = passer_by.call("POST", "/memory/query", {"query": "a", "colour": "red", "depth": 2})

    assert answer.json()["warnings"] == ["Unknown field 'colour' was not used.", "Unknown field 'depth' was not used."]


def test_a_time_without_offset_is_read_as_utc_and_said_so(user: User) -> None:
    memory = user.add("We met.", occurred_at="2026-10-02T09:00:00")

    assert memory["occurred_at"] == "2026-10-02T09:00:00.000Z"
    assert memory["warnings"] == ["'occurred_at' has no offset and was read as UTC."]


@pytest.mark.parametrize(
    "path",
    ["/", "/memory/", "/memory/add/", "/memory//add", "/memories", "/v1/nothing", "/memory/add/more", "/memory/%2e%2e/health"],
)
def test_an_unknown_path_is_a_problem_document(passer_by: User, path: str) -> None:
    assert passer_by.call("POST", path, {}).headers["content-type"] == "application/problem+json"
    assert passer_by.call("POST", path, {}).status_code in {404, 405}


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/memory/add", "POST"),
        ("DELETE", "/memory/query", "POST"),
        ("GET", "/memory/compose", "POST"),
        ("PUT", "/memory/add", "POST"),
        ("POST", "/memory", "GET"),
        ("POST", "/health", "GET"),
        ("PUT", "/memory/mem_01KE6P5X4522P52GJZN5M2G5PN", "DELETE, GET, PATCH"),
        ("PATCH", "/memory/conflicts", "GET"),
        ("DELETE", "/memory/%61dd", "POST"),
    ],
)
def test_an_unknown_method_is_told_which_ones_there_are(passer_by: User, method: str, path: str, allow: str) -> None:
    answer = passer_by.call(method, path, {} if method in {"PUT", "POST"} else None)

    problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == allow


@pytest.mark.parametrize(
    "memory_id", ["nothing", "mem_0", "mem_" + "0" * 26, "mem_" + "Z" * 26, "%F0%9F%8E%89", "..", "a%2Fb", "a%252Fb", "a" * 500]
)
def test_an_id_that_is_none_is_not_found(passer_by: User, memory_id: str) -> None:
    answer = passer_by.call("GET", f"/memory/{memory_id}")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_cursor_that_was_not_issued_for_this_list_is_refused(new_user: Callable[..., User]) -> None:
    user, other = new_user(), new_user()
    for number in range(3):
        user.add(f"Fact {number}")
    cursor = user.call("GET", "/memory?limit=1").json()["next_cursor"]

    forged = [cursor[:-2] + ("AA" if cursor[-2:] != "AA" else "BB"), "AAAA", "%00", "x" * 2000, "🎉", ""]
    for each in forged:
        assert pointers(problem(user.call("GET", f"/memory?cursor={each}"), 400, "invalid-cursor")) == ["query:cursor"]
    problem(other.call("GET", f"/memory?cursor={cursor}"), 400, "invalid-cursor")
    problem(user.call("GET", f"/memory?cursor={cursor}", X_End_User_ID="u2"), 400, "invalid-cursor")
    assert user.call("GET", f"/memory?cursor={cursor}").status_code == 200


@pytest.mark.parametrize("limit", ["0", "-1", "201", "many", "1.5", ""])
def test_a_limit_that_is_none_is_refused(passer_by: User, limit: str) -> None:
    assert pointers(problem(passer_by.call("GET", f"/memory?limit={limit}"), 422, "validation-failed")) == ["query:limit"]


@pytest.mark.parametrize("key", ["k" * 256, "k\u007fy"])
def test_an_idempotency_key_that_is_too_long_or_not_printable_is_refused(passer_by: User, key: str) -> None:
    answer = passer_by.http.post("/memory/add", json={"text": "a"}, headers={**passer_by.headers, "Idempotency-Key": key})

    assert pointers(problem(answer, 422, "validation-failed")) == ["header:Idempotency-Key"]
    assert passer_by.all() == []


def test_an_idempotency_key_of_255_characters_is_taken(user: User) -> None:
    assert user.call("POST", "/memory/add", {"text": "It rains."}, Idempotency_Key="k" * 255).status_code == 201


def test_an_idempotency_key_with_another_body_is_refused_and_says_which_memory_it_made(user: User) -> None:
    first = user.call("POST", "/memory/add", {"text": "One boat."}, Idempotency_Key="k").json()

    answer = problem(user.call("POST", "/memory/add", {"text": "Two boats."}, Idempotency_Key="k"), 422, "idempotency-key-reused")

    assert answer["memory_id"] == first["id"]
    assert [memory["text"] for memory in user.all()] == ["One boat."]


def test_another_end_user_under_the_same_idempotency_key_gets_an_own_memory(user: User) -> None:
    first = user.call("POST", "/memory/add", {"text": "One boat."}, Idempotency_Key="k").json()

    second = user.call("POST", "/memory/add", {"text": "One boat."}, Idempotency_Key="k", X_End_User_ID="u2")

    assert second.status_code == 201
    assert second.json()["id"] != first["id"]
    assert "idempotent-replay" not in second.headers


def test_an_idempotency_key_that_is_worked_on_is_told_to_wait(user: User) -> None:
    answers = []
    outputs = user.stack.outputs()
    first = user.call("POST", "/memory/add", {"text": "One boat."}, Idempotency_Key="k")
    table = outputs["IdempotencyTableName"]
    database = user.stack.client("dynamodb")
    mine = f"I#{user.tenant_id}#"
    found = [item for item in database.scan(TableName=table)["Items"] if item["pk"]["S"].startswith(mine)]
    assert len(found) == 1
    # As it looks while the first attempt is under way: claimed, for the next thirty seconds.
    claimed = {**found[0], "state": {"S": "claimed"}, "until": {"S": "2099-01-01T00:00:00.000Z"}}
    database.put_item(TableName=table, Item=claimed)

    answers.append(user.call("POST", "/memory/add", {"text": "One boat."}, Idempotency_Key="k"))

    assert first.status_code == 201
    assert problem(answers[0], 409, "request-in-flight")["retry_after"] == int(answers[0].headers["retry-after"])


def test_no_text_of_a_user_is_ever_in_the_logs(user: User) -> None:
    canary = "canary" + secrets.token_hex(8)
    user.add(f"{canary} one", metadata={canary: canary}, tags=[canary], speaker=canary, source=canary)
    user.ask(f"{canary} one")
    for body in (
        {"text": f"{canary}\0"},
        {"text": canary, "content": f"{canary}2"},
        {"text": canary, "importance": canary},
        {canary: 1},
    ):
        user.call("POST", "/memory/add", body)
    user.call("POST", "/memory/query", {"query": canary, "filters": {canary: canary}})
    user.call("GET", f"/memory/{canary}")
    user.call("GET", f"/{canary}?{canary}={canary}")
    user.call("GET", f"/memory?cursor={canary}")

    assert canary not in user.stack.log.read_text(errors="replace")


def test_a_parameter_of_the_list_that_does_not_exist_is_refused(passer_by: User) -> None:
    answer = problem(passer_by.call("GET", "/memory?colour=red&limit=5"), 400, "unknown-filter")

    assert pointers(answer) == ["query:colour"]


def test_if_match_with_another_revision_deletes_nothing(user: User) -> None:
    memory = user.add("Revision one.")

    answer = user.call("DELETE", f"/memory/{memory['id']}", If_Match='"r9"')
    assert pointers(problem(answer, 412, "precondition-failed")) == ["header:If-Match"]
    problem(user.call("DELETE", f"/memory/{memory['id']}", If_Match="nonsense"), 412, "precondition-failed")
    assert user.call("GET", f"/memory/{memory['id']}").status_code == 200
    assert user.call("DELETE", f"/memory/{memory['id']}", If_Match='"r9", "r1"').status_code == 200
