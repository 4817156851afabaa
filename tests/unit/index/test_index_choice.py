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


def container(endpoint: str, stage: str = "prod") -> Container:
    """Return a container whose settings say nothing else."""
    given = {"search_endpoint": endpoint, "stage": stage}
    return Container(Settings(**{each.name: "" for each in fields(Settings)} | given))


def test_a_file_is_the_embedded_index(tmp_path: Path) -> None:
    index = container((tmp_path / "with a blank.db").as_uri()).index

    assert isinstance(index, EmbeddedIndex)
    index.check()
    assert (tmp_path / "with a blank.db").exists()
    index.close()


def test_an_address_is_opensearch() -> None:
    assert isinstance(container("https://search.example.com").index, OpenSearchIndex)


def test_plain_http_is_for_an_engine_on_this_very_machine() -> None:
    assert isinstance(container("http://127.0.0.1:9", "local").index, OpenSearchIndex)
    with pytest.raises(InternalError, match="'http' in the stage 'prod'"):
        _ = container("http://127.0.0.1:9").index
    for elsewhere in ("http://search.example.com", "http://10.0.0.7:9200", "http://localhost:9200"):
        with pytest.raises(InternalError, match="another machine"):
            container(elsewhere, "local")


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("https://x.us-east-1.aoss.amazonaws.com", "Serverless"),
        ("http://search.example.com", "another machine"),
        ("ftp://search.example.com", "'ftp'"),
        ("", "no adapter"),
    ],
)
def test_what_cannot_be_an_index_is_refused_with_the_reason(endpoint: str, reason: str) -> None:
    with pytest.raises(InternalError, match=reason):
        _ = container(endpoint).index


@pytest.mark.parametrize("endpoint", ["https://x.us-east-1.aoss.amazonaws.com", "https://X.AOSS.us-east-1.on.aws/"])
def test_serverless_is_refused_when_the_container_is_made_so_that_no_function_accepts_what_no_index_will_hold(
    endpoint: str,
) -> None:
    with pytest.raises(InternalError, match="is OpenSearch Serverless: its vector collections take no document ids"):
        container(endpoint)
