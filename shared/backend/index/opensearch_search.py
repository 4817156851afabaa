"""One search of OpenSearch: two questions to the engine, then the exact scores of what came back.

The first asks for statistics and for what is held under the pending changes; the second, which needs both, for four lists: the
nearest and the farthest by vector, those that say most and least of the words. The lists choose, generously. Scores, order and
ranges are worked out here to float64 from what the documents hold, so that they are those of every other index.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backend.embedding.model import dot
from backend.index.model import Hit, IndexDocument, Range, SearchResult, Tombstone
from backend.index.opensearch_engine import Engine
from backend.index.opensearch_overlay import Overlay, counts_in
from backend.index.opensearch_questions import Query, Question
from backend.index.scoring import Statistics

DENSE_DIGITS = 9
"""Cosines are compared to this many decimals, so that equal vectors are equal whatever order their parts are added in."""

PAGE = 1000
_Known = Mapping[str, tuple[Statistics, list[int]]]


def search(engine: Engine, index: str, question: Question, pending: Sequence[IndexDocument | Tombstone]) -> SearchResult:
    """Return what the port promises. Raises `IndexUnavailableError`."""
    pending = [change for change in pending if change.scope_key in question.keys]
    said, entries = _first_answers(engine, index, question, list(dict.fromkeys(each.memory_id for each in pending)))
    overlay = Overlay(question, pending, entries)
    statistics = overlay.corrected(question.statistics_of(said))
    hidden, hidden_sharing = overlay.hidden_passing()
    passing = said["aggregations"]["passing"]["doc_count"] - hidden
    sharing = said["aggregations"]["passing"]["sharing"]["doc_count"] - hidden_sharing
    scored = _Scores(question, statistics)
    own = [scored.pending(document) for document in overlay.found()]
    found, lowest_dense, lowest_words = _second_answers(engine, index, scored, overlay.hidden, (passing, sharing))
    hits = [*found, *own]
    dense = [hit.dense for hit in (*hits, *lowest_dense) if hit.dense is not None]
    # One document without a shared word is enough for the lowest score to be 0.
    words = [hit.lexical for hit in (*hits, *lowest_words)] + [0.0] * (passing > sharing)
    return SearchResult(
        hits=_best(hits, max(question.query.limit, 0)),
        dense=_range(dense),
        lexical=_range(words) if passing + len(own) else Range(0.0, 0.0),
        considered=passing + len(own),
    )


class _Scores:
    """Works out the scores of documents that came back, and of pending ones."""

    def __init__(self, question: Question, statistics: _Known) -> None:
        self.question = question
        self.statistics = statistics
        self._asked = {
            key: [(place, repeats, of.idf(frequencies[place])) for place, repeats in enumerate(question.stems.values())]
            for key, (of, frequencies) in statistics.items()
        }

    def held(self, entry: Mapping[str, Any]) -> Hit:
        """Return the hit of an entry that came back."""
        facts = {name: values[0] for name, values in entry["fields"].items()}
        key = self.question.scopes[facts["scope"]]
        cosine = facts.get("cosine")
        return Hit(
            scope_key=key,
            memory_id=facts["memory_id"],
            revision=facts["revision"],
            chunk=facts["chunk"],
            row_version=facts["row_version"],
            dense=None if cosine is None else _cosine(cosine),
            lexical=self._lexical(key, self.question.counts_of(entry), facts["length"]),
            tier=facts["tier"],
            created_at=facts["created_at"],
        )

    def pending(self, document: IndexDocument) -> Hit:
        """Return the hit of a pending document."""
        query = self.question.query
        comparable = self.question.is_dense and self.question.space.holds(document.vector, document.model)
        return Hit(
            scope_key=document.scope_key,
            memory_id=document.memory_id,
            revision=document.revision,
            chunk=document.chunk,
            row_version=document.row_version,
            dense=_cosine(dot(document.vector, query.vector)) if comparable and document.vector and query.vector else None,
            lexical=self._lexical(document.scope_key, counts_in(document, self.question), document.length),
            tier=document.tier,
            created_at=document.created_at,
            from_overlay=True,
        )

    def _lexical(self, key: str, counts: Sequence[int], length: int) -> float:
        statistics = self.statistics[key][0]
        return sum(
            (
                idf * repeats * statistics.saturation(float(counts[place]), float(length))
                for place, repeats, idf in self._asked[key]
                if counts[place]
            ),
            start=0.0,
        )


def _first_answers(
    engine: Engine, index: str, question: Question, memory_ids: Sequence[str]
) -> tuple[Mapping[str, Any], list[Mapping[str, Any]]]:
    """Return the statistics, and all entries of these memories."""
    routing = question.coder.routing
    bodies: list[Query] = [question.statistics()]
    if memory_ids:
        bodies.append(question.held(memory_ids, None, PAGE))
    said, *pages = engine.search(index, bodies, routing)
    entries: list[Mapping[str, Any]] = []
    while pages:
        page = pages.pop()["hits"]["hits"]
        entries.extend(page)
        if len(page) == PAGE:
            pages = engine.search(index, [question.held(memory_ids, page[-1]["sort"], PAGE)], routing)
    return said, entries


def _second_answers(
    engine: Engine, index: str, scored: _Scores, hidden: Sequence[str], counted: tuple[int, int]
) -> tuple[list[Hit], list[Hit], list[Hit]]:
    """Return the candidates, and what stands at the lower end of both fields. Asks only for lists that can hold something."""
    question = scored.question
    passing, sharing = counted
    asked: dict[str, Query] = {}
    if passing and question.is_dense:
        asked["near"] = question.nearest(hidden)
        asked["far"] = question.nearest(hidden, opposite=True)
    if sharing:
        asked["words"] = question.sharing(hidden, scored.statistics)
        if sharing == passing:
            asked["few"] = question.sharing(hidden, scored.statistics, worst=True)
    answers = engine.search(index, list(asked.values()), question.coder.routing) if asked else []
    hits = {name: [scored.held(entry) for entry in answer["hits"]["hits"]] for name, answer in zip(asked, answers, strict=True)}
    candidates = {_identity(hit): hit for name in ("near", "words") for hit in hits.get(name, ())}
    return list(candidates.values()), hits.get("far", []), hits.get("few", [])


def _best(hits: Sequence[Hit], limit: int) -> tuple[Hit, ...]:
    """Return the best by each field together, in the order that the port promises."""
    by_dense = sorted((hit for hit in hits if hit.dense is not None), key=lambda hit: (-(hit.dense or 0.0), _identity(hit)))
    by_words = sorted((hit for hit in hits if hit.lexical > 0), key=lambda hit: (-hit.lexical, _identity(hit)))
    found = dict.fromkeys([*by_dense[:limit], *by_words[:limit]])
    return tuple(sorted(found, key=_order))


def _cosine(product: float) -> float:
    return round(min(1.0, max(-1.0, product)), DENSE_DIGITS)


def _range(scores: Iterable[float]) -> Range:
    every = list(scores)
    return Range(min(every), max(every)) if every else Range(0.0, 0.0)


def _identity(hit: Hit) -> tuple[str, int, int, str]:
    return hit.memory_id, hit.revision, hit.chunk, hit.scope_key


def _order(hit: Hit) -> tuple[bool, float, float, tuple[str, int, int, str]]:
    return hit.dense is None, -(hit.dense or 0.0), -hit.lexical, _identity(hit)
