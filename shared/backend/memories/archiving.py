"""Putting a memory aside, and bringing it back: each is a revision, and nothing of the memory is lost by it."""

from __future__ import annotations

from datetime import datetime

from backend.memories.documents import changes_for
from backend.memories.model import Memory, Revision, State
from backend.memories.ports import MemoryStore, Rekeying, Step

ARCHIVED = "archived"
BROUGHT_BACK = "restored"


def put_aside(memory: Memory, actor: str | None, reason: str | None, now: datetime) -> Step:
    """Return the step that archives a memory. It keeps its guard and its claims, which count for nothing meanwhile.

    So the same fact said again is stored anew, as beside one that has ended, and contradicts nothing that is put aside.
    """
    closes = Revision(memory, now, actor, reason or ARCHIVED)
    filed = {"state": State.ARCHIVED, "archived_at": now, "state_reason": reason, "filed_at": memory.row_version + 1}
    away = memory.edited(now, actor, reason or ARCHIVED, **filed)
    return Step(away, changes_for(away, [closes]), closes)


def brought_back(memory: Memory, actor: str | None, now: datetime) -> Step:
    """Return the step that brings an archived memory back as it was, also one that had ended or was superseded."""
    closes = Revision(memory, now, actor, BROUGHT_BACK)
    filed = {"state": State.ACTIVE, "archived_at": None, "state_reason": None, "filed_at": memory.row_version + 1}
    back = memory.edited(now, actor, BROUGHT_BACK, **filed)
    return Step(back, changes_for(back, [closes]), closes)


def guarded_again(store: MemoryStore, memory: Memory, now: datetime) -> Rekeying | None:
    """Return how a memory that comes back gets its guard back, if it lost it to one that is gone since.

    What stands keeps the guard: the memory comes back beside it. One that nobody ever guarded gets none.
    """
    held = store.guarded_by(memory.scope_key, memory.extracted_key, memory.tenant_id)
    if held is None or held == memory.memory_id:
        return None
    holder = store.get(memory.tenant_id, held)
    if holder is not None and holder.stands(now):
        return None
    return Rekeying(take=memory.extracted_key, replacing=held)
