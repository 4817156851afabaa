"""A store and a queue in memory, with the promises of `ports.py`: for tests of what stands on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from threading import RLock

from backend.kit.errors import ConflictError, TableUnavailableError
from backend.kit.ids import Ids
from backend.usage.messages import message_of, parts_of
from backend.usage.model import Access, Tally, Target, Usage


class FakeUsageStore:
    """`UsageStore` over a dictionary. Set `down` and every call raises `TableUnavailableError`."""

    def __init__(self) -> None:
        self.down = False
        self._lock = RLock()
        self._tallies: dict[Target, Tally] = {}

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Usage]:
        """See the port."""
        found = self.tallies([(tenant_id, each) for each in memory_ids])
        return {memory_id: tally.usage for (_, memory_id), tally in found.items() if tally.usage.access_count}

    def tallies(self, targets: Sequence[Target]) -> dict[Target, Tally]:
        """See the port."""
        with self._answering():
            return {target: self._tallies.get(target, Tally()) for target in targets}

    def put(self, target: Target, tally: Tally) -> None:
        """See the port."""
        with self._answering():
            there = self._tallies.get(target, Tally())
            if there.is_gone or there.version != tally.version - 1:
                msg = "The memory was counted or forgotten at the same moment; read its tally again."
                raise ConflictError(msg)
            self._tallies[target] = tally

    def forget(self, tenant_id: str, memory_id: str, now: datetime) -> None:
        """See the port."""
        del now
        with self._answering():
            self._tallies[tenant_id, memory_id] = Tally(is_gone=True)

    def _answering(self) -> RLock:
        if self.down:
            msg = "The table was told to be down."
            raise TableUnavailableError(msg, retry_after=2)
        return self._lock


class FakeRecording:
    """`Recording` into a list of message bodies, as the queue would hold them."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self.messages: list[str] = []

    def record(self, tenant_id: str, memory_ids: Sequence[str], at: datetime) -> None:
        """See the port."""
        access = Access(self._ids.new("acc"), tenant_id, tuple(memory_ids), at)
        self.messages += [message_of(part) for part in parts_of(access)]
