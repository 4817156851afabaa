"""What Lambda hands to a function: HTTP API events (payload format 2.0), and the context of a call."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

JSON = {"content-type": "application/json"}


@dataclass(slots=True)
class FakeLambdaContext:
    """A call that has `remaining` seconds left, always."""

    remaining: float = 28.0
    aws_request_id: str = "a-call"
    function_name: str = "a-function"

    def get_remaining_time_in_millis(self) -> int:
        return int(self.remaining * 1000)


def http_event(  # noqa: PLR0913 - one word for each part of a request
    method: str,
    path: str,
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    route: str = "",
    as_base64: bool = False,
) -> dict[str, Any]:
    """Return the event of a request.

    `body`: str as it is, bytes in base64, anything else as JSON with its content type unless headers are given. `route` is
    the template's route key, by default the method and the path.
    """
    text, is_base64 = _body(body, as_base64=as_base64)
    sent = headers if headers is not None else (JSON if body is not None else {})
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route or f"{method} {path}",
        "rawPath": path,
        "rawQueryString": urlencode(query or {}),
        "headers": {"host": "api.example", "x-forwarded-proto": "https", "x-forwarded-port": "443", **_lower(sent)},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "api",
            "domainName": "api.example",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test"},
            "requestId": "a-request",
            "routeKey": route or f"{method} {path}",
            "stage": "$default",
            "timeEpoch": 1767603600000,
        },
        "isBase64Encoded": is_base64,
    }
    if query:
        event["queryStringParameters"] = dict(query)
    if text is not None:
        event["body"] = text
    return event


def queue_event(messages: Mapping[str, str]) -> dict[str, Any]:
    """Return a batch of SQS messages, the body of each by its id."""
    records = [{"messageId": name, "body": body, "eventSource": "aws:sqs"} for name, body in messages.items()]
    return {"Records": records}


def stream_event(keys: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the batch of a KEYS_ONLY table stream that names these keys (typed, as the service writes them), in this order."""
    records = [
        {"eventID": str(number), "eventName": "MODIFY", "eventSource": "aws:dynamodb", "dynamodb": {"Keys": dict(each)}}
        for number, each in enumerate(keys)
    ]
    return {"Records": records}


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A function's answer, as a client gets it."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: dict[str, Any] = field(repr=False)

    @classmethod
    def of(cls, answer: dict[str, Any]) -> HttpAnswer:
        """Read what the handler returned."""
        body = answer.get("body", "")
        data = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
        return cls(answer["statusCode"], _lower(answer.get("headers", {})), data, answer)

    def json(self) -> Any:
        return json.loads(self.body)


def _body(body: object, *, as_base64: bool) -> tuple[str | None, bool]:
    if isinstance(body, bytes):
        return base64.b64encode(body).decode(), True
    text = body if body is None or isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    if as_base64 and text is not None:
        return base64.b64encode(text.encode()).decode(), True
    return text, False


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
