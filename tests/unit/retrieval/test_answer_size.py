"""However large what was stored is, an answer stays below what Lambda carries."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from backend.kit.clock import FakeClock
from backend.kit.ids import FakeIds
from backend.memories.listing import page_of
from backend.memories.model import Memory
from backend.memories.schemas import MemoryView
from backend.retrieval.http import RetrievalDoor
from backend.retrieval.model import LARGEST_K, Found
from backend.retrieval.schemas import MemoryQuery
from backend.tenancy.model import Caller, Permission, ScopeMode
from backend.tenancy.scope import Environment
from backend.usage.fake import FakeRecording
from tests.support.executors import AtOnce
from tests.unit.memories.samples import ACME, NOW, memory
from tests.unit.retrieval.answer_samples import answer

LAMBDA_BYTES = 6 * 1024 * 1024
QUOTES = '"\\\n' * 11_000
CONTROLS = "\x01" * 100_000
HAN = "\u4e00" * 34_000
TAGS = tuple(f"{number:03d}".ljust(128, "\U0001f34e") for number in range(64))
CALLER = Caller(
    tenant_id="acme",
    environment=Environment.LIVE,
    scopes=frozenset({Permission.MEMORY_READ}),
    scope_mode=ScopeMode.STRICT,
    actor="key:1",
    project_id="support",
    end_user_id="u1",
)


def carried(body: bytes) -> int:
    """Return the size of what Lambda hands to the gateway: the answer's JSON as a string in JSON."""
    return len(json.dumps({"statusCode": 200, "body": body.decode()}, ensure_ascii=False).encode())


def answer_to(memories: list[Memory], **body: Any) -> bytes:
    found = Found(tuple(answer(each) for each in memories), (), NOW)
    container: Any = SimpleNamespace(
        access=SimpleNamespace(scope_for=lambda _caller, _user: ACME),
        retrieval=SimpleNamespace(query=lambda _scope, _question: found),
        clock=FakeClock(),
        recording=FakeRecording(FakeIds()),
        executor=AtOnce(),
    )
    return bytes(RetrievalDoor(container).query(CALLER, MemoryQuery(query="lighthouse", k=LARGEST_K, **body)).body)


@pytest.mark.parametrize("full_text", [True, False])
@pytest.mark.parametrize("text", [QUOTES, CONTROLS, HAN], ids=["quotes", "controls", "han"])
def test_a_query_of_the_largest_memories_fits(text: str, full_text: bool) -> None:
    largest = [memory(number, text=text, metadata={"a": QUOTES[:10_000]}, tags=TAGS) for number in range(LARGEST_K)]

    body = answer_to(largest, full_text=full_text)

    assert carried(body) < LAMBDA_BYTES
    found = json.loads(body)
    assert 0 < len(found["memories"]) < LARGEST_K
    left_out = LARGEST_K - len(found["memories"])
    assert found["warnings"] == [f"{left_out} more were found than one answer can hold; ask for fewer with 'k'."]


def test_the_context_is_there_when_whole_texts_are_asked_for() -> None:
    long = [memory(1, text="The lighthouse. " + "Nothing. " * 5_000), memory(2, text="No sugar")]

    context = json.loads(answer_to(long, full_text=True))["context"]

    assert "The lighthouse." in context
    assert "No sugar" in context


@pytest.mark.parametrize("text", [QUOTES, CONTROLS, HAN, "short"], ids=["quotes", "controls", "han", "short"])
def test_a_page_of_the_largest_memories_fits(text: str) -> None:
    largest = [memory(number, text=text, tags=TAGS) for number in range(200)]
    places = [(f"{each.memory_id}", each.memory_id) for each in largest]

    page = page_of(places, {each.memory_id: each for each in largest}, ACME, limit=200, now=NOW)

    body = json.dumps({"items": [MemoryView.fields_of(each) for each in page.memories]}, ensure_ascii=False)
    assert 0 < len(page.memories) < 200
    assert page.next_position == page.memories[-1].memory_id
    assert carried(body.encode()) < LAMBDA_BYTES
