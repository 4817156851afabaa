"""What the functions really answer is what the contract says they answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from backend.kit.problems import MEDIA_TYPE
from backend.memories.http import MemoryDoor
from backend.memories.schemas import MemoryAdd
from backend.tenancy.scope import Environment, user_scope
from infrastructure.openapi.document import TARGET
from tests.contract.tree.served_world import Served, serving
from tests.support.events import HttpAnswer
from tests.support.faults import no_answer, plan

Json = dict[str, Any]
Call = Callable[[Served], HttpAnswer]

SECRET = "My sister lives in Lisbon."
NOBODY = "mem_00000000000000000000000000"
# Headers of every HTTP answer, about which the contract needs no word.
COMMON = {"content-type", "content-length"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as world:
        yield world


@pytest.fixture(autouse=True)
def everything_answers(served: Served) -> Iterator[None]:
    yield
    served.index.down = served.embedder.down = False
    served.container.seam._faults = None


def strict(document: Json) -> Json:
    """Return the contract with every object closed but the problem document: members that it does not name are faults."""
    closed = deepcopy(document)
    for name, schema in closed["components"]["schemas"].items():
        if name != "Problem" and "properties" in schema:
            schema["additionalProperties"] = False
    return closed


CONTRACT: Json = strict(json.loads(TARGET.read_text()))


def check(answer: HttpAnswer, method: str, path: str, status: int) -> Any:
    """Fail unless this answer is documented: status, content type, body and headers. Return the body."""
    assert answer.status == status, answer.body
    documented = CONTRACT["paths"][path][method.lower()]["responses"][str(status)]
    # Where a problem document is known, what else stands there is the gateway's own: no function answers with it.
    kind = MEDIA_TYPE if MEDIA_TYPE in documented["content"] else "application/json"
    assert answer.headers["content-type"].partition(";")[0] == kind
    schema = {**documented["content"][kind]["schema"], "components": CONTRACT["components"]}
    faults = [f"{each.json_path}: {each.message}" for each in _validator(schema).iter_errors(answer.json())]
    assert faults == []
    assert set(answer.headers) - COMMON <= {name.lower() for name in documented.get("headers", {})}
    return answer.json()


def _validator(schema: Json) -> Any:
    return OAS31Validator(schema, format_checker=oas31_format_checker)


# What goes well


def test_a_memory_that_is_new(served: Served) -> None:
    answer = served.add(
        "I moved to Lisbon in March.",
        source="chat",
        tags=["home"],
        metadata={"native": {"id": ["A-1", 1, None]}},
        occurred_at="2026-01-01T10:00:00+01:00",
        ttl_minutes=60,
        unknown="field",
    )

    body = check(answer, "POST", "/memory/add", 201)
    assert body["warnings"]
    assert answer.headers["etag"]


def test_a_memory_that_is_known_already(served: Served) -> None:
    served.add("I am allergic to nuts.")

    body = check(served.add("I am allergic to nuts."), "POST", "/memory/add", 200)

    assert body["outcomes"][0]["outcome"] == "merged"


def test_a_memory_that_is_stored_while_the_embedder_is_down(served: Served) -> None:
    served.embedder.down = True

    body = check(served.add("My bicycle is green."), "POST", "/memory/add", 201)

    assert body["vector_state"] == "pending_embedding"


def test_an_add_that_is_sent_again_under_its_key(served: Served) -> None:
    headers = {"idempotency-key": "again"}
    first = check(served.add("I play chess.", headers=headers), "POST", "/memory/add", 201)

    second = served.add("I play chess.", headers=headers)

    assert check(second, "POST", "/memory/add", 201)["id"] == first["id"]
    assert second.headers["idempotent-replay"] == "true"


MOMENT, NAIVE = "2026-10-02T09:00:00", "'{}' has no offset and was read as UTC."


def test_moments_without_an_offset_are_told_of_in_a_list(served: Served) -> None:
    moments = dict.fromkeys(("since", "until", "as_of", "known_at"), MOMENT)
    theirs = "/v1/memory/{tenant}/{user}/list"
    for path, route in (("/memory", "/memory"), ("/v1/memory/acme/u1/list", theirs)):
        body = check(served.call("GET", path, query=moments, route=f"GET {route}"), "GET", route, 200)
        assert body["warnings"] == [NAIVE.format(name) for name in moments]
        aware = {name: f"{moment}Z" for name, moment in moments.items()}
        assert served.call("GET", path, query=aware, route=f"GET {route}").json()["warnings"] == []


def test_moments_without_an_offset_are_told_of_with_the_memory(served: Served) -> None:
    made = served.add("We met at the mill.", occurred_at="2020-01-01T00:00:00Z").json()
    path = f"/memory/{made['id']}"

    body = check(served.call("GET", path, query={"as_of": MOMENT}, route="GET /memory/{id}"), "GET", "/memory/{id}", 200)

    assert body["warnings"] == [NAIVE.format("as_of")]
    assert served.call("GET", path, route="GET /memory/{id}").json()["warnings"] == []


def test_a_dry_run(served: Served) -> None:
    body = check(served.add("I might buy a boat.", dry_run=True), "POST", "/memory/add", 200)

    assert body["status"] == "dry_run"


@pytest.mark.parametrize("index_down", [False, True])
def test_a_question(served: Served, index_down: bool) -> None:
    served.add("My dog is called Rex.", speaker="Ana")
    served.index.down = index_down

    answer = served.call("POST", "/memory/query", {"query": "What is the dog called?", "k": 50, "session_id": None})

    body = check(answer, "POST", "/memory/query", 200)
    assert body["memories"]
    assert bool(body["degraded"]) is index_down


def test_a_question_by_its_other_name_one_that_finds_nothing_and_one_that_is_routed(served: Served) -> None:
    added = served.add("My parrot is called Coco.").json()

    found = served.call("POST", "/memory/retrieve", {"query": "What is the parrot called?"})
    empty = served.call("POST", "/memory/query", {"query": "What is the parrot called?", "filters": {"sources": ["none"]}})
    routed = served.call("POST", "/memory/search/routed", {"query": "List all parrots", "now": "2026-11-22T09:00:00Z"})
    dated = served.call("POST", "/memory/search/routed", {"query": "Days between 3 March 2026 and 1 May 2026"})

    assert check(found, "POST", "/memory/retrieve", 200)["memories"]
    told = check(empty, "POST", "/memory/query", 200)["scope_diagnostics"]
    assert [each["pointer"] for each in told["filters"]] == ["/filters/sources"]
    assert told["filters"][0]["memories_without_it"] == told["memories_without_filters"] >= 1
    body = check(routed, "POST", "/memory/search/routed", 200)
    assert (body["route"], body["answer"]["value"], body["memories"][0]["id"]) == ("list", 1, added["id"])
    assert check(dated, "POST", "/memory/search/routed", 200)["answer"]["value"] == 59


def test_an_explanation(served: Served) -> None:
    added = served.add("My canary is called Pip.", source="chat").json()
    asked = {"query": "What is the canary called?", "filters": {"sources": ["mail"]}}

    by_id = served.call("POST", "/memory/explain", {**asked, "memory_id": added["id"]})
    by_text = served.call("POST", "/memory/explain", {**asked, "text": "My canary is called Pip."})
    nowhere = served.call("POST", "/memory/explain", {**asked, "memory_id": NOBODY})

    body = check(by_id, "POST", "/memory/explain", 200)
    assert (body["found"], body["gate"]) == (False, "filter")
    assert [each["pointer"] for each in body["checks"] if not each["passed"]] == ["/filters/sources"]
    matched = check(by_text, "POST", "/memory/explain", 200)
    assert (matched["memory_id"], matched["matches"][0]["likeness"]) == (added["id"], "same_key")
    assert check(nowhere, "POST", "/memory/explain", 200)["gate"] == "scope"


def test_a_memory_that_is_read_forgotten_and_gone(served: Served) -> None:
    added = served.add("I dislike coriander.").json()
    path = f"/memory/{added['id']}"

    read = check(served.call("GET", path, route="GET /memory/{id}"), "GET", "/memory/{id}", 200)
    forgotten = check(served.call("DELETE", path, route="DELETE /memory/{id}"), "DELETE", "/memory/{id}", 200)
    gone = check(served.call("GET", path, route="GET /memory/{id}"), "GET", "/memory/{id}", 404)

    assert (read["id"], forgotten["id"]) == (added["id"], added["id"])
    assert gone["code"] == "memory-not-found"


def test_a_page_and_the_one_after_it(served: Served) -> None:
    for number in range(3):
        served.add(f"Page {number} of my diary.")

    first = check(served.call("GET", "/memory", query={"limit": "2"}), "GET", "/memory", 200)
    query = {"limit": "200", "cursor": first["next_cursor"]}
    second = check(served.call("GET", "/memory", query=query), "GET", "/memory", 200)

    assert (len(first["items"]), first["has_more"]) == (2, True)
    assert (bool(second["items"]), second["has_more"]) == (True, False)


def test_a_tenant_that_may_leave_out_the_project_is_warned(served: Served) -> None:
    answer = served.call("GET", "/memory", key=served.compat_key)

    check(answer, "GET", "/memory", 200)
    assert answer.headers["x-scope-warning"] == "project_missing"


@pytest.mark.parametrize("path", ["/health", "/version", "/openapi.json"])
def test_what_the_service_says_of_itself(served: Served, path: str) -> None:
    check(served.call("GET", path, key="", headers={"x-end-user-id": ""}), "GET", path, 200)


@pytest.mark.parametrize(("down", "status"), [(False, 200), (True, 503)])
def test_readiness(served: Served, down: bool, status: int) -> None:
    served.index.down = down

    body = check(served.call("GET", "/health/ready", key=""), "GET", "/health/ready", status)

    assert body["checks"]["index"] == ("index-unavailable" if down else "ok")


# What is refused


def refused_add(body: object = None, **more: Any) -> Call:
    return lambda served: served.call("POST", "/memory/add", {"text": SECRET} if body is None else body, **more)


def refused_query(body: object) -> Call:
    return lambda served: served.call("POST", "/memory/query", body)


def replay(first: Json, second: Json, key: str, *, forget: bool = False) -> Call:
    def call(served: Served) -> HttpAnswer:
        added = served.add(**first, headers={"idempotency-key": key}).json()
        if forget:
            served.call("DELETE", f"/memory/{added['id']}", route="DELETE /memory/{id}")
        return served.add(**second, headers={"idempotency-key": key})

    return call


def get(path: str, route: str = "GET /memory/{id}", **more: Any) -> Call:
    return lambda served: served.call("GET", path, route=route, **more)


def refused_explain(body: object) -> Call:
    return lambda served: served.call("POST", "/memory/explain", body)


ADD, QUERY, GET, LIST = ("POST", "/memory/add"), ("POST", "/memory/query"), ("GET", "/memory/{id}"), ("GET", "/memory")
EXPLAIN = ("POST", "/memory/explain")
REFUSED: list[tuple[str, tuple[str, str], Call, int, str]] = [
    ("not JSON", ADD, refused_add("{"), 400, "malformed-request"),
    ("no end user", ADD, refused_add(headers={"x-end-user-id": ""}), 400, "end-user-missing"),
    ("two end users", ADD, refused_add({"text": SECRET, "user_id": "u2"}), 400, "end-user-mismatch"),
    ("nobody", ADD, refused_add(key=""), 401, "unauthorized"),
    ("a wrong key", ADD, refused_add(key="ms_test_wrong"), 401, "unauthorized"),
    ("another tenant", ADD, refused_add(headers={"x-tenant-id": "rival"}), 403, "forbidden"),
    ("metadata too large", ADD, refused_add({"text": SECRET, "metadata": {"k": "x" * 17_000}}), 413, "metadata-too-large"),
    ("text too large", ADD, refused_add({"text": "x" * 102_401}), 413, "payload-too-large"),
    ("not JSON by its type", ADD, refused_add(headers={"content-type": "text/plain"}), 415, "unsupported-media-type"),
    ("blank", ADD, refused_add({"text": " "}), 422, "validation-failed"),
    ("key reused", ADD, replay({"text": "One."}, {"text": "Two."}, "reused"), 422, "idempotency-key-reused"),
    ("key of what is forgotten", ADD, replay({"text": "Three."}, {"text": "Three."}, "gone", forget=True), 410, "gone"),
    ("an unknown filter", QUERY, refused_query({"query": "q", "filters": {"colour": 1}}), 400, "unknown-filter"),
    ("neither id nor text", EXPLAIN, refused_explain({"query": "q"}), 422, "validation-failed"),
    ("id and text", EXPLAIN, refused_explain({"query": "q", "memory_id": NOBODY, "text": "t"}), 422, "validation-failed"),
    ("a blank text", EXPLAIN, refused_explain({"query": "q", "text": " "}), 422, "validation-failed"),
    ("a filter unknown to an explanation", EXPLAIN, refused_explain({"query": "q", "filters": {"n": 1}}), 400, "unknown-filter"),
    ("k of 0", QUERY, refused_query({"query": "q", "k": 0}), 422, "validation-failed"),
    ("no such memory", GET, get(f"/memory/{NOBODY}"), 404, "memory-not-found"),
    ("a name of another route", GET, get("/memory/add"), 405, "method-not-allowed"),
    ("a foreign cursor", LIST, get("/memory", "GET /memory", query={"cursor": "forged"}), 400, "invalid-cursor"),
    ("limit of 0", LIST, get("/memory", "GET /memory", query={"limit": "0"}), 422, "validation-failed"),
]  # fmt: skip


@pytest.mark.parametrize(("route", "call", "status", "code"), [each[1:] for each in REFUSED], ids=[each[0] for each in REFUSED])
def test_a_refusal_is_a_documented_problem(served: Served, route: tuple[str, str], call: Call, status: int, code: str) -> None:
    answer = call(served)

    problem = check(answer, *route, status)
    assert problem["code"] == code
    assert problem["type"].endswith("/" + code)
    assert problem["status"] == status
    assert SECRET.encode() not in answer.body


def test_a_request_that_is_being_worked_on_is_refused_with_a_time_to_wait(served: Served) -> None:
    scope = user_scope("acme", "support", Environment.TEST, "u1")
    door = MemoryDoor(served.container)
    asked = door.request(scope, "POST /memory/add", "busy", MemoryAdd(text=SECRET).canonical())
    assert asked
    served.container.request_log.claim("acme", asked, served.container.clock.now())

    answer = served.add(SECRET, headers={"idempotency-key": "busy"})

    assert check(answer, "POST", "/memory/add", 409)["code"] == "request-in-flight"
    assert int(answer.headers["retry-after"]) == answer.json()["retry_after"]


def test_a_table_that_does_not_answer_is_a_problem_with_a_time_to_wait(served: Served) -> None:
    served.container.seam._faults = plan(no_answer(), operation="PutItem")

    answer = served.add(SECRET, headers={"idempotency-key": "unanswered"})

    assert check(answer, "POST", "/memory/add", 503)["code"] == "outcome-unknown"
    assert int(answer.headers["retry-after"]) == answer.json()["retry_after"]


def test_members_that_the_contract_does_not_name_would_be_seen(served: Served) -> None:
    answer = served.call("GET", "/version", key="")
    answer.raw["body"] = '{"version": "0", "stage": "test", "secret": 1}'

    with pytest.raises(AssertionError, match="secret"):
        check(HttpAnswer.of(answer.raw), "GET", "/version", 200)


def test_a_project_has_to_be_named_and_has_to_be_there(served: Served) -> None:
    unnamed = served.call("GET", "/memory", key=served.reader_key)
    unknown = served.call("GET", "/memory", key=served.reader_key, headers={"x-project-id": "nope"})

    assert check(unnamed, "GET", "/memory", 400)["code"] == "project-required"
    assert check(unknown, "GET", "/memory", 404)["code"] == "project-not-found"


def test_a_key_that_may_only_read_cannot_forget(served: Served) -> None:
    path, headers = f"/memory/{NOBODY}", {"x-project-id": "support"}

    answer = served.call("DELETE", path, route="DELETE /memory/{id}", key=served.reader_key, headers=headers)

    assert check(answer, "DELETE", "/memory/{id}", 403)["code"] == "scope-denied"


@pytest.mark.parametrize(
    ("method", "path", "told"),
    [
        ("GET", "/nope", (404, "route-not-found", None)),
        ("PUT", "/memory", (405, "method-not-allowed", "GET")),
        ("PUT", "/memory/add", (405, "method-not-allowed", "POST")),
        ("PUT", "/memory/mem_1", (405, "method-not-allowed", "DELETE, GET, PATCH")),
    ],
)
def test_a_path_without_a_route_is_a_problem_too(
    served: Served, method: str, path: str, told: tuple[int, str, str | None]
) -> None:
    answer = served.call(method, path, route="$default", key="")
    schema = {"$ref": "#/components/schemas/Problem", "components": CONTRACT["components"]}

    assert (answer.status, answer.json()["code"], answer.headers.get("allow")) == told
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert list(_validator(schema).iter_errors(answer.json())) == []
