"""The setting SEARCH_ENDPOINT chooses the index; what cannot be one is refused with the reason."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from backend.bootstrap import Container
from backend.index.embedded import EmbeddedIndex
from backend.index.opensearch import OpenSearchIndex
from backend.kit.config import Settings
from backend.kit.errors import InternalError


def container(endpoint: str) -> Container:
    """Return a container whose settings say nothing else."""
    return Container(Settings(**{each.name: "" for each in fields(Settings)} | {"search_endpoint": endpoint}))


def test_a_file_is_the_embedded_index(tmp_path: Path) -> None:
    index = container((tmp_path / "with a blank.db").as_uri()).index

    assert isinstance(index, EmbeddedIndex)
    index.check()
    assert (tmp_path / "with a blank.db").exists()
    index.close()


def test_an_address_is_opensearch() -> None:
    assert isinstance(container("http://127.0.0.1:9").index, OpenSearchIndex)


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("https://x.us-east-1.aoss.amazonaws.com", "Serverless"),
        ("http://search.example.com", "https"),
        ("ftp://search.example.com", "'ftp'"),
        ("", "no adapter"),
    ],
)
def test_what_cannot_be_an_index_is_refused_with_the_reason(endpoint: str, reason: str) -> None:
    with pytest.raises(InternalError, match=reason):
        _ = container(endpoint).index
