"""A loopback server that answers as an OpenSearch that holds nothing, unless it is told what to answer."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any

from backend.index.opensearch import OpenSearchIndex
from backend.index.opensearch_engine import Engine, Signer, connect
from backend.index.opensearch_layout import MAPPING_VERSION
from backend.kit.clock import FakeClock
from tests.support.loopback import listening

Answer = tuple[int, Any]


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.body.splitlines()]


def described(*aliases: str, mapping_version: int = MAPPING_VERSION) -> dict[str, Any]:
    """What the engine says of one index."""
    meta = {"model": "small/4", "dimension": 4, "mapping_version": mapping_version}
    return {"aliases": {alias: {} for alias in aliases}, "mappings": {"_meta": meta}}


@dataclass(slots=True)
class LoopbackOpenSearch:
    """Keeps each request. `told` are given in turn for paths that end so, instead of the usual answer; bytes as they are.

    `held` are the ends of the ids that it holds something under. While `stuck` is set, no request is answered until
    `released` is.
    """

    requests: list[Request] = field(default_factory=list)
    told: dict[str, deque[Answer]] = field(default_factory=dict)
    layout: dict[str, Any] = field(default_factory=lambda: {"one": described("memories-read", "memories-write")})
    held: set[str] = field(default_factory=set)
    stuck: bool = False
    released: Event = field(default_factory=Event)
    url: str = ""

    def tell(self, ending: str, *answers: Answer) -> None:
        self.told.setdefault(ending, deque()).extend(answers)

    def sent(self, ending: str) -> list[Request]:
        return [request for request in self.requests if request.path.split("?")[0].endswith(ending)]

    def answer(self, request: Request) -> Answer:
        self.requests.append(request)
        if self.stuck:
            self.released.wait(30)
        path = request.path.split("?")[0]
        for ending, answers in self.told.items():
            if path.endswith(ending) and answers:
                return answers.popleft()
        if path.endswith("/_msearch"):
            return 200, {"responses": [nothing(body) for body in request.lines[1::2]]}
        if path.endswith("/_bulk"):
            return 200, {"items": [item(201) for _ in request.lines[::2]]}
        if path.endswith("/_mget"):
            return 200, {"docs": [self._held(each["_id"]) for each in json.loads(request.body)["docs"]]}
        if request.method == "GET":
            return 200, self.layout
        return 200, {"_shards": {"failed": 0}}

    def _held(self, entry_id: str) -> dict[str, Any]:
        found = entry_id.endswith(tuple(self.held))
        return {"_id": entry_id, "found": found, **({"_source": {"row_version": 9}} if found else {})}


def nothing(body: dict[str, Any]) -> dict[str, Any]:
    """The answer of an empty index to one question."""
    answer: dict[str, Any] = {"timed_out": False, "_shards": {"failed": 0}, "status": 200, "hits": {"hits": []}}
    if "aggs" in body:
        answer["aggregations"] = {
            name: {
                "doc_count": 0,
                "length": {"value": 0.0},
                "buckets": {named: {"doc_count": 0} for named in asked["filters"]["filters"]} if "filters" in asked else [],
                "words": {"buckets": {str(place): {"doc_count": 0} for place in range(50)}},
            }
            for name, asked in body["aggs"].items()
        }
    return answer


def item(status: int, kind: str = "", reason: str = "") -> dict[str, Any]:
    """What came of one write of a bulk."""
    error = {"error": {"type": kind, "reason": reason}} if kind else {}
    return {"index": {"status": status, "_shards": {"failed": 0}, **error}}


def key_of(tenant_id: str) -> bytes:
    return sha256(tenant_id.encode()).digest()


class World:
    """An index over the loopback engine, with a clock that stands still."""

    def __init__(self, server: LoopbackOpenSearch, signer: Signer | None = None) -> None:
        self.server = server
        self.clock = FakeClock()
        self.client = connect(server.url, region="eu-west-1", signer=signer)
        self.engine = Engine(self.client, self.clock, jitter=lambda: 0.0)
        self.index = OpenSearchIndex(self.engine, key_of, self.clock)


@contextmanager
def serving() -> Iterator[LoopbackOpenSearch]:
    """Serve on a free port of 127.0.0.1 until left."""
    engine = LoopbackOpenSearch()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said = engine.answer(Request(self.command, self.path, headers, body))
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - the names that the server looks for

        def log_message(self, *_: object) -> None:
            """Say nothing: a test's requests are in `requests`."""

    with listening(Handler) as engine.url:
        try:
            yield engine
        finally:
            engine.released.set()
