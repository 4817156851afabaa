"""The built model, which these tests need and never skip without."""

import os
from pathlib import Path

import pytest

from layers.embedder.build_model import DEFAULT_CACHE, DEFAULT_OUT, is_current
from layers.embedder.source import is_cached

CURE = "Run: python layers/embedder/build_model.py --fetch"


@pytest.fixture(scope="session")
def model_directory() -> Path:
    """Where the int8 model was built, by what is in the tree now."""
    directory = Path(os.environ.get("EMBEDDER_DIR") or DEFAULT_OUT)
    if not is_current(directory, "int8"):
        pytest.fail(f"The embedding model is not built, or not by this tree's recipe. {CURE}", pytrace=False)
    return directory


@pytest.fixture(scope="session")
def model_source() -> Path:
    """Where the publisher's files are, as the build left them."""
    if not is_cached(DEFAULT_CACHE):
        pytest.fail(f"The publisher's files are not in the cache. {CURE}", pytrace=False)
    return DEFAULT_CACHE
