"""The exact scores of what came back from OpenSearch and of what is pending, to float64, as in every other index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from backend.embedding.model import dot
from backend.index.model import Hit, IndexDocument, WordStatistics
from backend.index.opensearch_overlay import counts_in
from backend.index.opensearch_questions import NAMED, Question
from backend.index.scoring import Statistics
from backend.index.speakers import names_of

DENSE_DIGITS = 9
"""Cosines are compared to this many decimals, so that equal vectors are equal whatever order their parts are added in."""

Known = Mapping[str, tuple[Statistics, list[int]]]
"""Of each scope key its statistics, and in how many of its documents each stem of the question stands."""


class Seen(NamedTuple):
    """A hit, and what stands for its session in the index; None outside of sessions."""

    hit: Hit
    session: str | None


class Scores:
    """Works out the scores of documents that came back, and of pending ones."""

    def __init__(self, question: Question, statistics: Known) -> None:
        self.question = question
        self.statistics = statistics
        self.words = {
            key: WordStatistics(tuple(of.idf(frequency) for frequency in frequencies), of.average_length)
            for key, (of, frequencies) in statistics.items()
        }

    def held(self, entry: Mapping[str, Any]) -> Seen:
        """Return the hit of an entry that came back."""
        facts = {name: values[0] for name, values in entry["fields"].items()}
        key = self.question.scopes[facts["scope"]]
        cosine = facts.get("cosine")
        counts = self.question.counts_of(entry)
        hit = Hit(
            scope_key=key,
            memory_id=facts["memory_id"],
            revision=facts["revision"],
            chunk=facts["chunk"],
            row_version=facts["row_version"],
            dense=None if cosine is None else _cosine(cosine),
            lexical=self._lexical(key, counts, facts["length"]),
            tier=facts["tier"],
            created_at=facts["created_at"],
            said_at=facts.get("said_at", facts["created_at"]),
            length=facts["length"],
            traits=facts.get("traits", 0),
            named=NAMED in entry.get("matched_queries", ()),
            counts=tuple(counts),
        )
        return Seen(hit, facts.get("session"))

    def pending(self, document: IndexDocument) -> Seen:
        """Return the hit of a pending document."""
        query = self.question.query
        comparable = self.question.is_dense and self.question.space.holds(document.vector, document.model)
        counts = counts_in(document, self.question)
        hit = Hit(
            scope_key=document.scope_key,
            memory_id=document.memory_id,
            revision=document.revision,
            chunk=document.chunk,
            row_version=document.row_version,
            dense=_cosine(dot(document.vector, query.vector)) if comparable and document.vector and query.vector else None,
            lexical=self._lexical(document.scope_key, counts, document.length),
            tier=document.tier,
            created_at=document.created_at,
            from_overlay=True,
            said_at=document.said_at,
            length=document.length,
            traits=document.traits,
            named=query.speaker is not None and query.speaker in names_of(document.speaker),
            counts=tuple(counts),
        )
        session = document.session_id
        return Seen(hit, None if session is None else self.question.coder.session(document.scope_key, session))

    def _lexical(self, key: str, counts: Sequence[int], length: int) -> float:
        statistics = self.statistics[key][0]
        asked = zip(self.words[key].idf, self.question.stems.values(), counts, strict=True)
        return sum(
            (idf * repeats * statistics.saturation(float(count), float(length)) for idf, repeats, count in asked if count),
            start=0.0,
        )


def _cosine(product: float) -> float:
    return round(min(1.0, max(-1.0, product)), DENSE_DIGITS)
