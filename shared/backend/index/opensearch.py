"""The index on Amazon OpenSearch Service: many machines at once, versioned writes, exact scores.

What it promises is the port's, with five notes:

- Writes of one call are not one transaction, which OpenSearch does not have. After an error some of them may have been taken in;
  doing it again completes them, and nothing is ever half written: each document is whole, and its version decides.
- Vectors are of the index's one model. Those of another are left out, their documents found by words: a new model is a new index.
- Which documents come close is found by a graph (HNSW). It is exact while no more documents pass the filters than the limit plus
  50, and nearly so above; every score that comes back is exact.
- A document that a tombstone emptied leaves hashes and numbers in the files until they are rewritten: `expunge` does that.
- What stands around hits is exact while their sessions together have at most 600 documents that pass the filters. Of more, those
  are looked at that were said nearest to the best hits, by the sum of both scores; a hit has neighbours as far as nothing can be
  missing in between, the others have none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from backend.index import opensearch_search
from backend.index.model import IndexDocument, IndexFilter, IndexQuery, SearchResult, Tombstone
from backend.index.opensearch_documents import Coder, Kind
from backend.index.opensearch_engine import Engine
from backend.index.opensearch_layout import DEFAULT_NAME, Layouts, Target, read_alias, write_alias
from backend.index.opensearch_questions import Question, scoped
from backend.index.opensearch_writer import MEMORIES_A_QUESTION, Refresh, Writer, batches
from backend.kit.clock import Clock
from backend.kit.errors import IndexUnavailableError
from backend.tenancy.scope import Scope

PURGED_AT_ONCE = 10_000


@dataclass(frozen=True, slots=True)
class Held:
    """What an index has of a memory: the highest row version of it, and how many documents, without its tombstone."""

    version: int
    documents: int


class OpenSearchIndex:
    """Vector and keyword search over one OpenSearch cluster. Nothing is asked before the first call.

    `key_of` gives each tenant's secret key for the hashes of its words, the same in every process and for as long as the index
    lives. `name` is what its aliases begin with.
    """

    def __init__(
        self,
        engine: Engine,
        key_of: Callable[[str], bytes],
        clock: Clock,
        *,
        name: str = DEFAULT_NAME,
        refresh: Refresh = "wait_for",
    ) -> None:
        self._engine = engine
        self._key_of = key_of
        self._name = name
        self._refresh = refresh
        self._layouts = Layouts(engine, clock, name)

    def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
        """See the port. Goes to every index behind the write alias: all of them have it when this returns."""
        if changes:
            for target in self._layouts.now().writing:
                self.write_in(target, tenant_id, changes)

    def write_in(self, target: Target, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
        """Write to one index, which need not have an alias: for filling a new one."""
        Writer(self._engine, target, self._coder(tenant_id), self._refresh).write(changes)

    def search(self, scope: Scope, query: IndexQuery, overlay: Sequence[IndexDocument | Tombstone] = ()) -> SearchResult:
        """See the port."""
        return opensearch_search.search(self._engine, self._question(scope, query), overlay)

    def speakers(self, scope: Scope, names: Collection[str], overlay: Sequence[IndexDocument | Tombstone] = ()) -> frozenset[str]:
        """See the port. Nothing is asked for no names."""
        if not names:
            return frozenset()
        question = self._question(scope, IndexQuery(None, None, (), IndexFilter()))
        return opensearch_search.speakers(self._engine, question, names, overlay)

    def versions(self, scope: Scope, memory_ids: Sequence[str]) -> Mapping[str, int]:
        """See the port."""
        held = self.held_in(self._layouts.now().reading.index, scope.tenant_id, scope.keys, memory_ids)
        return {memory_id: each.version for memory_id, each in held.items()}

    def held_in(self, index: str, tenant_id: str, keys: Sequence[str], memory_ids: Sequence[str]) -> dict[str, Held]:
        """Return what one index has of memories, which need not be the one that searches ask: for comparing a new one."""
        coder = self._coder(tenant_id)
        kinds = {"terms": {"kind": [Kind.DOCUMENT, Kind.TOMBSTONE]}}
        found: dict[str, Held] = {}
        for some in batches(list(dict.fromkeys(memory_ids)), MEMORIES_A_QUESTION):
            body = {
                "size": 0,
                "query": {"bool": {"filter": [kinds, *scoped(coder, keys), {"terms": {"memory_id": some}}]}},
                "aggs": {
                    "memories": {
                        "terms": {"field": "memory_id", "size": len(some)},
                        "aggs": {
                            "highest": {"max": {"field": "row_version"}},
                            "documents": {"filter": {"term": {"kind": Kind.DOCUMENT}}},
                        },
                    }
                },
            }
            (answer,) = self._engine.search(index, [body], coder.routing)
            for bucket in answer["aggregations"]["memories"]["buckets"]:
                found[bucket["key"]] = Held(int(bucket["highest"]["value"]), bucket["documents"]["doc_count"])
        return found

    def purge_tombstones(self, older_than_ms: int) -> int:
        """See the port. Then the files begin to be rewritten, so that nothing emptied since the last time stays in them."""
        purged = [self._purge(target.index, older_than_ms) for target in self._layouts.now().writing]
        self.expunge()
        return max(purged)

    def expunge(self) -> None:
        """Let the engine rewrite the files that still have something of emptied or replaced documents; it goes on after this.

        What was emptied in the last minute or so may stay until the next time: the engine keeps it for copies that lag.
        Raises `IndexUnavailableError`.
        """
        for target in self._layouts.now().writing:
            self._engine.call("POST", f"/{target.index}/_flush", force="true", wait_if_ongoing="true")
            path = f"/{target.index}/_forcemerge"
            self._engine.call("POST", path, only_expunge_deletes="true", wait_for_completion="false")

    def check(self) -> None:
        """See the port: both aliases must be there, and every shard behind them."""
        self._layouts.forget()
        self._layouts.now()
        for alias in (read_alias(self._name), write_alias(self._name)):
            self._engine.search(alias, [{"size": 0, "terminate_after": 1, "track_total_hits": False}], None)

    def _question(self, scope: Scope, query: IndexQuery) -> Question:
        target = self._layouts.now().reading
        if query.filter.ranges and not target.has_ranges:
            msg = f"{target.index} was made before ranges of numbers could be asked for; migrate it."
            raise IndexUnavailableError(msg)
        return Question(query, self._coder(scope.tenant_id), target, list(dict.fromkeys(scope.keys)))

    def _coder(self, tenant_id: str) -> Coder:
        return Coder(tenant_id, self._key_of(tenant_id))

    def _purge(self, index: str, older_than_ms: int) -> int:
        """Drop what is left of emptied documents first: what interrupts this leaves tombstones that are counted next time."""
        counted = {}
        for kind in (Kind.EMPTY, Kind.TOMBSTONE):
            counted[kind] = 0
            while True:
                body = {
                    "query": {"bool": {"filter": [{"term": {"kind": kind}}, {"range": {"recorded_at": {"lt": older_than_ms}}}]}},
                    "max_docs": PURGED_AT_ONCE,
                }
                answer = self._engine.call("POST", f"/{index}/_delete_by_query", body, conflicts="proceed", refresh="true")
                if answer["timed_out"] or answer["failures"]:
                    msg = f"The index could not drop {len(answer['failures'])} old tombstones."
                    raise IndexUnavailableError(msg)
                counted[kind] += answer["deleted"]
                if answer["total"] < PURGED_AT_ONCE:
                    break
        return counted[Kind.TOMBSTONE]
