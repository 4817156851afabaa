"""Asking: the question's vector, the index and what is still pending, then the rows as they are now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextvars import copy_context
from typing import Protocol, TypeVar

from backend.embedding.model import Purpose, Vector
from backend.embedding.ports import Embedder
from backend.index.model import IndexDocument, IndexQuery, SearchResult, Tombstone
from backend.index.ports import MemoryIndex
from backend.index.text import query_stems
from backend.kit import observability
from backend.kit.clock import Clock
from backend.kit.errors import EmbeddingUnavailableError, IndexUnavailableError
from backend.memories.model import Memory
from backend.retrieval.model import Answer, Found, Question, Ranked, rank
from backend.tenancy.scope import Scope

LIST_LENGTH = 200
SPARE_ROWS = 2
"""Each is a read unit a query, paid whether or not it is needed; when more than these fell out, a second read fetches more."""
_T = TypeVar("_T")


class Rows(Protocol):
    """What asking needs of the table."""

    def pending(self, scope: Scope) -> tuple[list[IndexDocument | Tombstone], bool]:
        """Return the newest changes that the index may not hold yet, and whether there are more."""

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Return the rows that exist, as they are now, by id."""


class RetrievalService:
    """Ranked recall. Two sequential round trips to the table, whatever `k` up to 50."""

    def __init__(  # noqa: PLR0913 - one word for each thing it stands on
        self, *, rows: Rows, index: MemoryIndex, recent: MemoryIndex, embedder: Embedder, clock: Clock, executor: Executor
    ) -> None:
        """`recent` is an empty index in memory: it answers from the pending changes alone while `index` is down."""
        self._rows = rows
        self._index = index
        self._recent = recent
        self._embedder = embedder
        self._clock = clock
        self._executor = executor

    def query(self, scope: Scope, question: Question) -> Found:
        """Return the best memories. An own write is found by the next query, whether the index holds it yet or not.

        With the embedder down the answer is lexical, with the index down it comes from what is pending: `degraded` says
        so. Raises `IndexUnavailableError` when the index is down and nothing pending can be said either.
        """
        degraded: list[str] = []
        pending = self._beside(lambda: self._rows.pending(scope))
        vector = self._vector(question.text, degraded)
        changes, more = pending.result()
        if more:
            degraded.append("index_lag")
        observability.count("pending", len(changes))
        query = IndexQuery(
            vector=vector,
            model=self._embedder.model.identity if vector else None,
            stems=query_stems(question.text),
            filter=question.filter,
            limit=max(LIST_LENGTH, 2 * question.k),
        )
        ranked = rank(self._searched(scope, query, changes, degraded))
        answers = self._read(scope, ranked, question.k)
        observability.count("results", len(answers))
        return Found(tuple(answers), tuple(degraded), self._clock.now())

    def _vector(self, text: str, degraded: list[str]) -> Vector | None:
        try:
            return self._embedder.embed([text], Purpose.QUERY)[0]
        except EmbeddingUnavailableError:
            degraded.append("semantic")
            return None

    def _searched(
        self, scope: Scope, query: IndexQuery, changes: list[IndexDocument | Tombstone], degraded: list[str]
    ) -> SearchResult:
        try:
            return self._index.search(scope, query, changes)
        except IndexUnavailableError as error:
            found = self._recent.search(scope, query, changes)
            if not found.hits:
                msg = "The index does not answer; try again."
                raise IndexUnavailableError(msg, retry_after=5) from error
            degraded.append("index")
            return found

    def _read(self, scope: Scope, ranked: Sequence[Ranked], k: int) -> list[Answer]:
        """Return the first k that still are what the index says. A few more are read, and again only when those ran out."""
        now = self._clock.now()
        answers: list[Answer] = []
        start = 0
        while len(answers) < k and start < len(ranked):
            batch = ranked[start : start + k - len(answers) + SPARE_ROWS]
            start += len(batch)
            rows = self._rows.get_many(scope.tenant_id, [each.hit.memory_id for each in batch])
            for each in batch:
                memory = rows.get(each.hit.memory_id)
                if memory is None or not memory.readable_by(scope, now) or memory.revision != each.hit.revision:
                    observability.count("stale_hits")
                    continue
                answers.append(Answer(memory, each.relevance, each.hit.dense, each.hit.lexical))
        return answers[:k]

    def _beside(self, work: Callable[[], _T]) -> Future[_T]:
        """Do this in another thread, under the same request."""
        return self._executor.submit(copy_context().run, work)
