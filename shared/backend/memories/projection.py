"""From the table to the index: on a change, for what was missed, and for vectors that are still owed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from backend.embedding.documents import Unembeddable, vectors_of_each
from backend.embedding.model import Vector
from backend.embedding.ports import Embedder
from backend.index.ports import MemoryIndex
from backend.kit import deadline, observability
from backend.kit.clock import Clock, epoch_ms
from backend.kit.errors import (
    ConflictError,
    DependencyUnavailableError,
    EmbeddingUnavailableError,
    IndexUnavailableError,
)
from backend.memories.documents import changes_for
from backend.memories.model import Memory
from backend.memories.ports import MemoryStore, Parking

Target = tuple[str, str]
"""(tenant, memory id)"""

OVERDUE_AFTER = timedelta(seconds=60)
TOMBSTONES_LAST = timedelta(days=15)
"""Longer than any stream record (24 hours) or queued message (14 days) can be late."""

ROWS_A_ROUND = 100
TEXTS_A_ROUND = 32
SPARE_SECONDS = 5.0
TRIES_ALONE = 2


@dataclass(frozen=True, slots=True)
class Projected:
    """How many rows the index now shows, and how many had to be put aside."""

    shown: int
    parked: int


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many rows the index was given again, and where to go on, None when it has them all."""

    shown: int
    after: dict[str, str] | None


class Projection:
    """The table is the truth; the index shows it. Doing any of this twice, late or in any order is harmless."""

    def __init__(self, *, store: MemoryStore, index: MemoryIndex, embedder: Embedder, parking: Parking, clock: Clock) -> None:
        self._store = store
        self._index = index
        self._embedder = embedder
        self._parking = parking
        self._clock = clock

    def project(self, targets: Iterable[Target]) -> Projected:
        """Make the index show these (tenant, memory id) as the table has them now, then drop their markers.

        Raises `DependencyUnavailableError` when table or index do not answer: then every marker is still there. A row that
        fails for any other reason is parked after a second try alone, so that it holds up nobody. One that cannot even be
        read is left with its marker: the log names it each time.
        """
        by_tenant: dict[str, list[str]] = defaultdict(list)
        for tenant_id, memory_id in dict.fromkeys(targets):
            by_tenant[tenant_id].append(memory_id)
        shown = parked = 0
        for tenant_id, memory_ids in by_tenant.items():
            rows = self._rows(tenant_id, memory_ids)
            done = self._shown(tenant_id, rows)
            shown += len(done)
            parked += len(rows) - len(done)
            self._store.settle(*done)
        observability.count("projected", shown)
        observability.count("parked", parked)
        return Projected(shown, parked)

    def follow(self, targets: Iterable[Target]) -> None:
        """Project what a stream names.

        While table or index do not answer nothing is raised: the markers are the guarantee, the sweep comes back to them,
        and a stream that stands still would hold up everything behind it.
        """
        try:
            self.project(targets)
        except DependencyUnavailableError as error:
            observability.note(left_to_sweep=type(error).__name__)

    def sweep(self) -> int:
        """Project what should have been projected a minute ago; return how many rows that were."""
        before = self._clock.now() - OVERDUE_AFTER
        return self._rounds(lambda limit: self._store.overdue(before, limit), self._swept, ROWS_A_ROUND)

    def rebuild(self, after: dict[str, str] | None = None) -> Rebuilt:
        """Project all rows there are, from this place on, until the time is nearly up: for an index that was lost.

        Raises what `project` raises: then `after` is still the place to go on from.
        """
        shown = 0
        while True:
            targets, after = self._store.walk(after)
            shown += self.project(targets).shown
            if after is None or deadline.remaining() <= SPARE_SECONDS:
                return Rebuilt(shown, after)

    def purge(self) -> int:
        """Drop tombstones that nothing late can contradict any more; return how many. Raises `IndexUnavailableError`."""
        purged = self._index.purge_tombstones(epoch_ms(self._clock.now() - TOMBSTONES_LAST))
        observability.count("purged", purged)
        return purged

    def repair(self) -> int:
        """Give vectors to the rows that wait for one, oldest first; return how many got theirs."""
        before = self._clock.now()
        return self._rounds(lambda limit: self._store.without_vector(before, limit), self._repaired, TEXTS_A_ROUND)

    def _rounds(self, due: Callable[[int], list[Target]], work: Callable[[list[Target]], int], size: int) -> int:
        """Work through what is due, round by round, until nothing new is, a round fails, or the time is nearly up."""
        total = stuck = 0
        seen: set[Target] = set()
        while deadline.remaining() > SPARE_SECONDS:
            # What could not be helped is still due. Asking for as many more keeps it from hiding what stands behind it.
            found = due(size + stuck)
            targets = [target for target in found if target not in seen]
            if not targets and len(found) < size + stuck:
                break
            stuck = len(found) - len(targets)
            seen.update(targets)
            try:
                total += work(targets)
            except EmbeddingUnavailableError:
                observability.note(embedder="down")
                observability.count("embedder_down")
                break
        return total

    def _swept(self, targets: list[Target]) -> int:
        return self.project(targets).shown

    def _repaired(self, targets: list[Target]) -> int:
        by_tenant: dict[str, list[str]] = defaultdict(list)
        for tenant_id, memory_id in targets:
            by_tenant[tenant_id].append(memory_id)
        rows = [row for tenant_id, memory_ids in by_tenant.items() for row in self._rows(tenant_id, memory_ids)]
        filled = sum(self._filled(batch) for batch in _batches([row for row in rows if row.owes_vector]))
        observability.count("repaired", filled)
        return filled

    def _filled(self, waiting: Sequence[Memory]) -> int:
        """Give vectors to these; return how many got theirs. One whose text the embedder cannot do keeps none from its own.

        Raises `EmbeddingUnavailableError` when the embedder is down: then no try is counted against anybody.
        """
        made = vectors_of_each(self._embedder, [_texts(memory) for memory in waiting])
        filled = 0
        for memory in waiting:
            if deadline.remaining() <= SPARE_SECONDS:
                break
            found = next(made)
            if isinstance(found, Unembeddable):
                self._failed(memory, found.reason)
            else:
                filled += self._kept(memory, found)
        return filled

    def _kept(self, memory: Memory, vectors: Sequence[Vector]) -> bool:
        whole = memory.with_vectors(vectors, self._embedder.model.identity, self._clock.now())
        try:
            self._store.replace(whole, changes_for(whole))
        except ConflictError:
            # Somebody changed the row meanwhile; where it still waits for its vector it comes up again.
            return False
        return True

    def _failed(self, memory: Memory, reason: str) -> None:
        """Count a try; after the last one the row is parked with its reason and no longer comes up."""
        tried = memory.changed(self._clock.now(), embed_tries=memory.embed_tries + 1)
        if tried.is_given_up:
            self._parking.park(memory.tenant_id, memory.memory_id, memory.row_version, reason)
        with suppress(ConflictError):
            self._store.replace(tried, self._store.changes(tried))

    def _rows(self, tenant_id: str, memory_ids: Sequence[str]) -> list[Memory]:
        """Return the rows that are there. One that cannot be read keeps none of the others from being read."""
        try:
            return list(self._store.get_many(tenant_id, memory_ids).values())
        except DependencyUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are read one by one
            observability.log_failure("rows could not be read together", error)
        found = (self._row(tenant_id, memory_id) for memory_id in memory_ids)
        return [row for row in found if row]

    def _row(self, tenant_id: str, memory_id: str) -> Memory | None:
        try:
            return self._store.get(tenant_id, memory_id)
        except DependencyUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, one row must not hold up all the others
            observability.note(unreadable=memory_id)
            observability.count("unreadable")
            observability.log_failure("a row could not be read", error)
            return None

    def _shown(self, tenant_id: str, rows: Sequence[Memory]) -> list[Memory]:
        """Write the rows to the index together, and one by one when they fail together; return those it now shows."""
        try:
            self._index.write(tenant_id, [change for row in rows for change in self._store.changes(row)])
        except IndexUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, one row of them must not hold up the others
            observability.log_failure("a batch could not be projected", error)
            return [row for row in rows if self._shown_alone(tenant_id, row)]
        return list(rows)

    def _shown_alone(self, tenant_id: str, row: Memory) -> bool:
        reason = ""
        for _ in range(TRIES_ALONE):
            try:
                self._index.write(tenant_id, self._store.changes(row))
            except DependencyUnavailableError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, one row must not hold up its shard: it is parked
                reason = type(error).__name__
            else:
                return True
        self._parking.park(tenant_id, row.memory_id, row.row_version, reason)
        self._store.set_aside(row)
        return False


def _texts(memory: Memory) -> list[str]:
    return [memory.text[start:end] for start, end in memory.pieces]


def _batches(waiting: Sequence[Memory]) -> Iterator[list[Memory]]:
    """Yield the memories in their order, as many at a time as have few enough pieces."""
    batch: list[Memory] = []
    size = 0
    for memory in waiting:
        if batch and size + len(memory.pieces) > TEXTS_A_ROUND:
            yield batch
            batch, size = [], 0
        batch.append(memory)
        size += len(memory.pieces)
    if batch:
        yield batch
