"""Embedding what is to be stored, and trusting no answer that is not whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from backend.embedding.model import Purpose, Vector, dimension
from backend.embedding.ports import Embedder
from backend.kit import observability
from backend.kit.errors import EmbeddingUnavailableError

PROBE = "The weather is fine today."
"""A text that every embedder can do: one that fails on it is down."""


@dataclass(frozen=True, slots=True)
class Unembeddable:
    """Texts that the embedder fails on while it answers for others. `reason` holds no user's text."""

    reason: str


def document_vectors(embedder: Embedder, texts: Sequence[str]) -> list[Vector]:
    """Return one vector for each text; the embedder is asked for each once, however often it stands there.

    Raises `EmbeddingUnavailableError` when the embedder does not answer, or answers with too few vectors or with vectors of
    another dimension: none of them can be trusted to belong to its text.
    """
    if not texts:
        return []
    distinct = list(dict.fromkeys(texts))
    vectors = list(embedder.embed(distinct, Purpose.DOCUMENT))
    if len(vectors) != len(distinct) or any(dimension(each) != embedder.model.dimension for each in vectors):
        msg = "The embedder's answer is not whole."
        raise EmbeddingUnavailableError(msg)
    found = dict(zip(distinct, vectors, strict=True))
    return [found[text] for text in texts]


def vectors_of_each(embedder: Embedder, groups: Sequence[Sequence[str]]) -> Iterator[tuple[Vector, ...] | Unembeddable]:
    """Yield for each group of texts their vectors, in its order: asked for together, and group by group when that fails.

    An embedder says of a text that it cannot do what it says when it is down. A group is to blame only while the embedder
    still gives a vector to a text that is known to be good.
    Raises `EmbeddingUnavailableError` when it does not; what was yielded before is good.
    """
    try:
        made = iter(document_vectors(embedder, [text for texts in groups for text in texts]))
    except Exception as error:  # noqa: BLE001 - whatever it is, one text must not hold up the others
        _check(embedder)
        observability.log_failure("texts could not be embedded together", error)
        if len(groups) == 1:
            yield Unembeddable(_reason(error))
            return
    else:
        yield from [tuple(next(made) for _ in texts) for texts in groups]
        return
    for texts in groups:
        yield from vectors_of_each(embedder, [texts])


def _check(embedder: Embedder) -> None:
    """Raise `EmbeddingUnavailableError` when the embedder gives no vector to anything."""
    try:
        document_vectors(embedder, [PROBE])
    except EmbeddingUnavailableError:
        raise
    except Exception as error:
        msg = f"The embedder fails on every text: {type(error).__name__}."
        raise EmbeddingUnavailableError(msg) from error


def _reason(error: Exception) -> str:
    # Our own errors' words hold no user's text; anybody else's may quote it.
    kind = type(error).__name__
    return f"{kind}: {error.detail}" if isinstance(error, EmbeddingUnavailableError) else kind
