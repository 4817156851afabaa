"""Gap: the emulator's HTTP API has no limits and tells a caller what a function raised.

| what | limit | the gateway's answer |
|---|---|---|
| request body | 10 MB | 413 `{"message":"Request Entity Too Large"}` |
| event for the function, base64 included | 6 MB | 413 `{"message":"Request Entity Too Large"}` |
| request line and headers | 10,240 bytes | 431 `{"message":"Request Header Fields Too Large"}` |
| answer of the function, base64 included | 6 MB | 500 `{"message":"Internal Server Error"}` |
| time until the answer | 30 s, or less by the integration | 503 `{"message":"Service Unavailable"}` |
| function raises, times out or dies | - | 500 `{"message":"Internal Server Error"}` |

Limits from https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html and
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; M is 1024 * 1024 here.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

import asyncio
import json
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from ministack.services import apigateway, lambda_svc

from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]
Answer = tuple[int, dict[str, Any], bytes]

BODY_BYTES = 10 * 1024 * 1024
PAYLOAD_BYTES = 6 * 1024 * 1024
HEADER_BYTES = 10_240
SECONDS = 30.0

_in_gateway: ContextVar[bool] = ContextVar("_in_gateway", default=False)
"""Functions are also called by state machines, schedules and streams, to which none of this applies."""

MESSAGES = {
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "Request Entity Too Large",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "Request Header Fields Too Large",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Internal Server Error",
    HTTPStatus.SERVICE_UNAVAILABLE: "Service Unavailable",
}


class RefusedError(Exception):
    """The gateway answers by itself, with this status."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


def refusal(status: HTTPStatus) -> Answer:
    """Return what the gateway says by itself."""
    return int(status), {"Content-Type": "application/json"}, json.dumps({"message": MESSAGES[status]}).encode()


def apply(patcher: Patcher) -> None:
    """Enforce the limits on every call of a function through an HTTP API."""
    stock_proxy = apigateway._invoke_lambda_proxy
    stock_execute = lambda_svc._execute_function_with_config_scope
    stock_shape = lambda_svc.lambda_execute_result_to_api_proxy_response

    async def proxy(*request: Any, **options: Any) -> Answer:  # noqa: ANN401 - the emulator's signature
        integration, _api_id, _stage, path, method, headers, body, *_ = request
        token = _in_gateway.set(True)
        try:
            check_request(method, path, options.get("raw_query_string") or "", headers, body)
            call = asyncio.ensure_future(stock_proxy(*request, **options))
            seconds = min(integration.get("timeoutInMillis") or SECONDS * 1000, SECONDS * 1000) / 1000
            # The function goes on, as on AWS: only the caller stops waiting.
            done, _ = await asyncio.wait({call}, timeout=seconds)
            if not done:
                call.add_done_callback(_ignore_late_failure)
                return refusal(HTTPStatus.SERVICE_UNAVAILABLE)
            answer: Answer = call.result()
        except RefusedError as error:
            return refusal(error.status)
        finally:
            _in_gateway.reset(token)
        return answer

    def execute(function: Json, event: Any) -> Json:  # noqa: ANN401 - any JSON
        if not _in_gateway.get():
            return dict(stock_execute(function, event))
        if size(event) > PAYLOAD_BYTES:
            raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        result: Json = stock_execute(function, event)
        if not result.get("error") and size(result.get("body")) > PAYLOAD_BYTES:
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR)
        return result

    def shape(result: Json) -> tuple[Json, str | None]:
        if _in_gateway.get() and result.get("error") and not result.get("throttle"):
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR)
        shaped: tuple[Json, str | None] = stock_shape(result)
        return shaped

    patcher.attribute(apigateway, "_invoke_lambda_proxy", proxy)
    patcher.attribute(lambda_svc, "_execute_function_with_config_scope", execute)
    patcher.attribute(lambda_svc, "lambda_execute_result_to_api_proxy_response", shape)


def check_request(method: str, path: str, query: str, headers: Json, body: bytes) -> None:
    """Raise `RefusedError` for a request over the limits."""
    line = len(f"{method} {path}?{query} HTTP/1.1\r\n".encode())
    if line + sum(len(f"{name}: {value}\r\n".encode()) for name, value in headers.items()) > HEADER_BYTES:
        raise RefusedError(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    if len(body) > BODY_BYTES:
        raise RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


def size(payload: Any) -> int:  # noqa: ANN401 - any JSON
    """Return the bytes of a payload as it travels: JSON in UTF-8."""
    return len(json.dumps(payload, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _ignore_late_failure(call: asyncio.Future[Answer]) -> None:
    """Read the outcome nobody waits for, so that asyncio does not report it as forgotten."""
    if not call.cancelled():
        call.exception()
