"""A service for tests of its clients: the routes they use, in memory, over httpx's own transport."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import httpx

from backend.index.text import query_stems, stems


class SmallService:
    """Keeps what is added and ranks by shared words. `keys` are those it knows; `busy` answers come before anything else."""

    def __init__(self, *keys: str) -> None:
        self.keys = set(keys)
        self.memories: dict[str, dict[str, Any]] = {}
        self.requests: dict[str, str] = {}
        self.seen: list[httpx.Request] = []
        self.busy: list[httpx.Response | httpx.TransportError] = []
        self.ranking: Callable[[str, dict[str, Any]], float] = shared_words
        self.degraded: list[str] = []
        self._numbers = itertools.count(1)

    @property
    def transport(self) -> httpx.MockTransport:
        """What a client sends through to reach this service."""
        return httpx.MockTransport(self.answer)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.seen.append(request)
        if self.busy:
            trouble = self.busy.pop(0)
            if isinstance(trouble, httpx.TransportError):
                raise trouble
            return trouble
        if request.url.path == "/health":
            return httpx.Response(200, json={"status": "ok"})
        if request.headers.get("X-API-Key") not in self.keys:
            return _problem(401, "unauthorized", "The key is not known.")
        body = json.loads(request.content) if request.content else {}
        if request.url.path == "/memory/add":
            return self._added(body, request.headers.get("Idempotency-Key"))
        if request.url.path == "/memory/query":
            return self._found(body)
        return httpx.Response(200, json={"items": [], "next_cursor": None, "has_more": False})

    def forget(self, text: str) -> None:
        """Forget the memory with this text."""
        (gone,) = (each for each, memory in self.memories.items() if memory["text"] == text)
        del self.memories[gone]

    def _added(self, body: dict[str, Any], key: str | None) -> httpx.Response:
        if key in self.requests:
            known = self.memories.get(self.requests[key])
            if known is None:
                return _problem(410, "gone", "What this request stored was forgotten since.")
            if known["text"] != body["text"]:
                return _problem(422, "idempotency-key-reused", "The key came with another body before.")
            return _stored(known, "stored", {"Idempotent-Replay": "true"})
        for memory in self.memories.values():
            if (memory["user_id"], memory["text"]) == (body["user_id"], body["text"]):
                return _stored(memory, "merged")
        memory = {**body, "id": f"mem_{next(self._numbers)}"}
        self.memories[memory["id"]] = memory
        if key:
            self.requests[key] = memory["id"]
        return _stored(memory, "stored")

    def _found(self, body: dict[str, Any]) -> httpx.Response:
        mine = [memory for memory in self.memories.values() if memory["user_id"] == body["user_id"]]
        scored = [{**memory, "score": self.ranking(body["query"], memory)} for memory in mine]
        scored.sort(key=lambda memory: -memory["score"])
        return httpx.Response(200, json={"memories": scored[: body.get("k", 5)], "degraded": self.degraded})


def shared_words(question: str, memory: dict[str, Any]) -> float:
    """Return the share of the question's words that the memory has."""
    asked = query_stems(question)
    return sum(word in stems(memory["text"]) for word in asked) / len(asked)


def _stored(memory: dict[str, Any], outcome: str, headers: dict[str, str] | None = None) -> httpx.Response:
    body = {**memory, "outcomes": [{"candidate": 0, "outcome": outcome, "memory_id": memory["id"]}]}
    return httpx.Response(201 if outcome == "stored" else 200, json=body, headers=headers or {})


def _problem(status: int, code: str, detail: str) -> httpx.Response:
    body = {"status": status, "code": code, "detail": detail, "request_id": "req-1"}
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json"})
