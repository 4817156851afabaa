"""From an API Gateway event to a use case and back."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from backend.kit import http as kit_http
from backend.kit import observability
from backend.kit.deadline import check, remaining
from backend.kit.errors import (
    ConflictError,
    ForbiddenError,
    InternalError,
    MethodNotAllowedError,
    ThrottledError,
    UnauthorizedError,
)
from backend.kit.http import create_app, json_answer, pointer_to, refusals, serve
from backend.kit.tasks import Handler
from backend.kit.wire import Clean, EndUserId, Moment, Wire
from tests.support.events import FakeLambdaContext, HttpAnswer, http_event
from tests.support.logs import log_lines

WORDS = "my sister's diagnosis"
PROBLEM = "application/problem+json"


class Note(Wire):
    """A body to try things on."""

    text: Clean
    end_user: EndUserId | None = None
    at: Moment | None = None
    k: Annotated[int, Field(ge=1, le=200)] = 5
    tags: list[Annotated[str, Field(max_length=5)]] = Field(default_factory=list)
    metadata: dict[str, int] = Field(default_factory=dict)


def leave_header(request: Request) -> None:
    request.state.answer_headers = {"X-Scope-Warning": "project_missing"}


def build() -> FastAPI:  # noqa: C901 - one small route for each thing that can happen
    app = create_app()

    @app.post("/notes", status_code=201)
    def add(body: Note) -> JSONResponse:
        return json_answer({"text": body.text, "warnings": body.warnings()}, kit_http.HTTPStatus.CREATED, {"ETag": '"r1"'})

    @app.get("/notes")
    def page(limit: Annotated[int, Query(ge=1, le=200)] = 50, x_number: Annotated[int, Header()] = 0) -> dict[str, int]:
        return {"limit": limit, "number": x_number}

    @app.get("/notes/{note_id}")
    def get(note_id: str) -> dict[str, str]:
        return {"id": note_id}

    @app.delete("/notes/{note_id}", status_code=204)
    def delete(note_id: str) -> None:
        assert note_id

    @app.delete("/notes")
    def forget(body: Note) -> dict[str, str]:
        return {"text": body.text}

    @app.post("/ping")
    def ping() -> dict[str, bool]:
        return {"pong": True}

    @app.post("/maybe")
    def maybe(body: Note | None = None) -> dict[str, bool]:
        return {"body": body is not None}

    @app.post("/fail")
    def fail(body: Note) -> None:
        raise RuntimeError(body.text)

    @app.get("/late")
    def late() -> dict[str, float]:
        check()
        return {"left": remaining()}

    @app.get("/refused/{kind}")
    def refused(kind: str) -> None:
        raise {
            "conflict": ConflictError("No longer so.", memory_id="mem_1"),
            "throttled": ThrottledError("Slow down.", retry_after=7),
            "unauthorized": UnauthorizedError(),
            "forbidden": ForbiddenError(),
            "method": MethodNotAllowedError("This path takes POST.", allow="POST"),
            "internal": InternalError("the table is on fire"),
        }[kind]

    @app.get("/warned", dependencies=[Depends(leave_header)])
    def warned(*, fail: bool = False) -> dict[str, bool]:
        if fail:
            raise ConflictError
        return {"ok": True}

    @app.get("/bytes")
    def image() -> Response:
        return Response(b"\x89PNG\xff", media_type="image/png")

    return app


@pytest.fixture(scope="module")
def handler() -> Handler:
    return serve(build())


def call(handler: Handler, *request: Any, remaining: float = 28.0, **more: Any) -> HttpAnswer:
    return HttpAnswer.of(handler(http_event(*request, **more), FakeLambdaContext(remaining)))


def problem(answer: HttpAnswer) -> dict[str, Any]:
    """Return the problem document, after checking what is true of every one."""
    document: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == PROBLEM
    assert answer.raw["isBase64Encoded"] is False
    assert document["status"] == answer.status
    assert document["request_id"] == "a-request"
    assert document["type"].endswith("/" + document["code"])
    return document


def pointers(answer: HttpAnswer) -> list[str]:
    return [each["pointer"] for each in problem(answer)["errors"]]


# What is well


def test_a_request_reaches_its_route_and_the_answer_comes_back_as_text(handler: Handler) -> None:
    answer = call(handler, "POST", "/notes", {"text": "hello"})

    assert answer.status == 201
    assert answer.json() == {"text": "hello", "warnings": []}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == '"r1"'
    assert answer.raw["isBase64Encoded"] is False
    json.dumps(answer.raw)


@pytest.mark.parametrize("text", ["Zoë", "日本語", "😀👩‍👩‍👧", "‮abc", "\u2028", 'quote " and \\ backslash', "a\nb\tc"])
def test_text_of_every_script_comes_back_as_it_was_sent(handler: Handler, text: str) -> None:
    assert call(handler, "POST", "/notes", {"text": text}).json()["text"] == text
    assert call(handler, "POST", "/notes", {"text": text}, as_base64=True).json()["text"] == text
    assert (
        call(handler, "POST", "/notes", json.dumps({"text": text}), headers={"content-type": "application/json"}).json()["text"]
        == text
    )


@pytest.mark.parametrize(
    "kind",
    ["application/json", "Application/JSON", "application/json; charset=utf-8", "application/vnd.api+json", "application/json;"],
)
def test_every_spelling_of_json_is_json(handler: Handler, kind: str) -> None:
    assert call(handler, "POST", "/notes", '{"text": "a"}', headers={"Content-Type": kind}).status == 201


def test_a_byte_order_mark_before_the_body_is_overlooked(handler: Handler) -> None:
    assert (
        call(handler, "POST", "/notes", b'\xef\xbb\xbf{"text": "a"}', headers={"content-type": "application/json"}).status == 201
    )


def test_a_route_without_a_body_asks_for_no_content_type_and_takes_no_notice_of_what_is_sent(handler: Handler) -> None:
    assert call(handler, "POST", "/ping").status == 200
    assert call(handler, "POST", "/ping", "anything", headers={"content-type": "text/plain"}).status == 200
    assert call(handler, "DELETE", "/notes/n1", "anything", headers={"content-type": "text/plain"}).status == 204


def test_a_body_that_may_be_left_out_may_be_left_out(handler: Handler) -> None:
    assert call(handler, "POST", "/maybe").json() == {"body": False}
    assert call(handler, "POST", "/maybe", {"text": "a"}).json() == {"body": True}
    assert call(handler, "POST", "/maybe", "{", headers={"content-type": "application/json"}).status == 400


def test_a_delete_with_a_body_reads_it_as_any_other(handler: Handler) -> None:
    assert call(handler, "DELETE", "/notes", {"text": "a"}).json() == {"text": "a"}
    assert call(handler, "DELETE", "/notes", "a", headers={"content-type": "text/plain"}).status == 415


def test_an_answer_without_content_has_none(handler: Handler) -> None:
    answer = call(handler, "DELETE", "/notes/n1")

    assert (answer.status, answer.body) == (204, b"")


def test_an_answer_of_bytes_comes_back_byte_for_byte(handler: Handler) -> None:
    answer = call(handler, "GET", "/bytes")

    assert answer.raw["isBase64Encoded"] is True
    assert answer.body == b"\x89PNG\xff"


def test_query_and_headers_reach_the_route(handler: Handler) -> None:
    answer = call(handler, "GET", "/notes", query={"limit": "7"}, headers={"X-Number": "3"})

    assert answer.json() == {"limit": 7, "number": 3}


def test_what_a_dependency_leaves_for_the_answer_stands_in_it_whatever_it_is(handler: Handler) -> None:
    assert call(handler, "GET", "/warned").headers["x-scope-warning"] == "project_missing"
    assert call(handler, "GET", "/warned", query={"fail": "true"}).headers["x-scope-warning"] == "project_missing"
    assert "x-scope-warning" not in call(handler, "GET", "/late").headers


# What cannot be read


@pytest.mark.parametrize(
    "body",
    [
        "",
        " ",
        "{",
        "hello",
        "{'text': 'a'}",
        '{"text": "a",}',
        '{"text": "a"} more',
        '{"text": NaN}',
        '{"text": "a", "more": -Infinity}',
        '{"text": "a\0b"}',
        "[" * 100_000,
        '{"text": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"k": ' + "9" * 5000 + "}",
    ],
    ids=range(13),
)
def test_what_is_not_json_is_a_malformed_request(handler: Handler, body: str) -> None:
    answer = call(handler, "POST", "/notes", body, headers={"content-type": "application/json"})

    assert answer.status == 400
    assert problem(answer)["code"] == "malformed-request"
    assert problem(answer)["errors"] == [{"pointer": "", "detail": "Send one JSON object in UTF-8."}]


@pytest.mark.parametrize(
    "body",
    [b'{"text": "\xff"}', b'{"text": "\xed\xa0\x80"}', '{"text": "é"}'.encode("latin-1"), '{"text": "a"}'.encode("utf-16")],
)
def test_what_is_not_utf8_is_a_malformed_request(handler: Handler, body: bytes) -> None:
    answer = call(handler, "POST", "/notes", body, headers={"content-type": "application/json"})

    assert answer.status == 400
    assert problem(answer)["detail"] == "The body is not UTF-8."


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_json_in_another_encoding_is_a_malformed_request(handler: Handler, encoding: str) -> None:
    body = '{"text": "a"}'.encode(encoding)

    assert call(handler, "POST", "/notes", body, headers={"content-type": "application/json"}).status == 400


@pytest.mark.parametrize(
    "kind",
    [None, "", "text/plain", "text/json", "application/x-www-form-urlencoded", "multipart/form-data", "json", "application/xml"],
)
def test_a_body_that_does_not_call_itself_json_is_an_unsupported_media_type(handler: Handler, kind: str | None) -> None:
    answer = call(handler, "POST", "/notes", '{"text": "a"}', headers={} if kind is None else {"content-type": kind})

    assert answer.status == 415
    assert problem(answer)["code"] == "unsupported-media-type"
    assert problem(answer)["errors"] == [{"pointer": "header:Content-Type", "detail": "Send Content-Type: application/json."}]


@pytest.mark.parametrize("host", ["a:b:c", "[::1", "[::1]:80", "api.example:port"])
def test_an_event_that_cannot_be_read_is_a_malformed_request(handler: Handler, host: str) -> None:
    with log_lines() as log:
        answer = call(handler, "GET", "/notes", headers={"Host": host})

    assert answer.status == 400
    assert problem(answer)["code"] == "malformed-request"
    assert [(line["status"], line["error"]) for line in log.lines()] == [(400, "malformed-request")]


def test_a_body_that_is_no_text_is_a_malformed_request(handler: Handler) -> None:
    assert call(handler, "POST", "/notes", '{"text": "\ud800"}', headers={"content-type": "application/json"}).status == 400


@pytest.mark.parametrize("host", ["[", "]", "a b", "@@", "%"])
def test_no_host_brings_an_answer_down(handler: Handler, host: str) -> None:
    assert problem(call(handler, "GET", "/nope", headers={"Host": host}))["code"] == "route-not-found"


# What is well formed and not allowed


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/text"),
        ({"text": None}, "/text"),
        ({"text": 5}, "/text"),
        ({"text": "a\0b"}, "/text"),
        ({"text": "a", "k": "5"}, "/k"),
        ({"text": "a", "k": 0}, "/k"),
        ({"text": "a", "k": 201}, "/k"),
        ({"text": "a", "at": "yesterday"}, "/at"),
        ({"text": "a", "at": "0001-01-01T00:00:00+05:00"}, "/at"),
        ({"text": "a", "tags": "t"}, "/tags"),
        ({"text": "a", "tags": ["ok", "too long"]}, "/tags/1"),
        ({"text": "a", "metadata": {"a/b~c": "x"}}, "/metadata/a~1b~0c"),
        ([], ""),
        ("text", ""),
        (5, ""),
    ],
)
def test_a_value_that_is_not_allowed_is_named_by_a_json_pointer(handler: Handler, body: object, pointer: str) -> None:
    sent = json.dumps(body)
    answer = call(handler, "POST", "/notes", sent, headers={"content-type": "application/json"})

    assert answer.status == 422
    assert problem(answer)["code"] == "validation-failed"
    assert pointers(answer) == [pointer]


def test_a_value_of_none_of_several_types_is_named_where_it_stands_and_not_by_the_types(handler: Handler) -> None:
    for value in (True, 1.5, [], [1], {"a": 1}):
        assert set(pointers(call(handler, "POST", "/notes", {"text": "a", "end_user": value}))) == {"/end_user"}


def test_every_value_that_is_not_allowed_is_named(handler: Handler) -> None:
    assert sorted(pointers(call(handler, "POST", "/notes", {"text": 1, "k": 0, "tags": ["a", 2]}))) == ["/k", "/tags/1", "/text"]


def test_a_crowd_of_faults_does_not_make_a_crowd_of_words(handler: Handler) -> None:
    assert len(pointers(call(handler, "POST", "/notes", {"text": "a", "tags": [0] * 5000}))) == 20


def test_a_parameter_and_a_header_are_named_as_such(handler: Handler) -> None:
    assert pointers(call(handler, "GET", "/notes", query={"limit": "201"}, headers={"X-Number": "x"})) == [
        "query:limit",
        "header:x-number",
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (r'{"text": "a\ud800"}', "/text"),
        (r'{"text": "\udc00\ud800"}', "/text"),
        (r'{"text": "a", "tags": ["b", "\uDFFF"]}', "/tags/1"),
        (r'{"text": "a", "unknown": {"x/y": "\ud800"}}', "/unknown/x~1y"),
        (r'{"text": "a", "metadata": {"\ud800": 1}}', "/metadata"),
        (r'{"text": "a", "\ud800": 1}', ""),
        (r'"\ud800"', ""),
    ],
)
def test_half_a_surrogate_pair_is_refused_wherever_it_stands(handler: Handler, body: str, pointer: str) -> None:
    answer = call(handler, "POST", "/notes", body, headers={"content-type": "application/json"})

    assert answer.status == 422
    assert pointers(answer) == [pointer]


def test_a_whole_surrogate_pair_is_a_character(handler: Handler) -> None:
    body = r'{"text": "\ud83d\ude00 and \\ud800 spelt out"}'

    assert (
        call(handler, "POST", "/notes", body, headers={"content-type": "application/json"}).json()["text"]
        == r"😀 and \ud800 spelt out"
    )


@pytest.mark.parametrize(
    "body",
    [
        {"text": 0, "k": WORDS},
        {"text": [WORDS]},
        {"text": "a\0" + WORDS},
        {"text": "a", "k": WORDS},
        {"text": "a", "at": WORDS},
        {"text": "a", "tags": [WORDS]},
        {"text": "a", "tags": WORDS},
        {"text": "a", "end_user": [WORDS]},
        {"text": "a", "metadata": {"a": WORDS}},
        [WORDS],
        WORDS,
    ],
)
def test_an_answer_never_repeats_the_value_it_refuses_and_no_log_holds_it(handler: Handler, body: object) -> None:
    with log_lines() as log:
        answer = call(handler, "POST", "/notes", json.dumps(body), headers={"content-type": "application/json"})

    assert answer.status == 422
    assert WORDS not in answer.body.decode()
    assert WORDS not in log.text()


def test_a_body_that_is_not_json_is_not_repeated_either(handler: Handler) -> None:
    with log_lines() as log:
        answer = call(handler, "POST", "/notes", "{" + WORDS, headers={"content-type": "application/json"})

    assert WORDS not in answer.body.decode()
    assert WORDS not in log.text()


# Paths and methods


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_an_unknown_path_is_not_found_whatever_was_sent_to_it(handler: Handler, method: str) -> None:
    answer = call(handler, method, "/nope", "not json", headers={})

    assert answer.status == 404
    assert problem(answer)["code"] == "route-not-found"


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("PUT", "/ping", "POST"), ("GET", "/ping", "POST"), ("HEAD", "/late", "GET"), ("PATCH", "/bytes", "GET")],
)
def test_another_method_is_not_allowed_and_the_answer_names_those_that_are(
    handler: Handler, method: str, path: str, allow: str
) -> None:
    answer = call(handler, method, path, "not json", headers={})

    assert answer.status == 405
    assert answer.headers["allow"] == allow
    assert problem(answer)["detail"] == f"This path takes {allow}."
    assert problem(answer)["allow"] == allow


def test_a_slash_too_many_is_another_path(handler: Handler) -> None:
    assert call(handler, "GET", "/late/").status == 404


def test_a_path_with_escapes_is_shown_as_a_uri_reference(handler: Handler) -> None:
    answer = call(handler, "GET", "/nope/a%20b%3Fc/%C3%A9")

    assert problem(answer)["instance"] == "/nope/a%20b%3Fc/%C3%A9"


# Errors of ours and of nobody


def test_an_error_of_ours_is_answered_with_its_status_and_facts(handler: Handler) -> None:
    answer = call(handler, "GET", "/refused/conflict")

    assert answer.status == 409
    assert (problem(answer)["detail"], problem(answer)["memory_id"]) == ("No longer so.", "mem_1")
    assert problem(answer)["instance"] == "/refused/conflict"


def test_when_to_try_again_stands_in_the_header_and_in_the_document(handler: Handler) -> None:
    answer = call(handler, "GET", "/refused/throttled")

    assert (answer.status, answer.headers["retry-after"], problem(answer)["retry_after"]) == (503, "7", 7)


def test_who_is_nobody_is_told_how_to_be_somebody(handler: Handler) -> None:
    answer = call(handler, "GET", "/refused/unauthorized")

    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert "www-authenticate" not in call(handler, "GET", "/refused/forbidden").headers


def test_a_route_that_names_its_methods_itself_has_them_in_the_header(handler: Handler) -> None:
    assert call(handler, "GET", "/refused/method").headers["allow"] == "POST"


def test_a_failure_of_ours_is_answered_without_its_reason(handler: Handler) -> None:
    with log_lines() as log:
        answer = call(handler, "GET", "/refused/internal")

    assert answer.status == 500
    assert problem(answer)["code"] == "internal"
    assert "fire" not in answer.body.decode()
    failure, line = log.lines()
    assert (failure["message"], failure["detail"], failure["request_id"]) == (
        "request failed",
        "the table is on fire",
        "a-request",
    )
    assert line["message"] == "request"


def test_an_exception_that_quotes_the_user_is_answered_and_logged_without_its_words(handler: Handler) -> None:
    with log_lines() as log:
        answer = call(handler, "POST", "/fail", {"text": WORDS})

    assert answer.status == 500
    assert problem(answer)["detail"] == "Something failed on our side. The request id finds it in our logs."
    assert WORDS not in answer.body.decode() + log.text()
    failure, line = log.lines()
    assert (failure["error"], failure["request_id"]) == ("RuntimeError", "a-request")
    assert (line["status"], line["error"]) == (500, "internal")


# The line and the deadline


def test_a_request_leaves_one_line_with_route_status_and_duration(handler: Handler) -> None:
    with log_lines() as log:
        call(handler, "GET", "/notes/" + "n1", route="GET /notes/{id}")

    (line,) = log.lines()
    assert (line["request_id"], line["route"], line["method"], line["status"]) == ("a-request", "GET /notes/{id}", "GET", 200)
    assert line["duration_ms"] > 0


def test_neither_path_nor_query_nor_body_nor_headers_are_logged_by_anyone(handler: Handler) -> None:
    secret = "xyzzy"
    with log_lines() as log:
        call(handler, "GET", f"/notes/{secret}", route="GET /notes/{id}", query={"q": secret}, headers={"X-End-User-ID": secret})
        call(handler, "POST", "/notes", {"text": secret}, headers={"content-type": "application/json", "x-api-key": secret})
        call(handler, "GET", f"/{secret}", route="$default")

    assert len(log.lines()) == 3
    assert secret not in log.text()


def test_a_request_has_25_seconds_at_most(handler: Handler) -> None:
    assert 24 < call(handler, "GET", "/late", remaining=60).json()["left"] <= 25


def test_a_request_has_what_lambda_leaves_it_without_what_the_answer_takes(handler: Handler) -> None:
    assert 7 < call(handler, "GET", "/late", remaining=10).json()["left"] <= 8.5


def test_a_request_without_time_is_answered_before_lambda_ends_it(handler: Handler) -> None:
    answer = call(handler, "GET", "/late", remaining=1)

    assert (answer.status, problem(answer)["code"], answer.headers["retry-after"]) == (503, "deadline-exceeded", "1")


def test_a_request_without_an_id_of_the_gateway_has_the_calls(handler: Handler) -> None:
    event = http_event("GET", "/nope")
    del event["requestContext"]["requestId"]

    assert HttpAnswer.of(handler(event, FakeLambdaContext())).json()["request_id"] == "a-call"


def test_nothing_of_one_request_is_left_for_the_next(handler: Handler) -> None:
    call(handler, "GET", "/warned")

    assert observability.request_id() == ""
    assert remaining() == 25


def test_a_function_answers_also_after_something_else_ran_an_event_loop_in_its_thread(handler: Handler) -> None:
    async def something() -> None:
        await asyncio.sleep(0)

    asyncio.run(something())

    assert call(handler, "GET", "/late").status == 200


def test_two_apps_in_one_process_do_not_disturb_each_other(handler: Handler) -> None:
    other = serve(build())

    assert [call(each, "GET", "/late").status for each in (handler, other, handler)] == [200, 200, 200]


# What documents and helpers say


@pytest.mark.parametrize(
    ("location", "pointer"),
    [
        (("body",), ""),
        (("body", "a", 0, "b"), "/a/0/b"),
        (("body", "a/b", "c~d"), "/a~1b/c~0d"),
        (("query", "limit"), "query:limit"),
        (("header", "x-api-key"), "header:x-api-key"),
        (("path", "id"), "path:id"),
    ],
)
def test_a_place_is_a_json_pointer_or_the_name_of_a_parameter(location: tuple[str | int, ...], pointer: str) -> None:
    assert pointer_to(location) == pointer


def test_every_route_documents_the_refusals_that_all_share() -> None:
    documented = refusals(kit_http.HTTPStatus.GONE)

    assert {400, 401, 403, 404, 410, 422, 500, 503} == set(documented)
    assert all(PROBLEM in each["content"] for each in documented.values())


def test_an_app_shows_no_pages_of_its_own() -> None:
    assert [route.path for route in create_app().routes] == []  # type: ignore[attr-defined]  # every route has a path
