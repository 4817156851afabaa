import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ministack.services import apigateway, lambda_svc
from ministack.services.cloudformation import provisioners

from infrastructure.local.patches import http_api_body, http_api_limits
from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]
API_ID = "abcd0001"
URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:answering"
MIB = 1024 * 1024


def operation(**extension: Any) -> Json:
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": URI.format(ARN), "payloadFormatVersion": "2.0"}
    return {"x-amazon-apigateway-integration": {**integration, **extension}}


def api(**paths: Json) -> Json:
    tags = [{"name": "ms-custom-id", "x-amazon-apigateway-tag-value": API_ID}]
    return {"Name": "notes", "ProtocolType": "HTTP", "Body": {"openapi": "3.0.1", "paths": paths, "tags": tags}}


@pytest.fixture
def create() -> Iterator[Callable[[Json], str]]:
    made: list[str] = []

    def create(props: Json) -> str:
        api_id = provisioners._RESOURCE_HANDLERS[http_api_body.RESOURCE]["create"]("Api", props, "stack")[0]
        made.append(api_id)
        return str(api_id)

    yield create
    for api_id in made:
        provisioners._apigw_v2_api_delete(api_id, {})


def call(api_id: str, path: str, method: str = "GET", *, body: bytes = b"", headers: Json | None = None) -> tuple[int, Json]:
    answer = apigateway.handle_execute(api_id, "$default", path, method, headers or {}, body, {})
    status, _, content = asyncio.run(answer)
    return status, json.loads(content)


def routes(api_id: str) -> set[str]:
    return {route["routeKey"] for route in apigateway._routes[api_id].values()}


PATHS: dict[str, Json] = {
    "/notes": {"post": operation(), "parameters": []},
    "/notes/{id}": {"get": operation(timeoutInMillis=50), http_api_body.ANY: operation()},
    "/$default": {http_api_body.ANY: operation(), "isDefaultRoute": True},
}


def test_the_stock_emulator_drops_the_routes_of_a_body(create: Callable[[Json], str]) -> None:
    api_id = create(api(**PATHS))

    assert routes(api_id) == set()
    assert call(api_id, "/notes")[0] == 404
    assert api_id != API_ID


def test_a_body_becomes_routes_integrations_and_the_fixed_id(patcher: Patcher, create: Callable[[Json], str]) -> None:
    http_api_body.apply(patcher)

    assert create(api(**PATHS)) == API_ID
    assert routes(API_ID) == {"POST /notes", "GET /notes/{id}", "ANY /notes/{id}", "$default"}
    targets = {route["target"] for route in apigateway._routes[API_ID].values()}
    assert targets == {f"integrations/{integration}" for integration in apigateway._integrations[API_ID]}
    assert {integration["integrationUri"] for integration in apigateway._integrations[API_ID].values()} == {ARN}
    assert {integration["timeoutInMillis"] for integration in apigateway._integrations[API_ID].values()} == {50, 30_000}


def test_an_update_of_the_body_replaces_the_routes(patcher: Patcher, create: Callable[[Json], str]) -> None:
    http_api_body.apply(patcher)
    old, new = api(**PATHS), api(**{"/other": {"get": operation()}})
    create(old)

    provisioners._RESOURCE_HANDLERS[http_api_body.RESOURCE]["update"](API_ID, old, new, "stack", "Api")

    assert routes(API_ID) == {"GET /other"}


def test_cors_of_a_body_answers_preflights(patcher: Patcher, create: Callable[[Json], str]) -> None:
    http_api_body.apply(patcher)
    props = api(**PATHS)
    props["Body"]["x-amazon-apigateway-cors"] = {"allowOrigins": ["https://app.example"], "allowMethods": ["GET"], "maxAge": 60}
    create(props)
    preflight = apigateway.handle_execute(API_ID, "$default", "/notes", "OPTIONS", {"origin": "https://app.example"}, b"", {})

    status, headers, _ = asyncio.run(preflight)

    assert status == 204
    assert headers["Access-Control-Allow-Origin"] == "https://app.example"


def test_a_route_with_a_gateway_authorizer_is_refused_and_not_opened(patcher: Patcher, create: Callable[[Json], str]) -> None:
    http_api_body.apply(patcher)
    guarded = {"get": {**operation(), "security": [{"jwt": []}]}}

    with pytest.raises(ValueError, match="gateway authorizer"):
        create(api(**{"/guarded": guarded}))
    provisioners._apigw_v2_api_delete(API_ID, {})


class Lambda:
    """Stands in for the emulator's Lambda: answers what a test sets."""

    def __init__(self) -> None:
        self.result: Json = {"body": {"statusCode": 200, "body": "{}"}}
        self.release = threading.Event()
        self.release.set()
        self.events: list[Json] = []

    def execute(self, function: Json, event: Json) -> Json:
        del function
        self.events.append(event)
        self.release.wait()
        return self.result

    def find(self, *_: Any, **__: Any) -> tuple[Json, Json, str]:
        return {}, {"FunctionArn": ARN, "FunctionName": "answering"}, "answering"


@pytest.fixture
def functions(patcher: Patcher) -> Iterator[Lambda]:
    functions = Lambda()
    patcher.attribute(lambda_svc, "_execute_function_with_config_scope", functions.execute)
    patcher.attribute(lambda_svc, "_get_func_record_for_ref_in_scope", functions.find)
    http_api_body.apply(patcher)
    yield functions
    functions.release.set()


TEXT = {"content-type": "application/json"}
BINARY = {"content-type": "application/octet-stream"}


def test_the_stock_emulator_takes_a_request_of_any_size_and_gives_an_answer_of_any_size(
    functions: Lambda, create: Callable[[Json], str]
) -> None:
    create(api(**PATHS))
    functions.result = {"body": {"statusCode": 200, "body": json.dumps("x" * 7 * MIB)}}

    assert call(API_ID, "/notes", "POST", body=b"x" * 11 * MIB, headers={"x-long": "x" * 20_000})[0] == 200


def test_the_stock_emulator_tells_the_caller_what_a_function_raised(functions: Lambda, create: Callable[[Json], str]) -> None:
    create(api(**PATHS))
    functions.result = {"error": True, "body": {"errorMessage": "inner words", "errorType": "ValueError"}}

    assert call(API_ID, "/notes", "POST") == (502, functions.result["body"])


TOO_LARGE = (413, {"message": "Request Entity Too Large"})


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({"body": b"x" * (10 * MIB + 1), "headers": TEXT}, TOO_LARGE),
        ({"body": b"x" * (6 * MIB), "headers": TEXT}, TOO_LARGE),
        ({"body": b"x" * (5 * MIB), "headers": BINARY}, TOO_LARGE),
        ({"body": b"x" * (5 * MIB), "headers": TEXT}, (200, {})),
        ({"headers": {"x-long": "x" * 10_240}}, (431, {"message": "Request Header Fields Too Large"})),
        ({"headers": {"x-long": "x" * 10_000}}, (200, {})),
    ],
    ids=["body", "event", "event in base64", "body within", "headers", "headers within"],
)
def test_requests_over_the_limits_of_api_gateway_are_refused(
    patcher: Patcher, functions: Lambda, create: Callable[[Json], str], request_: Json, expected: tuple[int, Json]
) -> None:
    http_api_limits.apply(patcher)
    create(api(**PATHS))

    assert call(API_ID, "/notes", "POST", **request_) == expected
    assert len(functions.events) == (1 if expected[0] == 200 else 0)


@pytest.mark.parametrize(
    "result",
    [
        {"body": {"statusCode": 200, "body": "x" * 6 * MIB}},
        {"error": True, "body": {"errorMessage": "inner words", "errorType": "ValueError"}},
        {"error": True, "body": {"errorMessage": "Task timed out after 3.00 seconds", "errorType": "Sandbox.Timedout"}},
    ],
    ids=["answer too large", "raised", "timed out"],
)
def test_a_function_that_fails_is_answered_without_its_words(
    patcher: Patcher, functions: Lambda, create: Callable[[Json], str], result: Json
) -> None:
    http_api_limits.apply(patcher)
    create(api(**PATHS))
    functions.result = result

    assert call(API_ID, "/notes", "POST") == (500, {"message": "Internal Server Error"})


def test_the_gateway_stops_waiting_at_the_time_out_of_the_integration(
    patcher: Patcher, functions: Lambda, create: Callable[[Json], str]
) -> None:
    http_api_limits.apply(patcher)
    create(api(**PATHS))
    functions.release.clear()

    async def call_and_let_the_function_end() -> tuple[int, Any, bytes]:
        answer: tuple[int, Any, bytes] = await apigateway.handle_execute(API_ID, "$default", "/notes/1", "GET", {}, b"", {})
        functions.release.set()
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()})
        return answer

    status, _, content = asyncio.run(call_and_let_the_function_end())

    assert (status, json.loads(content)) == (503, {"message": "Service Unavailable"})


def test_functions_called_by_others_than_the_gateway_keep_their_own_words(patcher: Patcher, functions: Lambda) -> None:
    http_api_limits.apply(patcher)
    functions.result = {"error": True, "body": {"errorMessage": "m", "errorType": "TooEarlyError"}}

    assert lambda_svc._execute_function_with_config_scope({}, {"large": "x" * 7 * MIB}) == functions.result
    assert lambda_svc.lambda_execute_result_to_api_proxy_response(functions.result)[0]["statusCode"] == 502
