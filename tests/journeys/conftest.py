"""The deployed local stack, as users meet it: every test has a tenant of its own and speaks HTTP."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from infrastructure.local.stack import Stack

_tenants = itertools.count()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every journey, and keep them on one worker with one stack; those of `outside`, which take longest, on another."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.journey)
            item.add_marker(pytest.mark.xdist_group("outside" if here / "outside" in item.path.parents else "stack"))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A local stack on free ports, with the real template deployed."""
    running = Stack(state=tmp_path_factory.mktemp("stack") / "state").with_free_ports()
    running.start()
    try:
        running.deploy()
        yield running
    finally:
        running.stop()


@dataclass
class User:
    """Somebody who calls the API with a key."""

    stack: Stack
    tenant_id: str
    api_key: str = field(repr=False)
    headers: dict[str, str]
    http: httpx.Client = field(repr=False)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Send a request; a header given as `X_Project_ID=...` replaces the usual one, an empty one leaves it out."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name.lower(): value for name, value in {**self.headers, **named}.items()}
        kept = {name: value for name, value in sent.items() if value}
        if isinstance(body, bytes):
            return self.http.request(method, path, content=body, headers={"content-type": "application/json", **kept})
        return self.http.request(method, path, json=body, headers=kept)

    def add(self, text: str, **fields: Any) -> dict[str, Any]:
        """Add a memory and return the answer's body."""
        answer = self.call("POST", "/memory/add", {"text": text, **fields})
        assert answer.status_code in {200, 201}, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def ask(self, query: str, **fields: Any) -> list[dict[str, Any]]:
        """Ask and return the memories."""
        answer = self.call("POST", "/memory/query", {"query": query, **fields})
        assert answer.status_code == 200, answer.text
        memories: list[dict[str, Any]] = answer.json()["memories"]
        return memories

    def all(self) -> list[dict[str, Any]]:
        """Return all memories, page by page."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.call("GET", f"/memory?limit=200{cursor and '&cursor=' + cursor}").json()
            found += page["items"]
            if not page["has_more"]:
                return found
            cursor = page["next_cursor"]

    def operate(self, action: str, **fields: Any) -> dict[str, Any]:
        """Do something as the operator, to this tenant."""
        answer: dict[str, Any] = self.stack.invoke("Administer", {"action": action, "tenant_id": self.tenant_id, **fields})
        return answer

    def key(self, **fields: Any) -> str:
        """Make another key of this tenant."""
        return str(self.operate("create_key", name="another", **fields)["api_key"])


@pytest.fixture(scope="session")
def new_user(stack: Stack) -> Iterator[Callable[..., User]]:
    """Make users, each the first of a new tenant with the project `main`."""
    clients: list[httpx.Client] = []

    def make(scope_mode: str = "strict", **key: Any) -> User:
        tenant_id = f"t{os.getpid()}-{next(_tenants)}"
        http = httpx.Client(base_url=stack.url, timeout=40)
        clients.append(http)
        command = {"action": "create_tenant", "name": "A tenant", "tenant_id": tenant_id, "scope_mode": scope_mode}
        stack.invoke("Administer", command)
        user = User(stack, tenant_id, "", {}, http)
        user.operate("create_project", name="Main", project_id="main")
        user.api_key = user.key(**key)
        user.headers = {"X-API-Key": user.api_key, "X-Project-ID": "main", "X-End-User-ID": "u1"}
        return user

    yield make
    for http in clients:
        http.close()


@pytest.fixture
def user(new_user: Callable[..., User]) -> User:
    """A user of a strict tenant of their own."""
    return new_user()


@pytest.fixture(scope="module")
def passer_by(new_user: Callable[..., User]) -> User:
    """A user for many tests that leave nothing behind, or do not mind what others left."""
    return new_user()


def settled(user: User, memory_id: str) -> bool:
    """Tell whether the index shows what the table has: then the pending marker is gone."""
    key = {"pk": {"S": f"P#{user.tenant_id}#main#live#USER#u1#0"}, "sk": {"S": memory_id}}
    table = user.stack.outputs()["MemoriesTableName"]
    return "Item" not in user.stack.client("dynamodb").get_item(TableName=table, Key=key, ConsistentRead=True)


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is this problem, whole, and return it."""
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    body: dict[str, Any] = answer.json()
    assert body["code"] == code, body
    assert body["type"].endswith(f"/{code}")
    assert body["status"] == status
    assert {"title", "detail", "instance", "request_id"} <= body.keys()
    return body
