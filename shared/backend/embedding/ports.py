"""What the product needs of an embedder, in its own words. Every adapter passes tests/contract/embedding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from backend.embedding.model import EmbeddingModel, Purpose, Vector


class Embedder(Protocol):
    """Text to vector."""

    @property
    def model(self) -> EmbeddingModel:
        """Which model makes the vectors. Known without loading or calling it, so also while it is down."""

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        """Return one vector of length 1 for each text, in their order; nothing for no texts.

        The same text gives the same vector, whatever stands beside it (cosine ≥ .999). Every text has one, an empty or
        blank one too; of a long text only the beginning counts (how much is the model's: MiniLM 256 tokens).
        All or nothing. Doing it twice is harmless. Safe to call from several threads.
        Raises `EmbeddingUnavailableError`, when it does not answer in time or not with what was asked.
        """
