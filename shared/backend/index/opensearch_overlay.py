"""Changes that OpenSearch may not hold yet, laid over what it holds of the same memories."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.index.model import ACTIVE, IndexDocument, Tombstone
from backend.index.opensearch_documents import Kind, document_id
from backend.index.opensearch_engine import Engine
from backend.index.opensearch_questions import PASSES, Query, Question
from backend.index.scoring import Statistics

PAGE = 1000
"""Entries of pending memories that come back at a time."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is held of one document: as much as statistics need to do without it. `facets` are those that were asked for."""

    entry_id: str
    row_version: int
    is_current: bool
    passes: bool
    length: int
    counts: tuple[int, ...]
    facets: frozenset[str]


@dataclass(slots=True)
class _Shelf:
    """What is held or pending of one scope key: documents by document id, versions of tombstones by memory."""

    documents: dict[tuple[str, int, int], Held | IndexDocument] = field(default_factory=dict)
    tombstones: dict[str, int] = field(default_factory=dict)

    def apply(self, change: IndexDocument | Tombstone) -> None:
        """Take a change in unless something newer is there."""
        grave = self.tombstones.get(change.memory_id)
        if grave is not None and grave >= change.row_version:
            return
        if isinstance(change, Tombstone):
            self.tombstones[change.memory_id] = change.row_version
            for key, held in list(self.documents.items()):
                if key[0] == change.memory_id and held.row_version <= change.row_version:
                    del self.documents[key]
            return
        key = (change.memory_id, change.revision, change.chunk)
        there = self.documents.get(key)
        if there is None or there.row_version < change.row_version:
            self.documents[key] = change


class Overlay:
    """Pending changes over what is held of the same memories: which entries they hide, and what they add."""

    def __init__(
        self, question: Question, pending: Iterable[IndexDocument | Tombstone], entries: Iterable[Mapping[str, Any]]
    ) -> None:
        self._question = question
        self._shelves = {key: _Shelf() for key in question.keys}
        self._held: list[tuple[str, Held]] = []
        for entry in entries:
            self._hold(entry)
        for change in pending:
            self._shelves[change.scope_key].apply(change)
        kept = {each.entry_id for shelf in self._shelves.values() for each in shelf.documents.values() if isinstance(each, Held)}
        self._hidden = [(key, held) for key, held in self._held if held.entry_id not in kept]
        self.documents = [
            each for shelf in self._shelves.values() for each in shelf.documents.values() if isinstance(each, IndexDocument)
        ]

    @property
    def hidden(self) -> list[str]:
        """The ids of the entries that pending changes replace or bury."""
        return [held.entry_id for _, held in self._hidden]

    def hidden_passing(self) -> int:
        """Return how many of the hidden ones pass the filters."""
        return sum(held.passes for _, held in self._hidden)

    def found(self) -> list[IndexDocument]:
        """Return the pending documents that the question's filters let through."""
        return [each for each in self.documents if self._question.query.filter.admits(each)]

    def corrected(self, statistics: Mapping[str, tuple[Statistics, list[int]]]) -> dict[str, tuple[Statistics, list[int]]]:
        """Return the statistics of each scope key as they will be once the pending changes are written."""
        corrected = {}
        for key, (before, frequencies) in statistics.items():
            parted = [(-1, held.length, held.counts) for of, held in self._hidden if of == key and held.is_current]
            added = [(1, each.length, counts_in(each, self._question)) for each in self._added() if each.scope_key == key]
            moved = [*parted, *added]
            corrected[key] = (
                Statistics(
                    before.documents + sum(sign for sign, _, _ in moved),
                    before.total_length + sum(sign * length for sign, length, _ in moved),
                ),
                [
                    frequency + sum(sign for sign, _, counts in moved if counts[place])
                    for place, frequency in enumerate(frequencies)
                ],
            )
        return corrected

    def corrected_facets(self, counted: Mapping[str, int]) -> dict[str, int]:
        """Return how many documents have each of these facets, once the pending changes are written."""
        parted = [(-1, held.facets) for _, held in self._hidden if held.is_current]
        added = [(1, frozenset(self._question.coder.facets(each))) for each in self._added()]
        moved = [*parted, *added]
        return {facet: count + sum(sign for sign, facets in moved if facet in facets) for facet, count in counted.items()}

    def _added(self) -> list[IndexDocument]:
        """Return the pending documents that default searches see."""
        return [each for each in self.documents if each.state == ACTIVE and each.known_until is None]

    def _hold(self, entry: Mapping[str, Any]) -> None:
        facts = {name: values[0] for name, values in entry["fields"].items()}
        key = self._question.scopes[facts["scope"]]
        if facts["kind"] == Kind.TOMBSTONE:
            self._shelves[key].tombstones[facts["memory_id"]] = facts["row_version"]
            return
        identity = facts["memory_id"], facts["revision"], facts["chunk"]
        matched = frozenset(entry.get("matched_queries", ()))
        held = Held(
            entry_id=document_id(facts["scope"], *identity),
            row_version=facts["row_version"],
            is_current=facts["current"],
            passes=PASSES in matched,
            length=facts["length"],
            counts=tuple(self._question.counts_of(entry)),
            facets=matched,
        )
        self._shelves[key].documents[identity] = held
        self._held.append((key, held))


def counted_and_laid_over(
    engine: Engine,
    question: Question,
    counted: Query,
    pending: Iterable[IndexDocument | Tombstone],
    facets: Sequence[str] = (),
) -> tuple[Mapping[str, Any], Overlay]:
    """Return the answer to a question that counts, and the pending changes over what is held of their memories.

    Both come of one request, unless those memories have more entries than a page. Raises `IndexUnavailableError`.
    """
    mine = [change for change in pending if change.scope_key in question.keys]
    memory_ids = list(dict.fromkeys(each.memory_id for each in mine))
    routing = question.coder.routing
    bodies = [counted, *([question.held(memory_ids, facets, None, PAGE)] if memory_ids else [])]
    said, *pages = engine.search(question.target.index, bodies, routing)
    entries: list[Mapping[str, Any]] = []
    while pages:
        page = pages.pop()["hits"]["hits"]
        entries.extend(page)
        if len(page) == PAGE:
            pages = engine.search(question.target.index, [question.held(memory_ids, facets, page[-1]["sort"], PAGE)], routing)
    return said, Overlay(question, mine, entries)


def counts_in(document: IndexDocument, question: Question) -> Sequence[int]:
    """Return how often each stem of the question stands in a document."""
    return [max(document.stems.get(stem, 0), 0) for stem in question.stems]
