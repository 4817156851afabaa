"""What the tests of asking start from."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.unit.retrieval.retrieval_world import MAKERS, World


@pytest.fixture(scope="module")
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


@pytest.fixture(params=sorted(MAKERS))
def world(request: pytest.FixtureRequest, tmp_path: Path, executor: ThreadPoolExecutor) -> World:
    return World(MAKERS[request.param](tmp_path), executor)
