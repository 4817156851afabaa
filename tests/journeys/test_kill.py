"""Kill -9 of every process of the stack in the middle of adds: no acknowledged memory is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from infrastructure.local.stack import Stack

WRITERS = 4
ENOUGH = 120


@pytest.fixture
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that may be killed."""
    stack = Stack(state=tmp_path_factory.mktemp("killed") / "state").with_free_ports()
    stack.start()
    stack.deploy()
    yield stack
    stack.stop()


def client(stack: Stack, api_key: str) -> httpx.Client:
    """Return a client for one end user."""
    headers = {"X-API-Key": api_key, "X-Project-ID": "main", "X-End-User-ID": "u1"}
    return httpx.Client(base_url=stack.url, headers=headers, timeout=40)


def test_every_acknowledged_memory_is_got_and_found_after_kill_9(own_stack: Stack) -> None:
    own_stack.invoke("Administer", {"action": "create_tenant", "name": "Acme", "tenant_id": "acme"})
    own_stack.invoke("Administer", {"action": "create_project", "tenant_id": "acme", "name": "Main", "project_id": "main"})
    api_key = own_stack.invoke("Administer", {"action": "create_key", "tenant_id": "acme", "name": "k"})["api_key"]
    acknowledged: dict[str, str] = {}
    killed = threading.Event()

    def write(writer: int) -> None:
        with client(own_stack, api_key) as http:
            for number in range(10_000):
                text = f"Parcel {writer}-{number} lies on shelf {(writer * 7919 + number * 104729) % 99991}."
                try:
                    answer = http.post("/memory/add", json={"text": text}, headers={"Idempotency-Key": text})
                except httpx.HTTPError:
                    return
                if answer.status_code == 201:
                    acknowledged[answer.json()["id"]] = text
                if len(acknowledged) >= ENOUGH and not killed.is_set():
                    killed.set()
                    own_stack.kill()

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(write, range(WRITERS)))
    own_stack.start()
    assert own_stack.deploy() is False, "what was deployed is still there"

    assert len(acknowledged) >= ENOUGH
    with client(own_stack, api_key) as http:
        for memory_id, text in acknowledged.items():
            assert http.get(f"/memory/{memory_id}").json()["text"] == text
            found = http.post("/memory/query", json={"query": text, "k": 3}).json()
            assert memory_id in [memory["id"] for memory in found["memories"]], found["degraded"]
        # Asked again under its key, an acknowledged add is answered as the first time; one that died half way is done once.
        memory_id, text = next(iter(acknowledged.items()))
        again = http.post("/memory/add", json={"text": text}, headers={"Idempotency-Key": text})
        assert (again.json()["id"], again.headers["idempotent-replay"]) == (memory_id, "true")
