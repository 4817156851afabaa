"""Embedding what is to be stored, and trusting no answer that is not whole."""

from __future__ import annotations

from collections.abc import Sequence

from backend.embedding.model import Purpose, Vector, dimension
from backend.embedding.ports import Embedder
from backend.kit.errors import EmbeddingUnavailableError


def document_vectors(embedder: Embedder, texts: Sequence[str]) -> list[Vector]:
    """Return one vector for each text.

    Raises `EmbeddingUnavailableError` when the embedder does not answer, or answers with too few vectors or with vectors of
    another dimension: none of them can be trusted to belong to its text.
    """
    if not texts:
        return []
    vectors = list(embedder.embed(texts, Purpose.DOCUMENT))
    if len(vectors) != len(texts) or any(dimension(each) != embedder.model.dimension for each in vectors):
        msg = "The embedder's answer is not whole."
        raise EmbeddingUnavailableError(msg)
    return vectors
