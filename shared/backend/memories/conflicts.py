"""Statements that cannot both hold: of one subject two values of an attribute that has one at a time.

Only what claims the same attribute of the same subject, said by the same speaker about the same owner's things, is ever
compared: two likes, two visits, two unrelated facts never meet here (`extraction/claims.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import attrgetter
from typing import Protocol

from backend.memories.documents import changes_for
from backend.memories.model import Memory, OnConflict, Revision, State
from backend.memories.policy import MemoryPolicy, Verdict
from backend.memories.ports import Contest, Holders, MemoryStore, Step

MOST_HOLDERS = 16
"""Of one claim: memories that were kept beside each other. The oldest is no longer compared."""

MOST_PAST = 24
"""Of one claim: memories that have ended, which only what is said late meets. With these the item is written for one unit."""

SUPERSEDED = "superseded"
_MomentOf = Callable[[Memory], datetime]
_BEGAN: _MomentOf = attrgetter("valid_from")
_WAS_SAID: _MomentOf = attrgetter("held_at")


@dataclass(frozen=True, slots=True)
class Settled:
    """A new memory as it is to be stored, and the change of who holds what it claims."""

    memory: Memory
    contest: Contest | None = None
    known: Memory | None = None
    """The memory that says the same of the same time already: further evidence of it, where nothing is to stand twice."""


class Claims(Protocol):
    """Knows who holds what: a `MemoryStore`, or what one would be."""

    def holders(self, tenant_id: str, claim: tuple[str, ...]) -> Holders:
        """Return who holds a claim."""

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Return the rows that exist, by id."""

    def guarded_by(self, scope_key: str, extracted_key: str, tenant_id: str) -> str | None:
        """Return the id of the memory that holds the guard of a key."""


class Imagined:
    """`Claims` as they would be with the memories of one tenant that were taken: nothing of it is stored."""

    def __init__(self, store: Claims) -> None:
        self._store = store
        self._holders: dict[tuple[str, ...], Holders] = {}
        self._guards: dict[tuple[str, str], str] = {}
        self._rows: dict[str, Memory] = {}
        self._new: set[str] = set()

    def holders(self, tenant_id: str, claim: tuple[str, ...]) -> Holders:
        """Return who would hold a claim."""
        return self._holders.get(claim) or self._store.holders(tenant_id, claim)

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Return the rows as they would be."""
        return {
            **self._store.get_many(tenant_id, memory_ids),
            **{each: self._rows[each] for each in memory_ids if each in self._rows},
        }

    def guarded_by(self, scope_key: str, extracted_key: str, tenant_id: str) -> str | None:
        """Return who would hold the guard of a key."""
        return self._guards.get((scope_key, extracted_key)) or self._store.guarded_by(scope_key, extracted_key, tenant_id)

    def has_taken(self, memory_id: str) -> bool:
        """Tell whether this memory is one that would be stored: its id is none."""
        return memory_id in self._new

    def keep(self, memory: Memory) -> None:
        """Go on as if this row were so."""
        self._rows[memory.memory_id] = memory

    def take(self, end: Settled, *, guarded: bool) -> None:
        """Go on as if this were stored, with the guard of its key or without."""
        self._rows[end.memory.memory_id] = end.memory
        self._new.add(end.memory.memory_id)
        if guarded:
            self._guards[end.memory.scope_key, end.memory.guard_key] = end.memory.memory_id
        if end.contest:
            self._holders[end.contest.claim] = end.contest.holds
            self._rows.update({step.memory.memory_id: step.memory for step in end.contest.retired})


def claim_of(memory: Memory) -> tuple[str, ...] | None:
    """Return what a memory's claim is kept under, None for one that claims nothing."""
    if memory.claimed is None:
        return None
    return memory.scope_key, memory.speaker or "", memory.claimed.subject, memory.claimed.attribute


def settled(store: Claims, new: Memory, policy: MemoryPolicy, asked: OnConflict | None, now: datetime) -> Settled:
    """Return what becomes of a new memory beside those that claim the same of the same subject, each at its own time.

    What was said late ends where the next one began, and meets only those that held in its time. What ended by its own words
    while another one held on retires nothing. What begins or ends only in the future is compared like the rest: until then
    both hold the claim.
    """
    claim = claim_of(new)
    if claim is None or not new.is_live(now):
        return Settled(new)
    seen = store.holders(new.tenant_id, claim)
    # An add of today begins after everything that has ended, so it never pays for the history.
    meets_past = seen.past_until is not None and new.valid_from <= seen.past_until
    named = [*(seen.past if meets_past else ()), *seen.memory_ids]
    found = store.get_many(new.tenant_id, [each for each in named if each != new.memory_id])
    rows = [found[each] for each in named if each in found and found[each].is_live(now) and claim_of(found[each]) == claim]
    enders = [each for each in rows if _ends(new, each, policy, asked)]
    begun = _until_the_next(new, enders, _BEGAN, now)
    known = None if new.memory_id in named else _known(new, begun, rows, now)
    timed = _until_the_next(begun, enders, _WAS_SAID, now)
    met = [each for each in rows if contradicts(timed, each) and _overlap(timed, each)]
    verdicts = {each.memory_id: policy.verdict(timed, each, asked) for each in met}
    if Verdict.INBOX in verdicts.values():
        return Settled(replace(new, state=State.DISPUTED, disputes=tuple(verdicts), rule="same_claim"), known=known)
    beaten = [each for each in met if verdicts[each.memory_id] is Verdict.SUPERSEDES]
    losers = [each for each in beaten if not _is_within(timed.valid_until, each.valid_until, now)][-MOST_HOLDERS:]
    winner = replace(timed, supersedes=tuple(each.memory_id for each in losers))
    steps = tuple(retired(each, winner, now) for each in losers)
    ended = {each.memory.memory_id: each.memory for each in steps}
    after = [*(ended.get(each.memory_id, each) for each in rows), winner]
    return Settled(winner, _contest(claim, seen, after, now, meets_past=meets_past, steps=steps), known)


def joined(store: MemoryStore, memory: Memory) -> Contest | None:
    """Return how a memory joins those that claim the same as its new version: beside them, for an edit retires nothing."""
    claim = claim_of(memory)
    if claim is None:
        return None
    seen = store.holders(memory.tenant_id, claim)
    others = [each for each in seen.memory_ids if each != memory.memory_id]
    past = tuple(each for each in seen.past if each != memory.memory_id)
    return Contest(claim, seen, (*others, memory.memory_id)[-MOST_HOLDERS:], past=past, past_until=seen.past_until)


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
        ended_before=_said_until(loser),
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


def _until_the_next(new: Memory, others: Sequence[Memory], moment_of: _MomentOf, now: datetime) -> Memory:
    """Return the new memory with the end that those set which begin later, or were said again later, the last of them first.

    One that ended by its own words while the new one holds on is an episode: it sets none.
    """
    later = [each for each in others if moment_of(each) > new.valid_from]
    for each in sorted(later, key=moment_of, reverse=True):
        if _overlap(new, each) and not _is_within(_said_until(each), new.valid_until, now):
            end = min(moment_of(each), new.valid_until or moment_of(each))
            new = replace(new, valid_until=end, ended_before=_said_until(new), superseded_by=each.memory_id, superseded_at=now)
    return new


def _ends(new: Memory, other: Memory, policy: MemoryPolicy, asked: OnConflict | None) -> bool:
    """Tell whether the new one held only until the other one began, or was said again."""
    if contradicts(new, other):
        return policy.verdict(new, other, asked) is Verdict.ENDED
    # The same, said of an earlier time, is what held before; whether it went on all the while nobody said.
    is_same = bool(new.extracted_key) and new.extracted_key == other.extracted_key
    return is_same and new.is_late and new.valid_from < other.valid_from and asked is not OnConflict.KEEP_BOTH


def _known(new: Memory, timed: Memory, rows: Sequence[Memory], now: datetime) -> Memory | None:
    """Return the memory that says this already: one that stands, and of what was said late one that held in its time."""
    same = [each for each in rows if each.extracted_key and each.extracted_key == new.extracted_key]
    says = [each for each in same if (_says(each, new, timed, now) if new.is_late else each.stands(now))]
    # Of several the one that was said of this time or later before: of that nothing is new.
    return max(says, key=lambda each: max(each.valid_from, each.last_said or each.valid_from) >= new.valid_from, default=None)


def _says(row: Memory, new: Memory, timed: Memory, now: datetime) -> bool:
    # Where another one took its place at the very moment of which it was said, it was said of that moment all the same.
    if new.valid_from not in {row.valid_from, row.last_said} and not row.holds(new.valid_from):
        return False
    end = _said_until(row)
    return end is None or end > now or any(until is not None and until <= end for until in (new.valid_until, timed.valid_until))


def _contest(  # noqa: PLR0913 - one word for each thing that it is made of
    claim: tuple[str, ...], seen: Holders, after: Sequence[Memory], now: datetime, *, meets_past: bool, steps: tuple[Step, ...]
) -> Contest:
    """Return who is to hold a claim, and who held it: those that were not read stay as they are."""
    standing = [each.memory_id for each in after if each.stands(now)]
    ended = [each for each in after if not each.stands(now)]
    past = dict.fromkeys([*(() if meets_past else seen.past), *(each.memory_id for each in ended)])
    moments = [each for each in (seen.past_until, *(each.valid_until for each in ended)) if each]
    return Contest(
        claim,
        seen,
        tuple(standing[-MOST_HOLDERS:]),
        steps,
        past=tuple(past)[-MOST_PAST:],
        past_until=max(moments, default=None),
    )


def _said_until(memory: Memory) -> datetime | None:
    """Return until when it was said to hold, whatever took its place before that."""
    return memory.ended_before if memory.superseded_by else memory.valid_until


def _overlap(one: Memory, other: Memory) -> bool:
    """Tell whether there is a moment at which both hold, or would."""
    return (one.valid_until is None or other.valid_from < one.valid_until) and (
        other.valid_until is None or one.valid_from < other.valid_until
    )


def _is_within(until: datetime | None, other_until: datetime | None, now: datetime) -> bool:
    """Tell whether what lasted until then has ended, and sooner than the other: cutting that would lose its rest."""
    return until is not None and until <= now and (other_until is None or until < other_until)
