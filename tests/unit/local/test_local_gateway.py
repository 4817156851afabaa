import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import apigateway

from infrastructure.local import gateway
from infrastructure.local.gateway import Gateway
from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]
API_ID = "abcd0002"


@pytest.fixture
def stacks() -> Iterator[AccountRegionScopedDict]:
    apigateway._apis[API_ID] = {"apiId": API_ID}
    resources = {
        "Api": {"ResourceType": gateway.API, "PhysicalResourceId": API_ID},
        "Stage": {"ResourceType": gateway.STAGE, "PhysicalResourceId": "v1"},
    }
    stacks = AccountRegionScopedDict()
    stacks.set_scoped("000000000000", "us-east-1", "notes", {"_resources": resources})
    yield stacks
    apigateway._apis.pop(API_ID)


class Received:
    """What the emulated HTTP API was called with."""

    def __init__(self, answer: Any = (200, {"Content-Type": "text/plain"}, b"fine")) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.answer = answer

    async def execute(self, *call: Any, **options: Any) -> Any:
        self.calls.append((*call, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def send(
    app: Gateway, path: str = "/", *, method: str = "GET", body: tuple[bytes, ...] = (b"",), **scope: Any
) -> tuple[int, Json, bytes]:
    sent: list[Json] = []
    parts = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    parts[-1]["more_body"] = False
    messages = iter(parts)

    async def receive() -> Json:
        return next(messages)

    async def note(message: Json) -> None:
        sent.append(message)

    raw, _, query = path.partition("?")
    full = {
        "type": "http",
        "method": method,
        "path": raw,
        "raw_path": raw.encode(),
        "query_string": query.encode(),
        "headers": [],
        **scope,
    }
    asyncio.run(app(full, receive, note))
    start, content = sent
    return start["status"], {k.decode().lower(): v.decode() for k, v in start["headers"]}, content["body"]


def test_while_nothing_is_deployed_every_path_says_so() -> None:
    status, headers, body = send(Gateway("notes", AccountRegionScopedDict()), "/memory/add", method="POST", body=(b"{}",))

    assert status == 503
    assert headers["content-type"] == "application/problem+json"
    assert json.loads(body)["title"] == "Nothing is deployed"
    assert "make up" in json.loads(body)["detail"]


def test_another_stack_is_not_served(stacks: AccountRegionScopedDict) -> None:
    assert send(Gateway("other", stacks))[0] == 503


def test_a_stack_whose_api_is_gone_is_not_served(stacks: AccountRegionScopedDict) -> None:
    apigateway._apis[API_ID + "x"] = apigateway._apis.pop(API_ID)
    assert send(Gateway("notes", stacks))[0] == 503
    apigateway._apis[API_ID] = apigateway._apis.pop(API_ID + "x")


def test_a_request_reaches_the_api_as_it_was_sent(patcher: Patcher, stacks: AccountRegionScopedDict) -> None:
    received = Received()
    patcher.attribute(apigateway, "handle_execute", received.execute)
    pairs = [(b"X-One", b"1"), (b"x-one", b"2"), (b"cookie", b"a=1"), (b"Cookie", b"b=2")]

    status, headers, body = send(
        Gateway("notes", stacks), "/caf%C3%A9/a%252Fb?q=1&q=2&e=", method="PUT", body=(b"one ", b"two"), headers=pairs
    )

    assert (status, body) == (200, b"fine")
    assert headers["apigw-requestid"]
    [(api_id, stage, path, method, sent, content, query, options)] = received.calls
    assert (api_id, stage, path, method) == (API_ID, "v1", "/café/a%252Fb", "PUT")
    assert sent == {"x-one": "1,2", "cookie": "a=1; b=2"}
    assert content == b"one two"
    assert query == {"q": ["1", "2"], "e": [""]}
    assert options == {"raw_query_string": "q=1&q=2&e="}


@pytest.mark.parametrize("path", ["/health", "/_ministack/health", "/_ministack/reset", "/2015-03-31/functions", "/iceberg/v1"])
def test_paths_that_mean_something_to_the_emulator_belong_to_the_api_here(
    patcher: Patcher, stacks: AccountRegionScopedDict, path: str
) -> None:
    received = Received()
    patcher.attribute(apigateway, "handle_execute", received.execute)

    assert send(Gateway("notes", stacks), path)[2] == b"fine"
    assert received.calls[0][2] == path


def test_a_body_over_the_limit_is_read_to_its_end_and_refused(patcher: Patcher, stacks: AccountRegionScopedDict) -> None:
    received = Received()
    patcher.attribute(apigateway, "handle_execute", received.execute)
    mebibyte = b"x" * 1024 * 1024

    status, _, body = send(Gateway("notes", stacks), method="POST", body=(mebibyte,) * 10 + (b"x",))

    assert (status, json.loads(body)) == (413, {"message": "Request Entity Too Large"})
    assert received.calls == []
    assert send(Gateway("notes", stacks), method="POST", body=(mebibyte,) * 10)[0] == 200


def test_a_failure_of_the_emulator_is_answered_without_its_words(
    patcher: Patcher, stacks: AccountRegionScopedDict, caplog: pytest.LogCaptureFixture
) -> None:
    patcher.attribute(apigateway, "handle_execute", Received(KeyError("inner words")).execute)

    status, _, body = send(Gateway("notes", stacks))

    assert (status, json.loads(body)) == (500, {"message": "Internal Server Error"})
    assert "inner words" in caplog.text
