"""What has expired is forgotten, as if its owner had asked for it. Nobody could find it any more since its time was up."""

from __future__ import annotations

from backend.kit import deadline, observability
from backend.kit.clock import Clock
from backend.kit.errors import ConflictError, DependencyUnavailableError
from backend.memories.documents import changes_for
from backend.memories.model import Memory, State
from backend.memories.ports import MemoryStore

ROWS_A_ROUND = 100
SPARE_SECONDS = 5.0
Target = tuple[str, str]
"""(tenant, memory id)"""


class Expiry:
    """Doing this twice, late or in several places is harmless: a row that was changed meanwhile waits for the next run."""

    def __init__(self, *, store: MemoryStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def sweep(self) -> int:
        """Forget what has expired, oldest first, until nothing is left or the time is nearly up; return how many that were.

        Raises `DependencyUnavailableError`: what was done by then is done, the rest is still due.
        """
        before = self._clock.now()
        seen: set[Target] = set()
        removed = stuck = 0
        while deadline.remaining() > SPARE_SECONDS:
            # What was seen may still be listed: the index of what is due is a little behind, and some rows cannot be helped.
            # Asking for as many more keeps them from hiding what stands behind them.
            found = self._store.expired(before, ROWS_A_ROUND + stuck)
            targets = [target for target in found if target not in seen]
            if not targets and len(found) < ROWS_A_ROUND + stuck:
                break
            stuck = len(found) - len(targets)
            for target in targets:
                if deadline.remaining() <= SPARE_SECONDS:
                    break
                seen.add(target)
                removed += self._removed(*target)
        observability.count("expired", removed)
        return removed

    def _removed(self, tenant_id: str, memory_id: str) -> bool:
        row = self._row(tenant_id, memory_id)
        now = self._clock.now()
        # Its time may have been put off since it was listed, and only the row itself says so.
        if row is None or row.state is State.FORGOTTEN or not row.is_expired(now):
            return False
        gone = row.forgotten(now)
        try:
            self._store.replace(gone, changes_for(gone))
        except ConflictError:
            return False
        return True

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
