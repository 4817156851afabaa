"""A service for tests of its clients: the routes they use, in memory, over httpx's own transport."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from backend.extraction.model import Candidate, Claimed, Utterance
from backend.extraction.pipeline import Pipeline
from backend.extraction.policy import ExtractionPolicy
from backend.index.text import query_stems, stems


class SmallService:
    """Keeps what is added and ranks by shared words. `keys` are those it knows; `busy` answers come before anything else.

    Texts are read by the rules of the service itself. Without `extracts` they stay
    whole, without `merges` the same is stored again, without `supersedes` nothing is retired.
    """

    def __init__(self, *keys: str) -> None:
        self.keys = set(keys)
        self.memories: dict[str, dict[str, Any]] = {}
        self.requests: dict[str, tuple[dict[str, Any], list[dict[str, Any]]]] = {}
        self.evidence: dict[str, int] = {}
        self.extracts = self.merges = self.supersedes = True
        self.seen: list[httpx.Request] = []
        self.busy: list[httpx.Response | httpx.TransportError] = []
        self.ranking: Callable[[str, dict[str, Any]], float] = shared_words
        self.degraded: list[str] = []
        self.waiting: list[int] = []
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
        return self._routed(request)

    def _routed(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        if request.url.path == "/memory/add":
            return self._added(body, request.headers.get("Idempotency-Key"))
        if request.url.path == "/memory/bulk-add":
            return self._bulk_added(body, request.headers["Idempotency-Key"])
        if request.url.path == "/memory/pending":
            waiting = self.waiting.pop() if self.waiting else 0
            return httpx.Response(200, json={"pending_embedding": waiting, "pending_index": 0})
        if request.url.path == "/memory/query":
            return self._found(body)
        if request.url.path.startswith("/memory/"):
            return self._read(*request.url.path.removeprefix("/memory/").split("/"))
        return httpx.Response(200, json={"items": [], "next_cursor": None, "has_more": False})

    def forget(self, text: str) -> None:
        """Forget the memory with this text."""
        (gone,) = (each for each, memory in self.memories.items() if memory["text"] == text)
        del self.memories[gone]

    def texts(self, user_id: str) -> list[str]:
        """Return the texts of an end user's memories, in the order they were made."""
        return [memory["text"] for memory in self.memories.values() if memory["user_id"] == user_id]

    def _read(self, memory_id: str, below: str = "") -> httpx.Response:
        if memory_id not in self.memories:
            return _problem(404, "memory-not-found", "There is no such memory.")
        shown = {"id": memory_id, "count": self.evidence[memory_id]} if below == "evidence" else _shown(self.memories[memory_id])
        return httpx.Response(200, json=shown)

    def _added(self, body: dict[str, Any], key: str | None) -> httpx.Response:
        if key in self.requests:
            asked, outcomes = self.requests[key]
            if any(each["memory_id"] not in self.memories for each in outcomes):
                return _problem(410, "gone", "What this request stored was forgotten since.")
            if asked != body:
                return _problem(422, "idempotency-key-reused", "The key came with another body before.")
            return self._answer(outcomes, {"Idempotent-Replay": "true"})
        said = Utterance(body["text"], datetime.now(UTC), body.get("speaker"), infer=self.extracts and body.get("infer", True))
        candidates = Pipeline().read(said, ExtractionPolicy()).candidates
        outcomes = [{"candidate": number, **self._outcome(body, each)} for number, each in enumerate(candidates)]
        if key:
            self.requests[key] = (body, outcomes)
        return self._answer(outcomes, {})

    def _bulk_added(self, body: dict[str, Any], key: str) -> httpx.Response:
        items = []
        for number, item in enumerate(body["items"]):
            answer = self._added({**item, "user_id": body["user_id"]}, f"{key}-{number}")
            told = "result" if answer.is_success else "problem"
            items.append({"index": number, "status": answer.status_code, told: answer.json()})
        return httpx.Response(207, json={"items": items})

    def _outcome(self, body: dict[str, Any], candidate: Candidate) -> dict[str, Any]:
        mine = [memory for memory in self.memories.values() if memory["user_id"] == body["user_id"]]
        same = next((memory for memory in mine if memory["key"] == candidate.extracted_key), None)
        if same and self.merges:
            self.evidence[same["id"]] += 1
            return {"outcome": "merged", "memory_id": same["id"]}
        said_at, claim = body.get("occurred_at", ""), candidate.claimed
        held = [each for each in mine if claim and each["claim"] and not each["valid_until"] and self.supersedes]
        against = [each for each in held if claim and _contradict(each["claim"], claim)]
        later = min((each["occurred_at"] for each in against if each["occurred_at"] > said_at), default=None)
        losers = [] if later else against
        for each in losers:
            each["valid_until"] = said_at
        made = {"key": candidate.extracted_key, "claim": claim, "valid_until": later}
        memory = {**body, "text": candidate.text, "id": f"mem_{next(self._numbers)}", **made}
        self.memories[memory["id"]] = memory
        self.evidence[memory["id"]] = 1
        return {"outcome": "superseded" if losers else "stored", "memory_id": memory["id"]}

    def _answer(self, outcomes: list[dict[str, Any]], headers: dict[str, str]) -> httpx.Response:
        ids = list(dict.fromkeys(each["memory_id"] for each in outcomes))
        first = self.memories[ids[0]]
        status = 207 if len(ids) > 1 else 200 if outcomes[0]["outcome"] == "merged" else 201
        return httpx.Response(status, json={**_shown(first), "memory_ids": ids, "outcomes": outcomes}, headers=headers)

    def _found(self, body: dict[str, Any]) -> httpx.Response:
        mine = [each for each in self.memories.values() if each["user_id"] == body["user_id"] and not each["valid_until"]]
        scored = [{**_shown(memory), "score": self.ranking(body["query"], memory)} for memory in mine]
        scored.sort(key=lambda memory: -memory["score"])
        return httpx.Response(200, json={"memories": scored[: body.get("k", 5)], "degraded": self.degraded})


def shared_words(question: str, memory: dict[str, Any]) -> float:
    """Return the share of the question's words that the memory has."""
    asked = query_stems(question)
    return sum(word in stems(memory["text"]) for word in asked) / len(asked)


def _contradict(one: Claimed, other: Claimed) -> bool:
    return (one.subject, one.attribute) == (other.subject, other.attribute) and one.value != other.value


def _shown(memory: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in memory.items() if name not in {"key", "claim"}}


def _problem(status: int, code: str, detail: str) -> httpx.Response:
    body = {"status": status, "code": code, "detail": detail, "request_id": "req-1"}
    return httpx.Response(status, json=body, headers={"Content-Type": "application/problem+json"})
