"""Writing to one index of OpenSearch: versions, tombstones, and what becomes of documents that come late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Literal, TypeVar

from backend.index.model import IndexDocument, Tombstone
from backend.index.opensearch_documents import Coder, Kind
from backend.index.opensearch_engine import Engine
from backend.index.opensearch_layout import Target
from backend.kit.errors import IndexUnavailableError

DOCUMENTS_A_BULK = 400
"""About 2 MB with vectors of 384 dimensions, 5 MB with 1,024: below the 10 MB that the smallest domains take."""

MEMORIES_A_QUESTION = 500
EMPTIED_AT_ONCE = 1000

Refresh = Literal["wait_for", "true"]
"""How a write becomes visible: with the index's next refresh, at most a second later, or by one of its own (for tests)."""

_T = TypeVar("_T")


def batches(rows: Sequence[_T], size: int) -> list[list[_T]]:
    """Return the rows in lists of at most this many."""
    return [list(rows[start : start + size]) for start in range(0, len(rows), size)]


class Writer:
    """Writes one tenant's changes to one index.

    A tombstone is an entry of its own, because documents may come late that it does not know of. Two orders make that safe
    between any two writers: whoever buries writes the tombstone first and then looks for documents; whoever writes documents
    looks for tombstones afterwards and empties what it should not have written. Whichever comes second sees the first.
    """

    def __init__(self, engine: Engine, target: Target, coder: Coder, refresh: Refresh) -> None:
        self._engine = engine
        self._target = target
        self._coder = coder
        self._refresh = refresh

    def write(self, changes: Sequence[IndexDocument | Tombstone]) -> None:
        """Make the index hold these changes, visible to the next search. Raises `IndexUnavailableError`."""
        graves, documents = _settled(changes)
        self._bury(graves)
        self._put(documents)

    def _bury(self, graves: Sequence[Tombstone]) -> None:
        """Hold tombstones and empty the documents that they cover."""
        for some in batches(graves, MEMORIES_A_QUESTION):
            self._index([(self._coder.tombstone_id(grave), self._coder.tombstone(grave)) for grave in some])
            self._empty([self._coder.tombstone(grave) for grave in some])

    def _put(self, documents: Sequence[IndexDocument]) -> None:
        """Hold documents, unless something newer is there."""
        for some in batches(documents, DOCUMENTS_A_BULK):
            covered = self._tombstones(some)
            waiting = [each for each in some if not self._is_covered(each, covered)]
            attempt = 0
            while waiting:
                refused = self._written(waiting)
                if refused:
                    self._show()  # Another writer put there what is newer or the same, and may still wait for it to be shown.
                covered = self._tombstones(waiting)
                if any(self._is_covered(each, covered) for each in waiting):
                    self._empty(list(covered.values()))
                waiting = self._refused_by_nothing(refused)
                if waiting:
                    self._engine.pause(attempt)
                    attempt += 1

    def _written(self, documents: Sequence[IndexDocument]) -> list[IndexDocument]:
        """Write the documents; return those that the engine says are not newer than what it holds."""
        target = self._target
        entries = [
            (self._coder.document_id(each), self._coder.document(each, target.space, with_places=target.has_places))
            for each in documents
        ]
        statuses = self._index(entries, refresh=self._refresh)
        return [each for each, status in zip(documents, statuses, strict=True) if status == HTTPStatus.CONFLICT]

    def _refused_by_nothing(self, documents: Sequence[IndexDocument]) -> list[IndexDocument]:
        """Return which of the refused documents the index holds nothing of.

        The engine remembers the version of what was purged for an instant (`index.gc_deletes` is 0, its clock ticks five times
        a second): a conflict with that is none.
        """
        held = self._held([self._coder.document_id(each) for each in documents])
        return [each for each in documents if self._coder.document_id(each) not in held]

    def _is_covered(self, document: IndexDocument, tombstones: Mapping[str, dict[str, Any]]) -> bool:
        grave = tombstones.get(self._coder.tombstone_id(document))
        return grave is not None and grave["row_version"] >= document.row_version

    def _tombstones(self, documents: Sequence[IndexDocument]) -> dict[str, dict[str, Any]]:
        return self._held(list(dict.fromkeys(self._coder.tombstone_id(each) for each in documents)))

    def _held(self, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """Return what is held under these ids at this moment, visible to searches or not."""
        if not ids:
            return {}
        path = f"/{self._target.index}/_mget"
        docs = [{"_id": each, "routing": self._coder.routing} for each in ids]
        answer = self._engine.call("POST", path, {"docs": docs})
        found = {}
        for each in answer["docs"]:
            if "error" in each:
                msg = "The index could not read some of what it holds."
                raise IndexUnavailableError(msg)
            if each["found"]:
                found[each["_id"]] = each["_source"]
        return found

    def _empty(self, graves: Sequence[Mapping[str, Any]]) -> None:
        """Empty every document of these memories that is not newer than its tombstone, and make it visible."""
        covered = [
            {
                "bool": {
                    "filter": [
                        {"term": {"scope": grave["scope"]}},
                        {"term": {"memory_id": grave["memory_id"]}},
                        {"range": {"row_version": {"lte": grave["row_version"]}}},
                    ]
                }
            }
            for grave in graves
        ]
        by_memory = {(grave["scope"], grave["memory_id"]): grave for grave in graves}
        body = {
            "size": EMPTIED_AT_ONCE,
            "track_total_hits": False,
            "query": {
                "bool": {
                    "filter": [{"term": {"kind": Kind.DOCUMENT}}, {"term": {"tenant": self._coder.tenant_id}}],
                    "should": covered,
                    "minimum_should_match": 1,
                }
            },
        }
        while True:
            self._show()
            (answer,) = self._engine.search(self._target.index, [body], self._coder.routing)
            found = answer["hits"]["hits"]
            if not found:
                return
            emptied = []
            for hit in found:
                source = hit["_source"]
                grave = by_memory[source["scope"], source["memory_id"]]
                emptied.append((hit["_id"], {**grave, "kind": Kind.EMPTY, "tenant": self._coder.tenant_id}))
            # Equal versions too: the document may be of the very version that the tombstone names.
            self._index(emptied, version_type="external_gte")

    def _show(self) -> None:
        """Make visible to searches what was written, by whomever."""
        self._engine.call("POST", f"/{self._target.index}/_refresh")

    def _index(
        self, entries: Sequence[tuple[str, Mapping[str, Any]]], *, version_type: str = "external", refresh: str = "false"
    ) -> list[int]:
        operations = [
            (
                {
                    "_index": self._target.index,
                    "_id": entry_id,
                    "routing": self._coder.routing,
                    "version": entry["row_version"],
                    "version_type": version_type,
                },
                entry,
            )
            for entry_id, entry in entries
        ]
        return self._engine.bulk(operations, refresh=refresh)


def _settled(changes: Sequence[IndexDocument | Tombstone]) -> tuple[list[Tombstone], list[IndexDocument]]:
    """Return what remains of changes that come together.

    Of each memory its highest tombstone, of each document the highest version above that. The first of equal ones counts.
    """
    graves: dict[tuple[str, str], Tombstone] = {}
    documents: dict[tuple[str, str], IndexDocument] = {}
    for change in changes:
        if isinstance(change, Tombstone):
            held = graves.setdefault((change.scope_key, change.memory_id), change)
            if change.row_version > held.row_version:
                graves[change.scope_key, change.memory_id] = change
        else:
            there = documents.setdefault((change.scope_key, change.document_id), change)
            if change.row_version > there.row_version:
                documents[change.scope_key, change.document_id] = change

    def remains(document: IndexDocument) -> bool:
        grave = graves.get((document.scope_key, document.memory_id))
        return grave is None or grave.row_version < document.row_version

    return list(graves.values()), [each for each in documents.values() if remains(each)]
