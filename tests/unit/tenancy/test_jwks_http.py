"""Fetching keys over the network: from a server on this machine that behaves badly."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from backend.kit.errors import DependencyUnavailableError
from backend.tenancy.jwks_http import MOST_BYTES, HttpKeyFetcher

FETCHER = HttpKeyFetcher(loopback_http=True)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path:
            case "/jwks.json":
                self._answer(200, b'{"keys": []}')
            case "/moved":
                self.send_response(302)
                self.send_header("Location", "/jwks.json")
                self.send_header("Content-Length", "0")
                self.end_headers()
            case "/missing":
                self._answer(404, b'{"keys": []}')
            case "/large":
                self._answer(200, b" " * (MOST_BYTES + 1))
            case "/largest":
                self._answer(200, b" " * MOST_BYTES)
            case "/latin":
                self._answer(200, b"\xe9")
            case "/short":
                self.send_response(200)
                self.send_header("Content-Length", "100")
                self.end_headers()
                self.wfile.write(b"{")
            case "/garbage":
                self.wfile.write(b"not HTTP at all\r\n\r\n")

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's name
        """Keep quiet."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


def test_a_jwks_is_fetched(server: str) -> None:
    assert FETCHER.fetch(f"{server}/jwks.json") == '{"keys": []}'
    assert len(FETCHER.fetch(f"{server}/largest")) == MOST_BYTES


@pytest.mark.parametrize("path", ["moved", "missing", "large", "latin", "short", "garbage"])
def test_anything_but_a_whole_small_answer_is_none(server: str, path: str) -> None:
    with pytest.raises(DependencyUnavailableError):
        FETCHER.fetch(f"{server}/{path}")


def test_plain_http_is_for_the_local_stage_only(server: str) -> None:
    with pytest.raises(DependencyUnavailableError):
        HttpKeyFetcher().fetch(f"{server}/jwks.json")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x", "http://127.0.0.1:1/", ""])
def test_nothing_but_the_web_is_asked(url: str) -> None:
    with pytest.raises(DependencyUnavailableError):
        FETCHER.fetch(url)
