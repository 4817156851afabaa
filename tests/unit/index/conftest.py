"""An OpenSearch that answers what a test wants, and the adapter in front of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.index.loopback_opensearch import LoopbackOpenSearch, World, serving


@pytest.fixture
def server() -> Iterator[LoopbackOpenSearch]:
    """An engine on the loopback."""
    with serving() as engine:
        yield engine


@pytest.fixture
def world(server: LoopbackOpenSearch) -> Iterator[World]:
    """What asks it."""
    world = World(server)
    yield world
    world.client.close()
