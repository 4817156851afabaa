"""Fetching keys over the network: from a server on this machine that behaves badly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler

import pytest

from backend.kit.errors import DependencyUnavailableError
from backend.tenancy.jwks_http import MOST_BYTES, HttpKeyFetcher
from tests.support.loopback import listening

released = threading.Event()
FETCHER = HttpKeyFetcher(loopback_http=True)


ANSWERS = {
    "/jwks.json": (200, b'{"keys": []}'),
    "/missing": (404, b'{"keys": []}'),
    "/large": (200, b" " * (MOST_BYTES + 1)),
    "/largest": (200, b" " * MOST_BYTES),
    "/latin": (200, b"\xe9"),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path:
            case "/moved":
                self._begin(302, {"Location": "/jwks.json", "Content-Length": "0"})
            case "/short":
                self._begin(200, {"Content-Length": "100"})
                self.wfile.write(b"{")
            case "/silent":
                released.wait()
            case "/dripping":
                self._begin(200, {})
                with suppress(OSError):
                    while not released.wait(0.01):
                        self.wfile.write(b" ")
            case "/garbage":
                self.wfile.write(b"not HTTP at all\r\n\r\n")
            case path:
                status, body = ANSWERS[path]
                self._begin(status, {"Content-Length": str(len(body))})
                self.wfile.write(body)

    def _begin(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Keep quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with listening(Handler) as url:
        yield url
        released.set()


def test_a_jwks_is_fetched(server: str) -> None:
    assert FETCHER.fetch(f"{server}/jwks.json") == '{"keys": []}'
    assert len(FETCHER.fetch(f"{server}/largest")) == MOST_BYTES


@pytest.mark.parametrize("path", ["moved", "missing", "large", "latin", "short", "garbage"])
def test_anything_but_a_whole_small_answer_is_none(server: str, path: str) -> None:
    with pytest.raises(DependencyUnavailableError):
        FETCHER.fetch(f"{server}/{path}")


@pytest.mark.parametrize("path", ["silent", "dripping"])
def test_a_server_that_takes_its_time_is_not_waited_for(server: str, path: str) -> None:
    with pytest.raises(DependencyUnavailableError):
        HttpKeyFetcher(loopback_http=True, seconds=0.2).fetch(f"{server}/{path}")


def test_plain_http_is_for_the_local_stage_only(server: str) -> None:
    with pytest.raises(DependencyUnavailableError):
        HttpKeyFetcher().fetch(f"{server}/jwks.json")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x", "http://127.0.0.1:1/", ""])
def test_nothing_but_the_web_is_asked(url: str) -> None:
    with pytest.raises(DependencyUnavailableError):
        FETCHER.fetch(url)
