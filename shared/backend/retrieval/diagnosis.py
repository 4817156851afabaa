"""Why a question found nothing at all: what the same question finds beside its scope, and with each filter left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backend.embedding.model import Purpose, Vector
from backend.embedding.ports import Embedder
from backend.index.model import IndexDocument, IndexQuery, Tombstone
from backend.index.ports import MemoryIndex
from backend.index.text import query_stems
from backend.kit import deadline
from backend.kit.errors import EmbeddingUnavailableError, IndexUnavailableError
from backend.retrieval.filters import SetFilter, set_filters, unfiltered
from backend.retrieval.model import Question
from backend.retrieval.service import LIST_LENGTH, Rows
from backend.tenancy.scope import Scope, project_of

MOST_FILTERS = 12
"""Filters that are tried, each by a search of its own."""

SPARE_SECONDS = 5.0
"""A diagnosis stops here: the answer without it is worth more than none."""


@dataclass(frozen=True, slots=True)
class Emptied:
    """How many memories the question finds without one filter, `LIST_LENGTH` at most."""

    filter: SetFilter
    memories: int


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """How many memories the same question finds in another project, `LIST_LENGTH` over all; None is no project."""

    project_id: str | None
    memories: int


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What would have been found. `is_whole` is False where there was more to try than was tried.

    `archived` is how many are found with those that are archived, where the question left them out; `degraded` names what could
    not be asked, as of an answer.
    """

    without_filters: int
    filters: tuple[Emptied, ...]
    elsewhere: tuple[Elsewhere, ...]
    is_whole: bool
    archived: int = 0
    degraded: tuple[str, ...] = ()


class ScopeDoctor:
    """Counts by searching the index; reads no row. At most three searches and one for each filter."""

    def __init__(self, *, rows: Rows, index: MemoryIndex, embedder: Embedder) -> None:
        self._rows = rows
        self._index = index
        self._embedder = embedder

    def examine(
        self,
        scope: Scope,
        question: Question,
        beside: Scope | None,
        *,
        changes: Sequence[IndexDocument | Tombstone] | None = None,
        is_all: bool = True,
    ) -> Diagnosis | None:
        """Say what the question finds otherwise; `beside` is what else the caller may read, `is_all` whether all of that.

        `changes` is what was pending in the scope when the question was asked, None where nobody looked.
        None when the index does not answer: a diagnosis never costs anybody the answer. Raises `TableUnavailableError`.
        """
        try:
            query = self._query(question)
            elsewhere = self._elsewhere(beside, query) if beside else ()
            changes, more = (changes, False) if changes is not None else self._rows.pending(scope)
            filters = set_filters(question.filter)
            archived = self._count(scope, _with_archived(query), changes) if not question.filter.include_archived else 0
            whole = self._count(scope, replace(query, filter=unfiltered(question.filter)), changes) if filters else 0
            tried = []
            # Where there is nothing at all no single filter can be to blame.
            for each in filters[:MOST_FILTERS] if whole else ():
                if deadline.remaining() < SPARE_SECONDS:
                    break
                tried.append(Emptied(each, self._count(scope, replace(query, filter=each.without), changes)))
        except IndexUnavailableError:
            return None
        lacking = (("semantic", query.vector is None), ("index_lag", more))
        degraded = tuple(name for name, lacks in lacking if lacks)
        return Diagnosis(whole, tuple(tried), elsewhere, is_all and (not whole or len(tried) == len(filters)), archived, degraded)

    def _query(self, question: Question) -> IndexQuery:
        vector = self._vector(question.text)
        return IndexQuery(
            vector=vector,
            model=self._embedder.model.identity if vector else None,
            stems=query_stems(question.text),
            filter=question.filter,
            limit=LIST_LENGTH,
        )

    def _vector(self, text: str) -> Vector | None:
        try:
            return self._embedder.embed([text], Purpose.QUERY)[0]
        except EmbeddingUnavailableError:
            return None

    def _elsewhere(self, beside: Scope, query: IndexQuery) -> tuple[Elsewhere, ...]:
        changes, _ = self._rows.pending(beside)
        found = self._index.search(beside, query, changes)
        counted = Counter({hit.memory_id: hit.scope_key for hit in found.hits}.values())
        return tuple(Elsewhere(project_of(key), count) for key, count in sorted(counted.items(), key=lambda each: -each[1]))

    def _count(self, scope: Scope, query: IndexQuery, changes: Sequence[IndexDocument | Tombstone]) -> int:
        return len({hit.memory_id for hit in self._index.search(scope, query, changes).hits})


def _with_archived(query: IndexQuery) -> IndexQuery:
    return replace(query, filter=replace(query.filter, include_archived=True))
