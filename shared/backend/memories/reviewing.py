"""What waits for a person's word: statements that contradict what is known, and texts that look like orders to a model."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from backend.embedding.documents import document_vectors
from backend.embedding.ports import Embedder
from backend.kit.clock import Clock
from backend.kit.errors import (
    ConflictError,
    EmbeddingUnavailableError,
    MemoryNotFoundError,
    ThrottledError,
)
from backend.kit.ids import Ids
from backend.memories.conflicts import settled
from backend.memories.documents import changes_for
from backend.memories.listing import Listing, Page
from backend.memories.model import (
    WAITING,
    Memory,
    OnConflict,
    Revision,
    State,
)
from backend.memories.once import Once
from backend.memories.outcomes import (
    CandidateOutcome,
    Claim,
    Done,
    Outcome,
    Request,
)
from backend.memories.owned import own_row
from backend.memories.policy_ports import PolicySource
from backend.memories.ports import ContestedError, GuardTakenError, MemoryStore, Rekeying, RequestLog
from backend.tenancy.scope import Scope

MOST_TRIES = 8
EVIDENCE_A_PAGE = 100


class Decision(StrEnum):
    """What a person says of a memory that waits."""

    SUPERSEDE = "supersede"
    KEEP_BOTH = "keep_both"
    REJECT = "reject"
    APPROVE = "approve"
    """Of a quarantined one: it is taken as if it had just been said."""


_ASKED = {Decision.SUPERSEDE: OnConflict.SUPERSEDE, Decision.KEEP_BOTH: OnConflict.KEEP_BOTH, Decision.APPROVE: None}
_DECIDES = {
    State.DISPUTED: (Decision.SUPERSEDE, Decision.KEEP_BOTH, Decision.REJECT),
    State.QUARANTINED: (Decision.APPROVE, Decision.REJECT),
}


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision: the memory that holds now, and the outcome."""

    memory: Memory
    outcome: CandidateOutcome


class Reviewing:
    """The use cases of those who decide."""

    def __init__(  # noqa: PLR0913 - one word for each thing it stands on
        self,
        *,
        store: MemoryStore,
        requests: RequestLog,
        embedder: Embedder,
        policies: PolicySource,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._store = store
        self._once = Once(requests=requests, clock=clock, ids=ids)
        self._embedder = embedder
        self._policies = policies
        self._clock = clock

    def waiting(self, scope: Scope, state: State, limit: int, before: str | None) -> tuple[Page, dict[str, Memory]]:
        """Return what waits in this state, newest first, and the memories that these contradict, by id."""
        page = self._store.page(scope, limit=limit, before=before, now=self._clock.now(), listing=Listing(state=state))
        others = list(dict.fromkeys(each for memory in page.memories for each in memory.disputes))
        rows = self._store.get_many(scope.tenant_id, others) if others else {}
        return page, {name: row for name, row in rows.items() if row.readable_by(scope, self._clock.now())}

    def decide(
        self, scope: Scope, memory_id: str, decision: Decision, request: Request | None, actor: str | None
    ) -> tuple[Decided, bool]:
        """Do what a person says of a memory that waits; return what came of it, and whether this is a replay.

        Raises `MemoryNotFoundError` for one that does not wait for such a word, `ThrottledError`.
        """

        def work(claim: Claim) -> tuple[Decided, Done]:
            decided = self._decided(scope, memory_id, decision, actor, claim)
            return decided, Done((decided.outcome,), (decided.memory.memory_id,))

        return self._once.done(scope.tenant_id, request, work, lambda done: self._replayed(scope, done))

    def _replayed(self, scope: Scope, done: Done) -> Decided:
        memory = own_row(self._store, scope, done.memory_ids[0])
        is_gone = memory is not None and not memory.readable_by(scope, self._clock.now())
        if memory is None or (is_gone and done.outcomes[0].outcome is not Outcome.POLICY):
            raise MemoryNotFoundError(done.memory_ids[0])
        return Decided(memory, done.outcomes[0])

    def _decided(self, scope: Scope, memory_id: str, decision: Decision, actor: str | None, claim: Claim) -> Decided:
        for _ in range(MOST_TRIES):
            memory = own_row(self._store, scope, memory_id)
            if memory is None or memory.is_expired(self._clock.now()):
                raise MemoryNotFoundError(memory_id)
            if claim.resumed and memory.state not in WAITING:
                return self._done_before(scope, memory, decision)
            if decision not in _DECIDES.get(memory.state, ()):
                raise MemoryNotFoundError(memory_id)
            decided = self._rejected(memory, actor) if decision is Decision.REJECT else self._accepted(memory, decision, actor)
            if decided:
                return decided
        msg = "The memory keeps changing; try again."
        raise ThrottledError(msg, retry_after=1)

    def _done_before(self, scope: Scope, memory: Memory, decision: Decision) -> Decided:
        """Return what an attempt under the same key did, which died before it could say so.

        Raises `MemoryNotFoundError` for what somebody else has forgotten since.
        """
        if memory.state is not State.FORGOTTEN or decision is Decision.REJECT:
            return Decided(memory, _outcome(memory))
        holder = own_row(self._store, scope, memory.superseded_by) if memory.superseded_by else None
        if holder is None or not holder.readable_by(scope, self._clock.now()):
            raise MemoryNotFoundError(memory.memory_id)
        return Decided(holder, _merged_into(holder))

    def _rejected(self, memory: Memory, actor: str | None) -> Decided | None:
        gone = replace(memory.forgotten(self._clock.now()), actor=actor, reason="rejected")
        return Decided(gone, _outcome(gone)) if self._is_stored(memory, gone) else None

    def _accepted(self, memory: Memory, decision: Decision, actor: str | None) -> Decided | None:
        now = self._clock.now()
        policy = self._policies.of(memory.tenant_id)
        closes = Revision(memory, now, actor, decision.value)
        taken = memory.edited(now, actor, decision.value, state=State.ACTIVE, rule=None, disputes=(), **self._vectors(memory))
        end = settled(self._store, taken, policy, _ASKED[decision], now)
        if end.known and self._holds_guard(memory):
            return self._merged(memory, end.known, actor)
        active = end.memory
        try:
            self._store.replace(
                active,
                changes_for(active, [closes]),
                closes=closes,
                rekeying=self._rekeying(memory, active),
                contest=end.contest,
            )
        except GuardTakenError as held:
            holder = self._store.get(memory.tenant_id, held.memory_id)
            if holder is None or not holder.stands(now):
                return None
            return self._merged(memory, holder, actor)
        except (ConflictError, ContestedError):
            return None
        return Decided(active, _outcome(active))

    def _merged(self, memory: Memory, holder: Memory, actor: str | None) -> Decided | None:
        """Let a memory that is known by now become evidence of the one that holds."""
        after: str | None = None
        while True:
            page = self._store.evidence(memory.tenant_id, memory.memory_id, limit=EVIDENCE_A_PAGE, after=after)
            moved = [replace(each, memory_id=holder.memory_id) for each in page.evidence]
            self._store.record_evidence(memory.tenant_id, moved)
            after = page.next_id
            if after is None:
                break
        gone = replace(memory.forgotten(self._clock.now()), actor=actor, reason="merged", superseded_by=holder.memory_id)
        return Decided(holder, _merged_into(holder)) if self._is_stored(memory, gone) else None

    def _is_stored(self, memory: Memory, gone: Memory) -> bool:
        release = Rekeying(release=memory.guard_key) if self._holds_guard(memory) else None
        try:
            self._store.replace(gone, changes_for(gone), rekeying=release)
        except (ConflictError, ContestedError):
            return False
        return True

    def _rekeying(self, memory: Memory, active: Memory) -> Rekeying | None:
        """Return how the guard moves; one that was stored without a guard takes none."""
        if not self._holds_guard(memory) or active.guard_key == memory.guard_key:
            return None
        taken = self._store.guarded_by(memory.scope_key, active.guard_key, memory.tenant_id)
        holder = self._store.get(memory.tenant_id, taken) if taken else None
        now = self._clock.now()
        is_free = holder is None or not holder.stands(now)
        if not is_free and not active.stands(now):
            # It was said late, and is none that holds: the key stays with what does.
            return Rekeying(memory.guard_key)
        return Rekeying(memory.guard_key, active.guard_key, taken if taken and is_free else None)

    def _holds_guard(self, memory: Memory) -> bool:
        return self._store.guarded_by(memory.scope_key, memory.guard_key, memory.tenant_id) == memory.memory_id

    def _vectors(self, memory: Memory) -> dict[str, object]:
        if memory.vector or memory.unreadable:
            return {}
        try:
            vectors = document_vectors(self._embedder, [memory.text[start:end] for start, end in memory.pieces])
        except EmbeddingUnavailableError:
            return {}
        found = {"vector": vectors[0], "more_vectors": tuple(vectors[1:]), "vectors_at": memory.revision + 1}
        return {**found, "model": self._embedder.model.identity}


def _merged_into(holder: Memory) -> CandidateOutcome:
    return CandidateOutcome(0, Outcome.MERGED, holder.memory_id, "extracted_key")


def _outcome(memory: Memory) -> CandidateOutcome:
    if memory.state is State.FORGOTTEN:
        return CandidateOutcome(0, Outcome.POLICY, memory.memory_id, "rejected")
    if memory.state in WAITING:
        return CandidateOutcome(0, Outcome(memory.state.value), memory.memory_id, memory.rule)
    return CandidateOutcome(0, Outcome.SUPERSEDED if memory.supersedes else Outcome.STORED, memory.memory_id)
