"""Which memories only repeat another: said in the same words, by the same one, of the same time.

Likeness of meaning alone cannot tell: "I moved from Rome to Oslo" and "I moved to Rome from Oslo" have a cosine of .99, one
sentence with and without its article one of .94. So the words must be the same, in their order, and every sign that may change a
fact: numbers as they are written, currencies, question marks. What is told apart needlessly costs a place in an answer; what is
taken for the same wrongly would hide a fact.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from backend.embedding.model import Vector
from backend.index.traits import Trait, traits_of
from backend.kit.clock import as_utc
from backend.memories.model import Memory
from backend.retrieval.features import Matrix

LIKENESS = 0.9
"""The least cosine of two that say the same. Sentences that differ by article, copula or punctuation have .94 and more."""

_SILENT = frozenset({"a", "an", "the", "is", "are", "and"})
"""Words whose absence changes no fact. Written large inside a sentence they may be others: plan A, IS, AND."""

# Every character but spaces and the punctuation that sets sentences apart is part of a token, of whatever script.
_TOKEN = re.compile(r"""\d+(?:[.,:/-]\d+)*|[^\W\d_]+|[^\s\w.,;:!'"()\u2018\u2019\u201c\u201d\u2026]|_""")


def said_words(text: str) -> tuple[str, ...]:
    """Return what a text says, word by word and sign by sign, without what changes nothing: case, articles, stops, quotes."""
    tokens = _TOKEN.findall(unicodedata.normalize("NFKC", text))
    return tuple(
        token.casefold() for number, token in enumerate(tokens) if (token if number else token.casefold()) not in _SILENT
    )


def matrix_of(vectors: Sequence[Vector]) -> Matrix:
    """Return vectors of one model as rows."""
    return np.stack([np.frombuffer(vector, dtype="<f4") for vector in vectors]).astype(np.float64)


def duplicates(memories: Sequence[Memory], vectors: Sequence[Vector | None]) -> dict[str, str]:
    """Return those of the memories that repeat one before them, by id, with the id of the first that says it.

    `vectors` are theirs, of one model; what has none repeats nothing.
    """
    at = [number for number, vector in enumerate(vectors) if vector is not None]
    if not at:
        return {}
    matrix = matrix_of([vector for vector in vectors if vector is not None])
    alike = np.argwhere(np.tril(matrix @ matrix.T >= LIKENESS, k=-1)).tolist()
    found: dict[str, str] = {}
    for later, earlier in alike:
        one, other = memories[at[later]], memories[at[earlier]]
        if one.memory_id not in found and one.memory_id != other.memory_id and _says_the_same(one, other):
            found[one.memory_id] = found.get(other.memory_id, other.memory_id)
    return found


def _says_the_same(one: Memory, other: Memory) -> bool:
    facts = [(each.speaker, each.role, each.event, each.valid_until, each.metadata, each.is_summary) for each in (one, other)]
    return (
        one.unreadable is None
        and other.unreadable is None
        and facts[0] == facts[1]
        and said_words(one.text) == said_words(other.text)
        and (not traits_of(one.text, one.speaker) & Trait.TIME or _day(one) == _day(other))
    )


def _day(memory: Memory) -> str:
    """Return the day on which it was said: "yesterday" of another day is another day."""
    return as_utc(memory.occurred_at or memory.created_at).date().isoformat()
