"""What the tests of composing start from."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from backend.composing.tiktoken_tokenizer import NAME, TiktokenTokenizer

EMBEDDER = Path(os.environ.get("EMBEDDER_DIR") or Path(__file__).parents[3] / ".local" / "embedder")


@pytest.fixture(scope="session")
def tokenizer() -> TiktokenTokenizer:
    """The real one: budgets are held by its tokens or by none."""
    if not (EMBEDDER / f"{NAME}.tiktoken").is_file():
        pytest.fail("The vocabulary is missing. Run: python layers/embedder/build_model.py --fetch", pytrace=False)
    return TiktokenTokenizer(EMBEDDER)
