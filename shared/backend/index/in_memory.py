"""An index in memory: plain, slow and obviously right. What the others are measured against."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

from backend.embedding.model import Vector
from backend.index.model import ACTIVE, Hit, IndexDocument, IndexQuery, SearchResult, Tombstone, WordStatistics
from backend.index.places import identity, in_places, in_session, order
from backend.index.scoring import Statistics
from backend.index.speakers import names_of
from backend.tenancy.scope import Scope

DENSE_DIGITS = 9
"""Cosines are compared to this many decimals, so that equal vectors are equal whatever order their parts are added in."""


@dataclass(slots=True)
class _Shelf:
    """What is held of one scope key: documents by document id, tombstones by memory."""

    documents: dict[str, IndexDocument] = field(default_factory=dict)
    tombstones: dict[str, Tombstone] = field(default_factory=dict)

    def apply(self, change: IndexDocument | Tombstone) -> bool:
        """Take a change in unless something newer is there; tell whether it was."""
        grave = self.tombstones.get(change.memory_id)
        if grave and grave.row_version >= change.row_version:
            return False
        if isinstance(change, Tombstone):
            self.tombstones[change.memory_id] = change
            for key, document in list(self.documents.items()):
                if document.memory_id == change.memory_id and document.row_version <= change.row_version:
                    del self.documents[key]
            return True
        held = self.documents.get(change.document_id)
        if held and held.row_version >= change.row_version:
            return False
        self.documents[change.document_id] = change
        return True

    def statistics(self) -> Statistics:
        lengths = [document.length for document in self.documents.values() if _is_current(document)]
        return Statistics(len(lengths), sum(lengths))

    def frequency(self, stem: str) -> int:
        return sum(stem in document.stems for document in self.documents.values() if _is_current(document))


class InMemoryIndex:
    """Vector and keyword search over dictionaries.

    An empty one searches the overlay alone: that is how a question is answered from what is pending while the index is down.
    """

    def __init__(self) -> None:
        self._shelves: dict[tuple[str, str], _Shelf] = {}

    def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
        """See the port."""
        self.check()
        for change in changes:
            self._shelves.setdefault((tenant_id, change.scope_key), _Shelf()).apply(change)

    def search(self, scope: Scope, query: IndexQuery, overlay: Sequence[IndexDocument | Tombstone] = ()) -> SearchResult:
        """See the port. The overlay is written to a copy, and that is searched."""
        self.check()
        hits: list[Hit] = []
        sessions: dict[tuple[str, str], list[Hit]] = {}
        words: dict[str, WordStatistics] = {}
        for key in dict.fromkeys(scope.keys):
            shelf, added = self._with(scope.tenant_id, key, overlay)
            statistics = shelf.statistics()
            words[key] = WordStatistics(
                tuple(statistics.idf(shelf.frequency(stem)) for stem in query.terms), statistics.average_length
            )
            for document in shelf.documents.values():
                if query.filter.admits(document):
                    hit = _scored(document, query, statistics, words[key].idf, is_pending=document.document_id in added)
                    hits.append(hit)
                    if document.session_id is not None:
                        sessions.setdefault((key, document.session_id), []).append(hit)
        compared = [(hit, hit.dense) for hit in hits if hit.dense is not None]
        by_dense = sorted(compared, key=lambda pair: (-pair[1], identity(pair[0])))
        by_words = sorted((hit for hit in hits if hit.lexical > 0), key=lambda hit: (-hit.lexical, identity(hit)))
        limit = max(query.limit, 0)
        found = dict.fromkeys([*(hit for hit, _ in by_dense[:limit]), *by_words[:limit]])
        placed = in_places(sessions, found, query.around) if query.around else {}
        return SearchResult(
            hits=tuple(sorted((hit._replace(place=placed.get(hit)) for hit in found), key=order)),
            considered=len(hits),
            around=tuple(
                sorted((hit._replace(place=place) for hit, place in placed.items() if hit not in found), key=in_session)
            ),
            words=words,
        )

    def speakers(self, scope: Scope, names: Collection[str], overlay: Sequence[IndexDocument | Tombstone] = ()) -> frozenset[str]:
        """See the port."""
        self.check()
        known: set[str] = set()
        for key in dict.fromkeys(scope.keys):
            shelf, _ = self._with(scope.tenant_id, key, overlay)
            known.update(*(names_of(document.speaker) for document in shelf.documents.values() if _is_current(document)))
        return frozenset(known.intersection(names))

    def _with(self, tenant_id: str, key: str, overlay: Sequence[IndexDocument | Tombstone]) -> tuple[_Shelf, set[str]]:
        """Return what would be held after these changes, and the ids of the documents among them that would be taken in."""
        held = self._shelves.get((tenant_id, key), _Shelf())
        shelf = _Shelf(dict(held.documents), dict(held.tombstones))
        added = {c.document_id for c in overlay if c.scope_key == key and shelf.apply(c) and isinstance(c, IndexDocument)}
        return shelf, added

    def versions(self, scope: Scope, memory_ids: Sequence[str]) -> Mapping[str, int]:
        """See the port."""
        self.check()
        highest: dict[str, int] = {}
        for key in scope.keys:
            shelf = self._shelves.get((scope.tenant_id, key), _Shelf())
            held: list[IndexDocument | Tombstone] = [*shelf.documents.values(), *shelf.tombstones.values()]
            for change in held:
                if change.memory_id in memory_ids:
                    highest[change.memory_id] = max(highest.get(change.memory_id, change.row_version), change.row_version)
        return highest

    def purge_tombstones(self, older_than_ms: int) -> int:
        """See the port."""
        self.check()
        purged = 0
        for shelf in self._shelves.values():
            kept = {memory: grave for memory, grave in shelf.tombstones.items() if grave.recorded_at >= older_than_ms}
            purged += len(shelf.tombstones) - len(kept)
            shelf.tombstones = kept
        return purged

    def check(self) -> None:
        """See the port. What is in memory always answers."""


def _is_current(document: IndexDocument) -> bool:
    return document.state == ACTIVE and document.known_until is None


def _scored(document: IndexDocument, query: IndexQuery, statistics: Statistics, idf: Sequence[float], *, is_pending: bool) -> Hit:
    repeats = Counter(query.stems)
    counts = tuple(document.stems.get(stem, 0) for stem in query.terms)
    return Hit(
        scope_key=document.scope_key,
        memory_id=document.memory_id,
        revision=document.revision,
        chunk=document.chunk,
        row_version=document.row_version,
        dense=_cosine(document, query),
        lexical=sum(
            (
                weight * repeats[stem] * statistics.saturation(float(count), float(document.length))
                for stem, count, weight in zip(query.terms, counts, idf, strict=True)
                if count
            ),
            start=0.0,
        ),
        tier=document.tier,
        created_at=document.created_at,
        from_overlay=is_pending,
        said_at=document.said_at,
        length=document.length,
        traits=document.traits,
        named=query.speaker is not None and query.speaker in names_of(document.speaker),
        counts=counts,
    )


def _cosine(document: IndexDocument, query: IndexQuery) -> float | None:
    """Return the cosine of two unit vectors, None when they cannot be compared."""
    if document.vector is None or query.vector is None or document.model != query.model:
        return None
    ours, theirs = _floats(document.vector), _floats(query.vector)
    if len(ours) != len(theirs):
        return None
    cosine = sum(a * b for a, b in zip(ours, theirs, strict=True))
    return round(min(1.0, max(-1.0, cosine)), DENSE_DIGITS) if isfinite(cosine) else None


def _floats(vector: Vector) -> array[float]:
    return array("f", vector)
