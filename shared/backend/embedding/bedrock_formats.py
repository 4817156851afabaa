"""What the embedding models on Amazon Bedrock are sent and answer, as JSON objects.

Sources: the Amazon Bedrock user guide, "Amazon Titan Embeddings Text" (V2), "Cohere Embed v3", "Cohere Embed v4".
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from backend.embedding.model import Purpose

INPUT_TYPE = {Purpose.DOCUMENT: "search_document", Purpose.QUERY: "search_query"}


class ModelFormat(ABC):
    """How one family of models is asked.

    `texts_per_call` and `characters_per_text` are what it takes at most; longer texts are cut before they are sent.
    """

    texts_per_call: ClassVar[int]
    characters_per_text: ClassVar[int]
    dimensions: ClassVar[frozenset[int]]

    @abstractmethod
    def request(self, texts: Sequence[str], purpose: Purpose, dimension: int) -> dict[str, Any]:
        """Return the body of one call."""

    @abstractmethod
    def vectors(self, answer: dict[str, Any]) -> list[list[float]]:
        """Return the vectors of one answer, in order. Raises `KeyError` or `TypeError` for an answer of another shape."""


class TitanV2(ModelFormat):
    """Amazon Titan Text Embeddings V2: one text a call.

    It takes 8,192 tokens and 50,000 characters, and refuses more; 8,192 characters stay under both in every script that
    its tokenizer knows by character.
    """

    texts_per_call = 1
    characters_per_text = 8_192
    dimensions = frozenset({256, 512, 1024})

    def request(self, texts: Sequence[str], purpose: Purpose, dimension: int) -> dict[str, Any]:
        """Return the body; Titan does not tell documents from queries."""
        del purpose
        (text,) = texts
        return {"inputText": text, "dimensions": dimension, "normalize": True, "embeddingTypes": ["float"]}

    def vectors(self, answer: dict[str, Any]) -> list[list[float]]:
        """Return those of `{"embedding": [...], "embeddingsByType": {"float": [...]}, "inputTextTokenCount": n}`."""
        return [answer["embeddingsByType"]["float"]]


class CohereV3(ModelFormat):
    """Cohere Embed v3, English or multilingual: 96 texts a call, of at most 2,048 characters; 512 tokens count."""

    texts_per_call = 96
    characters_per_text = 2_048
    dimensions = frozenset({1024})

    def request(self, texts: Sequence[str], purpose: Purpose, dimension: int) -> dict[str, Any]:
        """Return the body; the dimension is the model's own."""
        del dimension
        return {
            "texts": list(texts),
            "input_type": INPUT_TYPE[purpose],
            "truncate": "END",
            "embedding_types": ["float"],
        }

    def vectors(self, answer: dict[str, Any]) -> list[list[float]]:
        """Return those of `{"embeddings": {"float": [[...], ...]}, "response_type": "embeddings_by_type"}`."""
        return list(answer["embeddings"]["float"])


class CohereV4(CohereV3):
    """Cohere Embed v4: 96 texts a call, up to 128,000 tokens each, of which no text of ours has more."""

    characters_per_text = 100_000
    dimensions = frozenset({256, 512, 1024, 1536})

    def request(self, texts: Sequence[str], purpose: Purpose, dimension: int) -> dict[str, Any]:
        """Return the body: as v3, with a dimension, and with the end named RIGHT."""
        return {**super().request(texts, purpose, dimension), "truncate": "RIGHT", "output_dimension": dimension}


FORMATS: dict[str, ModelFormat] = {
    "amazon.titan-embed-text-v2": TitanV2(),
    "cohere.embed-english-v3": CohereV3(),
    "cohere.embed-multilingual-v3": CohereV3(),
    "cohere.embed-v4": CohereV4(),
}


def base_model(model_id: str) -> str:
    """Return the model's name without version suffix or the region prefix of an inference profile.

    `us.cohere.embed-v4:0` → `cohere.embed-v4`: the same model whoever serves it. Raises `ValueError` for one unknown.
    """
    family = ".".join(model_id.partition(":")[0].split(".")[-2:])
    if family not in FORMATS:
        message = f"{model_id!r} is not a model that can be asked. Known: {', '.join(FORMATS)}."
        raise ValueError(message)
    return family
