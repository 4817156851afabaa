"""The pretty address: the deployed HTTP API at `/` of a port of its own, as its domain would serve it on AWS.

The request goes straight to the emulator's HTTP API, past its detection of services by host, path or header. The limits
are those of `patches.http_api_limits`; here a body over its limit is not even kept. While nothing is deployed every request
gets 503 with a problem document that says so.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

import base64
import json
import os
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from ministack import app as emulator
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import apigateway
from ministack.services.cloudformation import _stacks

from infrastructure.local.patches.http_api_limits import BODY_BYTES, Answer, refusal

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

API = "AWS::ApiGatewayV2::Api"
STAGE = "AWS::ApiGatewayV2::Stage"
DISCARDED_BYTES = 8 * BODY_BYTES
"""How much of a body over its limit is read and dropped, so that the client gets to read the answer."""


class Gateway:
    """The ASGI application of the pretty address, for one CloudFormation stack."""

    def __init__(self, stack_name: str, stacks: AccountRegionScopedDict = _stacks) -> None:
        self._stack_name = stack_name
        self._stacks = stacks
        self._logical: dict[str, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        body = await read_body(receive)
        if body is None:
            answer = refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            answer = await self._answer(scope, body)
        await emulator._send_response(send, *answer, head=scope["method"] == "HEAD")

    async def _answer(self, scope: Scope, body: bytes) -> Answer:
        address = self.deployed()
        if address is None:
            return nothing_deployed(self._stack_name)
        api_id, stage = address
        query = scope.get("query_string", b"").decode("utf-8", "replace")
        raw_path = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
        emulator.set_request_client_ip((scope.get("client") or ("127.0.0.1",))[0])
        try:
            status, headers, content = await apigateway.handle_execute(
                api_id,
                stage,
                apigateway.decode_http_api_path(raw_path),
                scope["method"],
                join_headers(scope["headers"]),
                body,
                parse_qs(query, keep_blank_values=True),
                raw_query_string=query,
            )
        except Exception:  # noqa: BLE001 - the outermost place: logged, and told as API Gateway tells its own failures
            emulator.logger.exception("The emulated HTTP API failed")
            return refusal(HTTPStatus.INTERNAL_SERVER_ERROR)
        headers.setdefault("apigw-requestid", base64.b64encode(os.urandom(11)).decode())
        return status, headers, content

    def deployed(self) -> tuple[str, str] | None:
        """Return the id and stage of the stack's HTTP API, if there is one."""
        for (_account, _region, name), stack in self._stacks.all_items():
            if name == self._stack_name:
                resources = stack.get("_resources") or {}
                api, stage = (self._physical(resources, kind) for kind in (API, STAGE))
                if api in {key[-1] for key in apigateway._apis._data}:
                    return api, stage or "$default"
        return None

    def _physical(self, resources: Scope, kind: str) -> Any:  # noqa: ANN401 - an id, or None
        """Return the physical id of the stack's resource of a kind; the last one, should there be several.

        Its logical id is remembered: every request asks, and a stack has hundreds of resources.
        """
        known = resources.get(self._logical.get(kind, ""))
        if known is None or known.get("ResourceType") != kind:
            of_kind = [logical for logical, resource in resources.items() if resource.get("ResourceType") == kind]
            if not of_kind:
                return None
            self._logical[kind] = of_kind[-1]
            known = resources[of_kind[-1]]
        return known.get("PhysicalResourceId")


async def read_body(receive: Receive) -> bytes | None:
    """Return the request's body; `None` when it is over the limit. What is over it is read and dropped, to a bound."""
    parts: list[bytes] = []
    total = 0
    more = True
    while more and total <= DISCARDED_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            break
        part = message.get("body", b"")
        total += len(part)
        if total <= BODY_BYTES:
            parts.append(part)
        else:
            parts.clear()
        more = message.get("more_body", False)
    return b"".join(parts) if total <= BODY_BYTES else None


def join_headers(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers by lower-case name; those that repeat are joined as API Gateway does: by commas, cookies by `; `."""
    joined: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name, value = raw_name.decode("latin-1").lower(), emulator.decode_header_value(raw_value)
        joined[name] = f"{joined[name]}{'; ' if name == 'cookie' else ','}{value}" if name in joined else value
    return joined


def nothing_deployed(stack_name: str) -> Answer:
    """Return the answer while there is no API."""
    problem = {
        "type": "about:blank",
        "title": "Nothing is deployed",
        "status": int(HTTPStatus.SERVICE_UNAVAILABLE),
        "detail": f"The local stack runs, but {stack_name!r} is not deployed to it. Run `make up` and wait until it is done.",
    }
    headers = {"Content-Type": "application/problem+json", "Retry-After": "5"}
    return int(HTTPStatus.SERVICE_UNAVAILABLE), headers, json.dumps(problem).encode()
