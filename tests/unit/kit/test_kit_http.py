"""From an API Gateway event to a use case and back: paths, errors, the line, the deadline."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

import pytest

from backend.kit import observability
from backend.kit.deadline import remaining
from backend.kit.faults import pointer_to
from backend.kit.http import create_app, refusals, serve
from backend.kit.tasks import Handler
from tests.support.events import FakeLambdaContext, HttpAnswer, http_event
from tests.support.logs import log_lines
from tests.unit.kit.sample_app import PROBLEM, build, call, problem

WORDS = "my sister's diagnosis"


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


@pytest.mark.parametrize("host", ["[", "]", "a b", "@@", "%"])
def test_no_host_brings_an_answer_down(handler: Handler, host: str) -> None:
    assert problem(call(handler, "GET", "/nope", headers={"Host": host}))["code"] == "route-not-found"


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


@pytest.mark.parametrize("path", ["/notes/all", "/notes/%61ll"])
def test_a_route_of_its_own_that_a_pattern_fits_is_refused_before_its_body_is_read(path: str) -> None:
    app = create_app({"/notes/all": "GET"})
    asked: list[str] = []

    @app.patch("/notes/{note}")
    def change(note: str, body: dict[str, str]) -> dict[str, str]:
        asked.append(note)
        return body

    handler = serve(app)
    refused = call(handler, "PATCH", path, "not json", headers={"content-type": "text/plain"})

    assert (refused.status, refused.headers["allow"], asked) == (405, "GET", [])
    assert problem(refused)["code"] == "method-not-allowed"
    assert call(handler, "PATCH", "/notes/alle", {"a": "b"}).json() == {"a": "b"}


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
    documented = refusals(HTTPStatus.GONE)

    assert {400, 401, 403, 404, 410, 422, 500, 503} == set(documented)
    assert all(PROBLEM in each["content"] for each in documented.values())


def test_an_app_shows_no_pages_of_its_own() -> None:
    assert [route.path for route in create_app().routes] == []  # type: ignore[attr-defined]  # every route has a path
