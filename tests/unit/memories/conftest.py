"""A world of fakes for each test."""

from __future__ import annotations

import pytest

from tests.unit.memories.fake_world import FakeWorld


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()
