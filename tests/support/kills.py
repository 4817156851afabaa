"""Clients that add memories to a local stack until every process of it is killed under them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

import httpx

from infrastructure.local.stack import Stack

WRITERS = 4
CREATED = 201
Check = Callable[[httpx.Client, str, str], bool]


def client(stack: Stack, api_key: str, end_user: str = "u1") -> httpx.Client:
    """Return a client for one end user."""
    headers = {"X-API-Key": api_key, "X-Project-ID": "main", "X-End-User-ID": end_user}
    return httpx.Client(base_url=stack.url, headers=headers, timeout=40)


def tenant_key(stack: Stack) -> str:
    """Make the tenant `acme` with the project `main`; return a key of it."""
    stack.invoke("Administer", {"action": "create_tenant", "name": "Acme", "tenant_id": "acme"})
    stack.invoke("Administer", {"action": "create_project", "tenant_id": "acme", "name": "Main", "project_id": "main"})
    return str(stack.invoke("Administer", {"action": "create_key", "tenant_id": "acme", "name": "k"})["api_key"])


@dataclass
class Writers:
    """Four writers for one end user. `acknowledged` are texts by memory id; `unanswered` are texts nobody said anything about."""

    stack: Stack
    api_key: str
    end_user: str = "u1"
    acknowledged: dict[str, str] = field(default_factory=dict)
    unanswered: list[str] = field(default_factory=list)
    _killed: threading.Event = field(default_factory=threading.Event)

    def write_until_killed(self, enough: int) -> None:
        """Write, each text under a key of its own, and kill the stack as soon as so many memories are acknowledged."""
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(lambda writer: self._write(writer, enough), range(WRITERS)))

    def _write(self, writer: int, enough: int) -> None:
        with client(self.stack, self.api_key, self.end_user) as http:
            for number in range(10_000):
                text = f"Parcel {writer}-{number} lies on shelf {(writer * 7919 + number * 104729) % 99991}."
                try:
                    answer = add(http, text)
                except httpx.HTTPError:
                    self.unanswered.append(text)
                    return
                if answer.status_code == CREATED:
                    self.acknowledged[answer.json()["id"]] = text
                else:
                    self.unanswered.append(text)
                if len(self.acknowledged) >= enough and not self._killed.is_set():
                    self._killed.set()
                    self.stack.kill()


def add(http: httpx.Client, text: str) -> httpx.Response:
    """Add a text under an idempotency key of its own."""
    return http.post("/memory/add", json={"text": text}, headers={"Idempotency-Key": text})


@dataclass
class Readers:
    """As many readers as there were writers, for one end user; a reader keeps its connection."""

    stack: Stack
    api_key: str
    end_user: str = "u1"
    _local: threading.local = field(default_factory=threading.local)
    _clients: list[httpx.Client] = field(default_factory=list)

    def not_read(self, memories: Iterable[tuple[str, str]]) -> list[str]:
        """Return the ids that a GET does not answer with their text."""
        return self._failing(_reads, memories)

    def not_found(self, memories: Iterable[tuple[str, str]]) -> list[str]:
        """Return the ids that are not among the first three answers to their own text."""
        return self._failing(_finds, memories)

    def texts(self) -> list[str]:
        """Return the texts of all memories, page by page."""
        found: list[str] = []
        cursor = ""
        with client(self.stack, self.api_key, self.end_user) as http:
            while True:
                page = http.get(f"/memory?limit=200{cursor and '&cursor=' + cursor}").json()
                found += [each["text"] for each in page["items"]]
                if not page["has_more"]:
                    return found
                cursor = page["next_cursor"]

    def close(self) -> None:
        """Close all connections."""
        self._pool.shutdown()
        for http in self._clients:
            http.close()

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(WRITERS)

    def _failing(self, holds: Check, memories: Iterable[tuple[str, str]]) -> list[str]:
        every = list(memories)
        answers = self._pool.map(lambda each: holds(self._client(), *each), every)
        return [memory_id for (memory_id, _), held in zip(every, answers, strict=True) if not held]

    def _client(self) -> httpx.Client:
        if not hasattr(self._local, "http"):
            self._local.http = client(self.stack, self.api_key, self.end_user)
            self._clients.append(self._local.http)
        http: httpx.Client = self._local.http
        return http


def _reads(http: httpx.Client, memory_id: str, text: str) -> bool:
    answer = http.get(f"/memory/{memory_id}")
    return answer.is_success and answer.json()["text"] == text


def _finds(http: httpx.Client, memory_id: str, text: str) -> bool:
    answer = http.post("/memory/query", json={"query": text, "k": 3})
    return answer.is_success and memory_id in [memory["id"] for memory in answer.json()["memories"]]
