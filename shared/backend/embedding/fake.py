"""An embedder for tests: fast, deterministic, and near for texts that share words."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from threading import Lock

from backend.embedding.model import EmbeddingModel, Purpose, Vector, to_unit
from backend.kit.errors import EmbeddingUnavailableError

LARGEST_WORDS = 256
PLACES_PER_WORD = 8


class FakeEmbedder:
    """A bag of hashed words, of which the first 256 count. It can be told to fail.

    `down` fails every call until it is set back; `fail_next(n)` fails the next n. `calls` are the texts of each call that
    was answered.
    """

    def __init__(self, dimension: int = 64) -> None:
        self._model = EmbeddingModel("fake-bag-of-words", dimension)
        self._lock = Lock()
        self._failures = 0
        self.down = False
        self.calls: list[tuple[str, ...]] = []

    @property
    def model(self) -> EmbeddingModel:
        """The fake's own name, so that its vectors are never taken for real ones."""
        return self._model

    def fail_next(self, times: int = 1) -> None:
        """Fail the next calls, as a real embedder would."""
        with self._lock:
            self._failures = times

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        """Return the unit vectors of the texts. Raises `EmbeddingUnavailableError` when told to."""
        del purpose
        if not texts:
            return []
        with self._lock:
            failing = self.down or self._failures > 0
            self._failures = max(0, self._failures - 1)
            if failing:
                message = "The fake embedder was told to fail."
                raise EmbeddingUnavailableError(message)
            self.calls.append(tuple(texts))
        return [self._vector(text) for text in texts]

    def _vector(self, text: str) -> Vector:
        components = [0.0] * self._model.dimension
        # Every text has a faint word of its own kind, so that one without words has a direction too.
        _add(components, "", 0.01)
        for word in re.findall(r"\w+", text.lower())[:LARGEST_WORDS]:
            _add(components, word, 1.0)
        return to_unit(components)


def _add(components: list[float], word: str, weight: float) -> None:
    """Add the word's own direction: ±weight in eight places that its hash chooses."""
    digest = hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=4 * PLACES_PER_WORD).digest()
    for start in range(0, len(digest), 4):
        number = int.from_bytes(digest[start : start + 4], "little")
        components[(number >> 1) % len(components)] += weight if number & 1 else -weight
