from pathlib import Path

import pytest

from backend.index.ports import MemoryIndex
from tests.contract.index.index_cases import MAKERS


@pytest.fixture(params=sorted(MAKERS))
def index(request: pytest.FixtureRequest, tmp_path: Path) -> MemoryIndex:
    """An empty index, of each implementation in turn."""
    return MAKERS[request.param](tmp_path)
