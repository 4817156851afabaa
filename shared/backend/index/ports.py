"""What the product needs of an index, in its own words. Every adapter passes tests/contract/index."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from backend.index.model import IndexDocument, IndexQuery, SearchResult, Tombstone
from backend.tenancy.scope import Scope


class MemoryIndex(Protocol):
    """Vector and keyword search. The table is the truth; the index is only ever a projection of it."""

    def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
        """Make the index hold these documents and tombstones, visible to the next search.

        A change whose `row_version` is not above that of what the index holds under its document id is skipped: newer is
        already there. So doing it twice, late or in any order is harmless. A tombstone empties every document of its
        memory that is not newer: when this returns, none of its words, vectors or metadata stay anywhere in the store
        (files included), only id and version; and it stops all later writes of lower or equal version. A document of a
        higher version brings the memory back. All or nothing, except that after an error a tombstone may have taken effect
        with its remains not yet wiped: do it again. A store that writes its files once (OpenSearch) holds no words in the
        clear at any time; what is left of hashes and vectors goes when `purge_tombstones` has the files written anew.
        Raises `IndexUnavailableError`.
        """

    def search(self, scope: Scope, query: IndexQuery, overlay: Sequence[IndexDocument | Tombstone] = ()) -> SearchResult:
        """Return the best documents of the scope's keys that pass the query's filters, with exact scores.

        Filters act inside the search: fewer than the limit come back only when fewer exist. `overlay` are changes that the
        index may not hold yet: they are searched as if it did (a higher `row_version` wins, tombstones hide).
        Word statistics (document count, frequencies, lengths) are those of each scope key alone, over its active documents
        whose `known_until` is open: they move neither with the filters of a question nor with the clock.
        Raises `IndexUnavailableError`.
        """

    def speakers(self, scope: Scope, names: Collection[str], overlay: Sequence[IndexDocument | Tombstone] = ()) -> frozenset[str]:
        """Return those of these names that belong to a speaker of some document of the scope's keys.

        Names are as `backend.index.speakers.names_of` writes them. Documents count as they do for the word statistics.
        Raises `IndexUnavailableError`.
        """

    def versions(self, scope: Scope, memory_ids: Sequence[str]) -> Mapping[str, int]:
        """Return the highest `row_version` held (document or tombstone) of each memory that is held at all.

        Raises `IndexUnavailableError`.
        """

    def purge_tombstones(self, older_than_ms: int) -> int:
        """Drop tombstones recorded before this moment (epoch ms); return how many. Raises `IndexUnavailableError`."""

    def check(self) -> None:
        """Return when the index answers; raise `IndexUnavailableError` when it does not."""
