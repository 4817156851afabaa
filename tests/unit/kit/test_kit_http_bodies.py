"""What a function makes of the bodies, parameters and headers that it is sent."""

from __future__ import annotations

import json

import pytest

from backend.kit.tasks import Handler
from tests.support.logs import log_lines
from tests.unit.kit.sample_app import call, pointers, problem

WORDS = "my sister's diagnosis"


# What is well


def test_a_request_reaches_its_route_and_the_answer_comes_back_as_text(handler: Handler) -> None:
    answer = call(handler, "POST", "/notes", {"text": "hello"})

    assert answer.status == 201
    assert answer.json() == {"text": "hello", "warnings": []}
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == '"r1"'
    assert answer.raw["isBase64Encoded"] is False
    json.dumps(answer.raw)


@pytest.mark.parametrize(
    "text", ["Zoë", "日本語", "\U0001f600\u200d\U0001f467", "\u202eabc", "\u2028", 'quote " and \\ backslash', "a\nb\tc"]
)
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
