"""A loopback server that answers as Amazon Bedrock's InvokeModel does, with vectors of the fake embedder."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from threading import Event
from typing import Any
from urllib.parse import unquote

from backend.embedding.fake import FakeEmbedder
from backend.embedding.model import Purpose, unpack
from tests.support.loopback import listening

ERROR_TYPE = {400: "ValidationException", 403: "AccessDeniedException", 429: "ThrottlingException"}


class LoopbackBedrock:
    """Keeps each request, and refuses what the service's documentation says it refuses.

    `answers` are given in turn, instead of the right one: a status, with a body or without. While `stuck` is set, no
    request is answered until `released` is.
    """

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.answers: deque[tuple[int, bytes | None]] = deque()
        self.stuck = False
        self.released = Event()
        self.url = ""

    def answer(self, model_id: str, body: dict[str, Any]) -> tuple[int, bytes]:
        self.requests.append((model_id, body))
        if self.stuck:
            self.released.wait(30)
        if self.answers:
            status, given = self.answers.popleft()
            return status, given if given is not None else json.dumps({"message": "as told"}).encode()
        try:
            return 200, json.dumps(self._right_answer(model_id, body)).encode()
        except (AssertionError, KeyError) as error:
            return 400, json.dumps({"message": f"Malformed input request: {error}"}).encode()

    def _right_answer(self, model_id: str, body: dict[str, Any]) -> dict[str, Any]:
        if "titan" in model_id:
            assert set(body) <= {"inputText", "dimensions", "normalize", "embeddingTypes"}
            assert body["dimensions"] in {256, 512, 1024}
            assert body["inputText"].strip()
            assert len(body["inputText"]) <= 50_000
            (vector,) = self._vectors([body["inputText"]], body["dimensions"])
            return {"embedding": vector, "embeddingsByType": {"float": vector}, "inputTextTokenCount": 5}
        v4 = "embed-v4" in model_id
        assert set(body) == {"texts", "input_type", "truncate", "embedding_types"} | ({"output_dimension"} if v4 else set())
        assert body["truncate"] in ({"NONE", "LEFT", "RIGHT"} if v4 else {"NONE", "START", "END"})
        assert 1 <= len(body["texts"]) <= 96
        assert all(text.strip() and len(text) <= (400_000 if v4 else 2_048) for text in body["texts"])
        vectors = self._vectors(body["texts"], body.get("output_dimension", 1024))
        return {"id": "1", "embeddings": {"float": vectors}, "response_type": "embeddings_by_type", "texts": body["texts"]}

    @staticmethod
    def _vectors(texts: list[str], dimension: int) -> list[list[float]]:
        return [list(unpack(vector)) for vector in FakeEmbedder(dimension).embed(texts, Purpose.DOCUMENT)]


@contextmanager
def serving() -> Iterator[LoopbackBedrock]:
    """Serve on a free port of 127.0.0.1 until left."""
    bedrock = LoopbackBedrock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = bedrock.answer(unquote(self.path.split("/")[2]), body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            if status >= 400:
                self.send_header("x-amzn-ErrorType", ERROR_TYPE.get(status, "InternalServerException"))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing: a test's requests are in `requests`."""

    with listening(Handler) as bedrock.url:
        try:
            yield bedrock
        finally:
            bedrock.released.set()
