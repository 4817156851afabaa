"""Statements that cannot both hold: of one subject two values of an attribute that has one at a time.

Only what claims the same attribute of the same subject, said by the same speaker about the same owner's things, is ever
compared: two likes, two visits, two unrelated facts never meet here (`extraction/claims.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from backend.memories.documents import changes_for
from backend.memories.model import Memory, OnConflict, Revision, State
from backend.memories.policy import MemoryPolicy, Verdict
from backend.memories.ports import Contest, Holders, MemoryStore, Step

MOST_HOLDERS = 16
"""Of one claim: memories that were kept beside each other. The oldest is no longer compared."""

SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Settled:
    """A new memory as it is to be stored, and the change of who holds what it claims."""

    memory: Memory
    contest: Contest | None = None


class Claims(Protocol):
    """Knows who holds what: a `MemoryStore`, or what one would be."""

    def holders(self, tenant_id: str, claim: tuple[str, ...]) -> Holders:
        """Return who holds a claim."""

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Return the rows that exist, by id."""


class Imagined:
    """`Claims` as they would be with the memories of one tenant that were taken: nothing of it is stored."""

    def __init__(self, store: Claims) -> None:
        self._store = store
        self._holders: dict[tuple[str, ...], Holders] = {}
        self._rows: dict[str, Memory] = {}

    def holders(self, tenant_id: str, claim: tuple[str, ...]) -> Holders:
        """Return who would hold a claim."""
        return self._holders.get(claim) or self._store.holders(tenant_id, claim)

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Return the rows as they would be."""
        return {
            **self._store.get_many(tenant_id, memory_ids),
            **{each: self._rows[each] for each in memory_ids if each in self._rows},
        }

    def take(self, end: Settled) -> None:
        """Go on as if this were stored."""
        self._rows[end.memory.memory_id] = end.memory
        if end.contest:
            self._holders[end.contest.claim] = Holders(end.contest.holders, end.contest.seen.version + 1)
            self._rows.update({step.memory.memory_id: step.memory for step in end.contest.retired})


def claim_of(memory: Memory) -> tuple[str, ...] | None:
    """Return what a memory's claim is kept under, None for one that claims nothing."""
    if memory.claimed is None:
        return None
    return memory.scope_key, memory.speaker or "", memory.claimed.subject, memory.claimed.attribute


def settled(store: Claims, new: Memory, policy: MemoryPolicy, asked: OnConflict | None, now: datetime) -> Settled:
    """Return what becomes of a new memory beside those that claim the same of the same subject.

    What has ended by now, as its caller says or as it was said late, retires nothing. What begins or ends only in the future
    is compared like the rest: until then both hold the claim.
    """
    claim = claim_of(new)
    if claim is None or not new.stands(now):
        return Settled(new)
    seen = store.holders(new.tenant_id, claim)
    rows = store.get_many(new.tenant_id, [each for each in seen.memory_ids if each != new.memory_id])
    standing = [rows[each] for each in seen.memory_ids if each in rows and _is_in(rows[each], claim, now)]
    against = [each for each in standing if contradicts(new, each) and _overlap(new, each)]
    verdicts = {each.memory_id: policy.verdict(new, each, asked) for each in against}
    if Verdict.INBOX in verdicts.values():
        return Settled(replace(new, state=State.DISPUTED, disputes=tuple(verdicts), rule="same_claim"))
    later = [each.valid_from for each in against if verdicts[each.memory_id] is Verdict.ENDED]
    if later:
        new = replace(new, valid_until=min([*later, *([new.valid_until] if new.valid_until else [])]))
        if not new.stands(now):
            return Settled(new)
    losers = [each for each in against if verdicts[each.memory_id] is Verdict.SUPERSEDES]
    winner = replace(new, supersedes=tuple(each.memory_id for each in losers))
    kept = [each.memory_id for each in standing if each not in losers or winner.valid_from > now]
    holders = (*kept, new.memory_id)[-MOST_HOLDERS:]
    return Settled(winner, Contest(claim, seen, holders, tuple(retired(each, winner, now) for each in losers)))


def joined(store: MemoryStore, memory: Memory) -> Contest | None:
    """Return how a memory joins those that claim the same as its new version: beside them, for an edit retires nothing."""
    claim = claim_of(memory)
    if claim is None:
        return None
    seen = store.holders(memory.tenant_id, claim)
    others = [each for each in seen.memory_ids if each != memory.memory_id]
    return Contest(claim, seen, (*others, memory.memory_id)[-MOST_HOLDERS:])


def contradicts(new: Memory, other: Memory) -> bool:
    """Tell whether both claim another value of the same. One that says the same more exactly does not: Lisbon, old Lisbon."""
    if new.claimed is None or other.claimed is None:
        return False
    said, held = set(new.claimed.value.split()), set(other.claimed.value.split())
    return not (said <= held or held <= said)


def retired(loser: Memory, winner: Memory, now: datetime) -> Step:
    """Return the step by which a memory stops holding where the winner begins to; it stays, with all it stands on."""
    end = max(winner.valid_from, loser.valid_from)
    closes = Revision(loser, now, winner.actor, SUPERSEDED)
    ended = loser.edited(
        now,
        winner.actor,
        SUPERSEDED,
        valid_until=end,
        ended_before=loser.valid_until,
        superseded_by=winner.memory_id,
        superseded_at=now,
    )
    return Step(ended, changes_for(ended, [closes]), closes)


def restored(memory: Memory, actor: str | None, now: datetime) -> Step:
    """Return the step that undoes a supersession: the memory holds as it did before."""
    closes = Revision(memory, now, actor, "restored")
    back = memory.edited(
        now, actor, "restored", valid_until=memory.ended_before, ended_before=None, superseded_by=None, superseded_at=None
    )
    return Step(back, changes_for(back, [closes]), closes)


def _overlap(one: Memory, other: Memory) -> bool:
    """Tell whether there is a moment at which both hold, or would."""
    return (one.valid_until is None or other.valid_from < one.valid_until) and (
        other.valid_until is None or one.valid_from < other.valid_until
    )


def _is_in(memory: Memory, claim: tuple[str, ...], now: datetime) -> bool:
    """Tell whether a holder claims this still: its text may have been changed since."""
    return memory.stands(now) and claim_of(memory) == claim
