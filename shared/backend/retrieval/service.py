"""Asking: the question's vector, the index and what is still pending, then the rows as they are now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

from backend.embedding.model import Purpose, Vector
from backend.embedding.ports import Embedder
from backend.index.model import Hit, IndexDocument, IndexQuery, SearchResult, Tombstone
from backend.index.ports import MemoryIndex
from backend.index.text import query_stems
from backend.kit import observability
from backend.kit.clock import Clock
from backend.kit.errors import EmbeddingUnavailableError, IndexUnavailableError
from backend.memories.documents import documents_of
from backend.memories.model import KEPT, Memory, Revision, State
from backend.memories.policy import MemoryPolicy
from backend.memories.policy_ports import PolicySource
from backend.memories.ports import USED_A_READ
from backend.retrieval.factors import BATCH, Candidate, weigh
from backend.retrieval.features import AROUND
from backend.retrieval.model import Answer, Candidates, Found, Question, Ranked, Related, Weighed, Why
from backend.retrieval.ranking import rank_all
from backend.retrieval.reading import possible_names, read
from backend.retrieval.related import related
from backend.tenancy.scope import Scope
from backend.usage.model import UNUSED, Usage

LIST_LENGTH = 200
MORE = 4
MOST_PIECES = 5000
"""Longer lists are not asked for: twenty-four of the longest texts fill one. Where that is too few, what it held is left out of
a further search."""

NEWEST = 50
NEWEST_CHARACTERS = 250_000
"""Of the newest rows, while the index is down: their words are told apart anew for each question."""

SPARE_ROWS = 2
"""Each is a read unit a query, paid whether or not it is needed; when more than these fell out, a second read fetches more."""

DATES = ("on_day", "in_month", "soon_after")
"""The features that say that a date fits, the most exact first."""

_T = TypeVar("_T")


class Rows(Protocol):
    """What asking needs of the table."""

    def pending(self, scope: Scope) -> tuple[list[IndexDocument | Tombstone], bool]:
        """Return the newest changes that the index may not hold yet, and whether there are more."""

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Return the rows that exist, as they are now, by id."""

    def get_many_used(self, tenant_id: str, memory_ids: Sequence[str]) -> tuple[dict[str, Memory], dict[str, Usage]]:
        """Return the rows that exist, as they are now, and the usage of those that were ever returned, by id."""

    def revisions_at(self, tenant_id: str, wanted: Iterable[tuple[str, int]]) -> list[Revision]:
        """Return those of these earlier revisions, (memory id, number), that there are."""

    def newest(self, scope: Scope, count: int) -> list[Memory]:
        """Return at most so many of the newest active rows, newest first; some may be active no more."""


class RetrievalService:
    """Ranked recall. Two round trips to the table one after the other, whatever `k` up to 50: what is pending, then rows.

    One more for what was known once, and one for each step away from what is found; two more while the index is down. What lies
    in many projects is read side by side (`backend.adapters.TABLE_THREADS`), and the policy beside what is pending.
    """

    def __init__(  # noqa: PLR0913 - one word for each thing it stands on
        self,
        *,
        rows: Rows,
        index: MemoryIndex,
        recent: Callable[[], MemoryIndex],
        embedder: Embedder,
        policies: PolicySource,
        clock: Clock,
        executor: Executor,
    ) -> None:
        """`recent` makes an empty index in memory: it answers from what is pending and newest while `index` is down."""
        self._rows = rows
        self._index = index
        self._recent = recent
        self._embedder = embedder
        self._policies = policies
        self._clock = clock
        self._executor = executor

    def query(self, scope: Scope, question: Question) -> Found:
        """Return the best memories. An own write is found by the next query, whether the index holds it yet or not.

        With the embedder down the answer is lexical, with the index down it comes from what is pending and newest:
        `degraded` says so. Raises `IndexUnavailableError` when the index is down and nothing can be said of these either.
        """
        policy = self._beside(partial(self._policies.of, scope.tenant_id))
        candidates = self.candidates(scope, question)
        batch = self._read(scope, rank_all(candidates, explained=question.explain), question, policy)
        intent = candidates.reading.intent
        weighed = weigh(batch, question.weights, intent, self._embedder.model.identity)
        terms = candidates.terms if question.explain else None
        chosen = weighed[: question.k]
        related = self._related(scope, question, candidates.result, batch, [each.memory for each, _ in chosen])
        answers = tuple(_answer(each, result, terms, those) for (each, result), those in zip(chosen, related, strict=True))
        told = (memory for each in answers for memory in (each.memory, *(other.memory for other in each.related)))
        failed = sum(memory.unreadable is not None for memory in told)
        if failed:
            observability.count("decryption_failed", failed)
        observability.count("results", len(answers))
        return Found(answers, candidates.degraded, self._clock.now(), intent, candidates.changes)

    def candidates(self, scope: Scope, question: Question) -> Candidates:
        """Return all that may answer, as the index and what is pending have it: enough for `k` memories, where there are.

        Raises as `query` does.
        """
        degraded: list[str] = []
        changes, more = self._rows.pending(scope)
        if more:
            degraded.append("index_lag")
        observability.count("pending", len(changes))
        reading = read(question.text, self._names(scope, question.text, changes))
        vector = self._vector(reading.bare, degraded)
        query = IndexQuery(
            vector=vector,
            model=self._embedder.model.identity if vector else None,
            stems=query_stems(question.text),
            filter=question.filter,
            limit=max(LIST_LENGTH, 2 * question.k),
            speaker=reading.speaker,
            around=AROUND,
        )
        first, *further = self._found(scope, query, changes, question.k, degraded)
        return Candidates(first, reading, query.terms, tuple(degraded), tuple(further), changes)

    def _names(self, scope: Scope, text: str, changes: list[IndexDocument | Tombstone]) -> frozenset[str]:
        """Return which of the names that the text may hold are those of speakers."""
        possible = possible_names(text)
        try:
            return self._index.speakers(scope, possible, changes) if possible else possible
        except IndexUnavailableError:
            return self._recent().speakers(scope, possible, changes)  # The search will meet it too, and say so.

    def _vector(self, text: str, degraded: list[str]) -> Vector | None:
        try:
            return self._embedder.embed([text], Purpose.QUERY)[0]
        except EmbeddingUnavailableError:
            degraded.append("semantic")
            return None

    def _found(
        self, scope: Scope, query: IndexQuery, changes: list[IndexDocument | Tombstone], k: int, degraded: list[str]
    ) -> list[SearchResult]:
        """Search the index; while it is down, what is pending and newest."""
        try:
            return _searched(self._index, scope, query, changes, k)
        except IndexUnavailableError as error:
            found = _searched(self._newest(scope), scope, query, changes, k)
            if not found[0].hits:
                msg = "The index does not answer; try again."
                raise IndexUnavailableError(msg, retry_after=5) from error
            degraded.append("index")
            return found

    def _newest(self, scope: Scope) -> MemoryIndex:
        """Return an index of the newest rows: what was added before them nobody can search without the index."""
        index = self._recent()
        now = self._clock.now()
        room = NEWEST_CHARACTERS
        for row in self._rows.newest(scope, NEWEST):
            if row.readable_by(scope, now) and row.state is State.ACTIVE and not row.unreadable and len(row.text) <= room:
                room -= len(row.text)
                index.write(scope.tenant_id, documents_of(row))
        return index

    def _read(self, scope: Scope, ranked: Sequence[Ranked], question: Question, policy: Future[MemoryPolicy]) -> list[Candidate]:
        """Return of the best those that still are what the index says, k at least where there are so many: the batch.

        A few more than k are read, and again only when those ran out.
        """
        k, known_at = question.k, question.filter.known_at
        now = self._clock.now()
        states = KEPT if question.filter.include_archived else {State.ACTIVE}
        found: list[Candidate] = []
        start = 0
        while len(found) < k and start < len(ranked):
            wanted = k - len(found)
            # No spare row is worth another round trip.
            length = wanted + min(SPARE_ROWS, -wanted % USED_A_READ)
            batch = ranked[start : start + (length if start else max(length, BATCH))]
            start += len(batch)
            rows, usage = self._rows.get_many_used(scope.tenant_id, [each.hit.memory_id for each in batch])
            mine = (row for row in rows.values() if row.readable_by(scope, now) and row.state in states)
            readable = {row.memory_id: row for row in mine}
            earlier = {} if known_at is None else self._earlier(scope.tenant_id, batch, readable)
            for each in batch:
                row = memory = readable.get(each.hit.memory_id)
                if memory and memory.revision != each.hit.revision:
                    memory = earlier.get((each.hit.memory_id, each.hit.revision))
                if row is None or memory is None:
                    observability.count("stale_hits")
                    continue
                used = usage.get(memory.memory_id, UNUSED)
                found.append(Candidate(each, memory, used, policy.result().is_stale(row, used, now)))
        return found

    def _related(
        self, scope: Scope, question: Question, result: SearchResult, batch: Sequence[Candidate], found: Sequence[Memory]
    ) -> list[tuple[Related, ...]]:
        """Return what each of the answers leads to, nothing where nobody asked."""
        if not question.traversal_depth:
            return [()] * len(found)
        asked = question.filter
        # What was read as it was known once is not the row as it is now.
        known = {each.memory.memory_id: each.memory for each in batch} if asked.known_at is None else {}
        depth, now = question.traversal_depth, self._clock.now()
        return related(self._rows, scope, found, result, asked, depth=depth, known=known, now=now)

    def _earlier(self, tenant_id: str, batch: Sequence[Ranked], rows: Mapping[str, Memory]) -> dict[tuple[str, int], Memory]:
        """Return those earlier revisions that were hit, by memory id and revision, of memories that may be read now."""
        hits = [each.hit for each in batch if each.hit.memory_id in rows]
        asked = [(hit.memory_id, hit.revision) for hit in hits if hit.revision != rows[hit.memory_id].revision]
        found = self._rows.revisions_at(tenant_id, asked) if asked else []
        # What waited for a decision then was nobody's to find, and is not now.
        kept = (each.memory for each in found if each.memory.state in KEPT)
        return {(each.memory_id, each.revision): each.filed_as(rows[each.memory_id]) for each in kept}

    def _beside(self, work: Callable[[], _T]) -> Future[_T]:
        """Do this in another thread, under the same request."""
        return self._executor.submit(copy_context().run, work)


def _searched(
    index: MemoryIndex, scope: Scope, query: IndexQuery, changes: Sequence[IndexDocument | Tombstone], k: int
) -> list[SearchResult]:
    """Search for so many pieces that they are of `k` memories, where there are so many: a long text has many pieces.

    Where the longest list is too short for that, what it held is left out and the rest searched: each adds twenty-four at least.
    """
    found: list[SearchResult] = []
    held: set[str] = set()
    while True:
        result = index.search(scope, query, changes)
        if len(result.hits) < query.limit or _are_of(result.hits, k - len(held)):
            return [*found, result]
        if query.limit < MOST_PIECES:
            query = replace(query, limit=min(MORE * query.limit, MOST_PIECES))
            continue
        found.append(result)
        held.update(hit.memory_id for hit in (*result.hits, *result.around))
        query = replace(query, filter=replace(query.filter, left_out=frozenset(held)))


def _are_of(hits: Iterable[Hit], memories: int) -> bool:
    """Tell whether these are of so many memories, looking at no more hits than that takes."""
    seen: set[str] = set()
    for hit in hits:
        seen.add(hit.memory_id)
        if len(seen) >= memories:
            return True
    return False


def _answer(candidate: Candidate, weighed: Weighed, terms: Sequence[str] | None, related: tuple[Related, ...] = ()) -> Answer:
    """Return the answer; with the stems that were asked for, also why it is one."""
    memory, hit = candidate.memory, candidate.ranked.hit
    # Of a text that cannot be opened only the words that say so are there, and no pieces.
    is_whole = memory.unreadable is not None or hit.chunk >= len(memory.chunks)
    return Answer(
        memory,
        candidate.ranked.relevance,
        hit.dense,
        hit.lexical,
        None if is_whole else memory.chunks[hit.chunk],
        candidate.usage,
        weighed,
        None if terms is None else _why(candidate.ranked, terms),
        candidate.is_stale,
        related,
    )


def _why(ranked: Ranked, terms: Sequence[str]) -> Why:
    hit = ranked.hit
    return Why(
        stems=frozenset(term for term, count in zip(terms, hit.counts, strict=False) if count),
        is_named=hit.named,
        date=next((name for name in DATES if name in ranked.features), None),
        is_pending=hit.from_overlay,
        features=ranked.features,
    )
