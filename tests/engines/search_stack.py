"""The whole deployed local stack with a real OpenSearch as its index."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infrastructure.local.stack import Stack


@contextmanager
def stack_on(engine_url: str, state: Path) -> Iterator[Stack]:
    """Deploy the template with this engine as its index, on free ports, and stop it in the end."""
    stack = Stack(state=state, parameters={"SearchEndpoint": engine_url}).with_free_ports()
    stack.start()
    try:
        stack.deploy()
        yield stack
    finally:
        stack.stop()
