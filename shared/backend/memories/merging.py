"""What is said again: whether it is the same fact still, and what becomes of the memory that it merges into."""

from __future__ import annotations

from datetime import datetime

from backend.kit.errors import ConflictError
from backend.memories.model import WAITING, Memory
from backend.memories.ports import MemoryStore


def keeps(holder: Memory, planned: Memory, memory: Memory, now: datetime) -> bool:
    """Tell whether the holder of a guard is the same fact still, and what merges into it says no more of the time.

    `memory` is what is planned, as it is to be stored: a history that is told again is of facts that have ended.
    """
    if holder.state is memory.state and memory.state in WAITING:
        return True
    if holder.stands(now):
        # Of a claim it matters when it held: what was said of the time before is another thing.
        return not (planned.is_late and planned.claimed and holder.claimed and planned.valid_from < holder.valid_from)
    if holder.valid_until is None or not holder.is_live(now) or memory.stands(now):
        return False
    is_within = memory.valid_until is None or memory.valid_until <= holder.valid_until
    return is_within and holder.valid_from <= memory.valid_from < holder.valid_until


def merged(store: MemoryStore, holder: Memory, planned: Memory, now: datetime) -> Memory | None:
    """Return the holder, lasting no less than what merges into it, which would be lost with it; None if it was changed.

    What was said late says of a claim that it held still at its time, so that nobody ends it before that.
    """
    kept = as_lasting(holder, planned, now)
    if kept is not holder:
        try:
            store.replace(kept, store.changes(kept))
        except ConflictError:
            return None
    return kept


def as_lasting(holder: Memory, planned: Memory, now: datetime) -> Memory:
    """Return the holder as it is once the planned one has merged into it: the very same where nothing changes."""
    changes: dict[str, datetime | None] = {}
    if not holder.outlasts(planned):
        changes["expires_at"] = planned.expires_at
    if holder.claimed and planned.is_late and planned.valid_from > max(holder.valid_from, holder.last_said or holder.valid_from):
        changes["last_said"] = planned.valid_from
    return holder.changed(now, **changes) if changes else holder
