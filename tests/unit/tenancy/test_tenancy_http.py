"""From the headers of a request to its caller, through the app that every function is made of."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from fastapi import Response

from backend.kit import observability
from backend.kit.http import create_app, serve
from backend.tenancy.http import Deleter, Reader, Writer, access
from backend.tenancy.model import Permission, ScopeMode
from backend.tenancy.scope import Environment
from tests.unit.tenancy.signing import Signer, issuer_of, jwks_of, public

if TYPE_CHECKING:
    from tests.unit.tenancy.conftest import World

Call = Callable[..., tuple[int, dict[str, str], dict[str, Any]]]


@dataclass
class Context:
    aws_request_id: str = "request-1"
    function_name: str = "test"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@pytest.fixture
def call(world: World) -> Call:
    """Return a way to send GET, POST or DELETE with headers, as the gateway hands them over."""
    app = create_app()
    app.dependency_overrides[access] = lambda: world.access

    @app.get("/who")
    def who(caller: Reader) -> dict[str, str | None]:
        return {"end_user": caller.acting_for(), "project": caller.project_id, "tenant": caller.tenant_id}

    @app.post("/who")
    def written(caller: Writer) -> Response:
        return Response(json.dumps({"end_user": caller.acting_for()}), media_type="application/json")

    @app.delete("/who")
    def deleted(caller: Deleter) -> dict[str, str]:
        return {"end_user": caller.acting_for()}

    handler = serve(app)

    def send(headers: dict[str, str], method: str = "GET") -> tuple[int, dict[str, str], dict[str, Any]]:
        http = {"method": method, "path": "/who", "sourceIp": "127.0.0.1", "protocol": "HTTP/1.1", "userAgent": ""}
        event = {
            "version": "2.0",
            "routeKey": f"{method} /who",
            "rawPath": "/who",
            "rawQueryString": "",
            "headers": {"host": "x", "content-type": "application/json", **headers},
            "requestContext": {"http": http, "requestId": "request-1", "stage": "$default"},
            "body": "{}" if method == "POST" else None,
            "isBase64Encoded": False,
        }
        answer = handler(event, Context())
        return answer["statusCode"], answer["headers"], json.loads(answer["body"])

    return send


def test_the_headers_name_caller_project_and_end_user(world: World, call: Call) -> None:
    headers = {"X-API-Key": world.key().text, "x-project-id": " support ", "X-End-User-ID": "u1", "X-Tenant-ID": "acme"}

    status, _, body = call(headers)

    assert status == 200
    assert body == {"end_user": "u1", "project": "support", "tenant": "acme"}


def test_a_token_is_accepted_as_bearer_in_any_case(world: World, call: Call) -> None:
    world.tenancy.configure_issuer(issuer_of(jwks_of(public("EdDSA"))))

    for scheme in ("Bearer", "bearer", "BEARER "):
        status, _, body = call({"Authorization": f"{scheme} {Signer().token()}", "X-Project-ID": "support"})
        assert (status, body["end_user"]) == (200, "u1")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": ""},
        {"X-API-Key": "ms_live_nonsense"},
        {"X-API-Key": "é"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic dTpw"},
        {"Authorization": "x"},
    ],
)
def test_whoever_is_nobody_gets_the_same_401(call: Call, headers: dict[str, str]) -> None:
    status, answered, body = call(headers)

    assert status == 401
    assert answered["www-authenticate"].startswith("Bearer")
    assert answered["content-type"] == "application/problem+json"
    assert body == call({})[2]


def test_a_key_and_an_authorization_at_once_are_refused(world: World, call: Call) -> None:
    status, _, body = call({"X-API-Key": world.key().text, "Authorization": "Bearer x"})

    assert (status, body["code"]) == (400, "malformed-request")
    assert body["errors"][0]["pointer"] == "header:Authorization"


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ("u1", "u1"),
        ("auth0|5f7:x", "auth0|5f7:x"),
        ("UTF-8''Jos%C3%A9", "José"),
        ("utf-8''plain", "plain"),
        ("UTF-8''UTF-8%27%27x", "UTF-8''x"),
        ("UTF-8''%E6%97%A5%E6%9C%AC", "日本"),
    ],
)
def test_an_end_users_id_arrives_as_it_was_meant(world: World, call: Call, sent: str, read: str) -> None:
    status, _, body = call({"X-API-Key": world.key("support").text, "X-End-User-ID": sent})

    assert (status, body.get("end_user")) == (200, read)


@pytest.mark.parametrize(
    "sent",
    [
        "José",
        "JosÃ©",
        "a\tb",
        "x" * 257,
        "UTF-8''",
        "UTF-8''%E9",
        "UTF-8''%0A",
        "UTF-8''%zz",
        "UTF-8''a b",
        "UTF-8''" + "%C3%A9" * 129,
        "UTF-8''%20u1",
    ],
)
def test_an_end_users_id_that_could_be_read_in_two_ways_is_refused_with_the_cure(world: World, call: Call, sent: str) -> None:
    status, _, body = call({"X-API-Key": world.key("support").text, "X-End-User-ID": sent})

    assert (status, body["code"]) == (422, "validation-failed")
    assert body["errors"][0]["pointer"] == "header:X-End-User-ID"
    assert "Jos" not in body["detail"]


@pytest.mark.parametrize("name", ["X-Project-ID", "X-Tenant-ID"])
@pytest.mark.parametrize("value", ["é", "x" * 257, "a\x01b"])
def test_a_header_that_cannot_be_meant_is_named(world: World, call: Call, name: str, value: str) -> None:
    status, _, body = call({"X-API-Key": world.key().text, name: value})

    assert (status, body["errors"][0]["pointer"]) == (422, f"header:{name}")


def test_a_blank_header_is_an_absent_one(world: World, call: Call) -> None:
    status, _, body = call({"X-API-Key": world.key("support").text, "X-Project-ID": " ", "X-End-User-ID": ""})

    assert (status, body["code"]) == (400, "end-user-missing")


def test_each_route_needs_its_scope(world: World, call: Call) -> None:
    for held, allowed in {
        Permission.MEMORY_READ: {"GET"},
        Permission.MEMORY_ADD: {"POST"},
        Permission.MEMORY_DELETE: {"DELETE"},
        Permission.MEMORY_ALL: {"GET", "POST", "DELETE"},
        Permission.ORG_ALL: set(),
    }.items():
        key = world.tenancy.create_key("acme", "k", Environment.LIVE, [held], project_id="support")
        for method in ("GET", "POST", "DELETE"):
            status, _, body = call({"X-API-Key": key.text, "X-End-User-ID": "u1"}, method)
            assert status == (200 if method in allowed else 403)
            assert status == 200 or body["code"] == "scope-denied"


def test_a_compat_answer_without_a_project_carries_the_warning(world: World, call: Call) -> None:
    key, locked = world.key(), world.key("support")
    assert "x-scope-warning" not in call({"X-API-Key": key.text, "X-End-User-ID": "u1"})[1]
    world.tenancy.set_scope_mode("acme", ScopeMode.COMPAT)
    world.clock.advance(seconds=5)

    assert call({"X-API-Key": key.text, "X-End-User-ID": "u1"})[1]["x-scope-warning"] == "project_missing"
    built = call({"X-API-Key": key.text, "X-End-User-ID": "u1"}, "POST")[1]
    assert built["x-scope-warning"] == "project_missing"
    assert "x-scope-warning" not in call({"X-API-Key": locked.text, "X-End-User-ID": "u1"})[1]


class Collected(logging.Handler):
    """Keeps every record whole, extra facts too."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(str(vars(record)))


@pytest.fixture
def logged() -> Iterator[list[str]]:
    collected = Collected()
    observability.logger()
    logger = logging.getLogger(observability.SERVICE)
    logger.addHandler(collected)
    yield collected.lines
    logger.removeHandler(collected)


def test_the_log_line_names_the_key_and_never_the_end_user_or_the_secret(world: World, call: Call, logged: list[str]) -> None:
    key = world.key("support")
    call({"X-API-Key": key.text, "X-End-User-ID": "anna@example.com"})
    call({"X-API-Key": key.text + "x", "X-End-User-ID": "anna@example.com"})

    first, second = logged
    assert key.record.public_id in first
    assert "key_malformed" in second
    assert "anna" not in first + second
    assert key.text.split("_")[3] not in first + second


def test_the_openapi_document_names_both_ways_of_signing_in() -> None:
    app = create_app()

    @app.get("/who")
    def who(caller: Reader) -> str:
        return caller.tenant_id

    document = app.openapi()
    assert set(document["components"]["securitySchemes"]) == {"ApiKey", "Token"}
    parameters = {each["name"] for each in document["paths"]["/who"]["get"]["parameters"]}
    assert parameters == {"X-Project-ID", "X-End-User-ID", "X-Tenant-ID"}
