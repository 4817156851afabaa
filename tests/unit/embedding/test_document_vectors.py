"""No vector of an answer that is not whole is ever kept."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backend.embedding.documents import document_vectors
from backend.embedding.fake import FakeEmbedder
from backend.embedding.model import Purpose, Vector, pack
from backend.kit.errors import EmbeddingUnavailableError


class TooFew(FakeEmbedder):
    """Loses the last one."""

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        return list(super().embed(texts, purpose))[:-1]


class OtherDimension(FakeEmbedder):
    """Gives what another model would."""

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        return [pack([1.0, 0.0, 0.0]) for _ in super().embed(texts, purpose)]


def test_each_text_has_its_vector_in_order() -> None:
    embedder = FakeEmbedder()

    assert document_vectors(embedder, ["a", "b"]) == list(embedder.embed(["a", "b"], Purpose.DOCUMENT))


def test_a_text_that_stands_there_twice_is_asked_for_once() -> None:
    embedder = FakeEmbedder()

    first, other, again = document_vectors(embedder, ["a", "b", "a"])

    assert embedder.calls == [("a", "b")]
    assert first == again != other


@pytest.mark.parametrize("embedder", [TooFew(), OtherDimension()])
def test_an_answer_that_is_not_whole_counts_as_none(embedder: FakeEmbedder) -> None:
    with pytest.raises(EmbeddingUnavailableError):
        document_vectors(embedder, ["a", "b"])


def test_nothing_is_asked_for_nothing() -> None:
    embedder = FakeEmbedder()
    embedder.down = True

    assert document_vectors(embedder, []) == []
