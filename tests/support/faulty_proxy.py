"""Stands between a deployed function and the emulated AWS services, and does to chosen calls what networks do."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import httpx

from infrastructure.local.stack import Stack

THROTTLED = {"__type": "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException", "message": "slow down"}


class Fate(Enum):
    """What becomes of a call."""

    THROTTLED = "the service refuses it"
    LOST = "it never arrives, and nobody answers"
    UNANSWERED = "it is done, and nobody answers"


class FaultyProxy:
    """A proxy on the loopback. `fates` maps an operation, such as `TransactWriteItems`, to what becomes of its next calls."""

    def __init__(self, endpoint: str) -> None:
        self.fates: dict[str, tuple[Fate, int]] = {}
        self.seen: Counter[str] = Counter()
        self._client = httpx.Client(base_url=endpoint, timeout=30)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                proxy.pass_on(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name for it
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._client.close()

    def pass_on(self, request: BaseHTTPRequestHandler) -> None:
        """Forward a call, or let its fate happen."""
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        self.seen[operation] += 1
        fate, times = self.fates.get(operation, (None, 0))
        if times > 0 and fate:
            self.fates[operation] = (fate, times - 1)
        else:
            fate = None
        if fate is Fate.THROTTLED:
            self._answer(request, 400, json.dumps(THROTTLED).encode(), "application/x-amz-json-1.0")
            return
        if fate is Fate.LOST:
            request.close_connection = True
            return
        # With the Host that was signed: the emulator checks signatures.
        kept = {name: value for name, value in request.headers.items() if name.lower() != "connection"}
        answer = self._client.post(request.path, content=body, headers=kept)
        if fate is Fate.UNANSWERED:
            request.close_connection = True
            return
        self._answer(request, answer.status_code, answer.content, answer.headers.get("content-type", ""))

    def _answer(self, request: BaseHTTPRequestHandler, status: int, body: bytes, kind: str) -> None:
        request.send_response(status)
        request.send_header("content-type", kind)
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@contextmanager
def function_environment(stack: Stack, function: str, **changes: str) -> Iterator[None]:
    """Give a deployed function other environment variables for a while."""
    functions: Any = stack.client("lambda")
    name = stack.resource(function)
    usual = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=name, Environment={"Variables": {**usual, **changes}})
    try:
        yield
    finally:
        functions.update_function_configuration(FunctionName=name, Environment={"Variables": usual})


@contextmanager
def faulty_network(stack: Stack, function: str) -> Iterator[FaultyProxy]:
    """Put a faulty proxy between one function and everything it calls."""
    with FaultyProxy(stack.endpoint) as proxy, function_environment(stack, function, AWS_ENDPOINT_URL=proxy.url):
        yield proxy
