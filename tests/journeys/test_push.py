"""`make push`: changed code answers over HTTP without a deploy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from backend.status import http as module
from infrastructure.local.stack import Stack

WAS, IS = '{"status": "ok"}', '{"status": "changed"}'


@pytest.fixture
def source() -> Iterator[Path]:
    """The source file that makes the answer of GET /health; put back afterwards, whatever happens."""
    path = Path(module.__file__)
    before = path.read_text()
    yield path
    path.write_text(before)


def test_a_changed_line_in_shared_is_answered_after_a_push(stack: Stack, source: Path) -> None:
    assert httpx.get(f"{stack.url}/health", timeout=40).json() == {"status": "ok"}
    text = source.read_text()
    assert text.count(WAS) == 1

    source.write_text(text.replace(WAS, IS))
    stack.push()
    changed = httpx.get(f"{stack.url}/health", timeout=40).json()
    source.write_text(text)
    stack.push()

    assert changed == {"status": "changed"}
    assert httpx.get(f"{stack.url}/health", timeout=40).json() == {"status": "ok"}
