"""Adding, reading, listing and forgetting memories."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from backend.embedding.model import Purpose, Vector
from backend.embedding.ports import Embedder
from backend.kit import observability
from backend.kit.clock import Clock
from backend.kit.errors import (
    ConflictError,
    DependencyUnavailableError,
    EmbeddingUnavailableError,
    Fault,
    GoneError,
    MemoryNotFoundError,
    NewerReleaseError,
    PreconditionFailedError,
    ThrottledError,
)
from backend.kit.ids import Ids
from backend.memories.documents import change_for, document_of
from backend.memories.model import (
    Added,
    Candidate,
    CandidateOutcome,
    Claim,
    Done,
    Evidence,
    Memory,
    Outcome,
    Page,
    Preview,
    Request,
    Said,
    VectorState,
)
from backend.memories.ports import Extractor, GuardTakenError, MemoryStore, RequestLog
from backend.tenancy.scope import Scope

MOST_TRIES = 6
_GONE = "This request was done before, and what it stored was forgotten or has expired since."


class MemoryService:
    """The use cases of the memory itself."""

    def __init__(  # noqa: PLR0913 - one word for each thing it stands on
        self,
        *,
        store: MemoryStore,
        requests: RequestLog,
        extractor: Extractor,
        embedder: Embedder,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._store = store
        self._requests = requests
        self._extractor = extractor
        self._embedder = embedder
        self._clock = clock
        self._ids = ids

    def add(self, scope: Scope, said: Said, request: Request | None = None) -> Added:
        """Remember what was said; with a request, once only, however often it is sent.

        Raises `IdempotencyKeyReusedError`, `RequestInFlightError`, `GoneError`, `DependencyUnavailableError`.
        """
        claim = self._claim(scope, request)
        if isinstance(claim, Done):
            return self._replayed(scope, claim)
        try:
            added = self._remember(scope, said, claim)
            done = Done(added.outcomes, tuple(memory.memory_id for memory in added.memories))
            recorded = self._requests.complete(claim, done, keep_forever=True, now=self._clock.now())
        except Exception:
            self._release(claim)
            raise
        # Another attempt under this claim may have said first what came of it: then that is the answer.
        return added if recorded == done else self._replayed(scope, recorded)

    def preview(self, scope: Scope, said: Said) -> Preview:
        """Say what `add` would do, and do nothing."""
        candidates = self._extractor.extract(said)
        outcomes = []
        for number, candidate in enumerate(candidates):
            holder = self._holder(scope, candidate) if said.deduplicate else None
            outcome = Outcome.MERGED if holder else Outcome.STORED
            rule = "extracted_key" if holder else None
            outcomes.append(CandidateOutcome(number, outcome, holder.memory_id if holder else "", rule))
        return Preview(tuple(candidates), tuple(outcomes))

    def get(self, scope: Scope, memory_id: str) -> Memory:
        """Return a memory. Raises `MemoryNotFoundError` for what is not there, forgotten, expired or somebody else's."""
        memory = self._row(scope, memory_id)
        if memory is None or not memory.readable_by(scope, self._clock.now()):
            raise MemoryNotFoundError(memory_id)
        return memory

    def page(self, scope: Scope, limit: int, before: str | None) -> Page:
        """Return memories, newest first, from below the position."""
        return self._store.page(scope, limit=limit, before=before, now=self._clock.now())

    def forget(
        self, scope: Scope, memory_id: str, request: Request | None = None, revisions: frozenset[int] | None = None
    ) -> tuple[Memory, bool]:
        """Make a memory unreadable and unfindable at once; return it as it is now, and whether this is a replay.

        The row keeps its text until the grace has passed. `revisions` are those that the caller means, None for any.
        Raises `MemoryNotFoundError` as `get` does, `PreconditionFailedError` for another revision.
        """
        claim = self._claim(scope, request)
        if isinstance(claim, Done):
            memory = self._store.get(scope.tenant_id, memory_id)
            if memory is None:
                raise MemoryNotFoundError(memory_id)
            return memory, True
        try:
            memory = self._forgotten(scope, memory_id, revisions, repeated=claim.resumed)
            self._requests.complete(claim, Done((), (memory_id,)), keep_forever=False, now=self._clock.now())
        except Exception:
            self._release(claim)
            raise
        return memory, False

    def _row(self, scope: Scope, memory_id: str) -> Memory | None:
        """Return the row, None where there is none. One that cannot be followed is nobody's business but its owner's."""
        try:
            return self._store.get(scope.tenant_id, memory_id)
        except NewerReleaseError as error:
            if error.scope_key in scope:
                raise
            return None

    def _release(self, claim: Claim) -> None:
        # The claim ends by itself; failing to end it early must not hide what went wrong.
        with suppress(DependencyUnavailableError):
            self._requests.release(claim, self._clock.now())

    def _forgotten(self, scope: Scope, memory_id: str, revisions: frozenset[int] | None, *, repeated: bool) -> Memory:
        for _ in range(MOST_TRIES):
            row = self._row(scope, memory_id)
            if repeated and row and row.scope_key in scope and row.forgotten_at:
                # An attempt under this key did it and died before it could say so.
                return row
            memory = self.get(scope, memory_id)
            if revisions is not None and memory.revision not in revisions:
                msg = "The memory is at another revision than the one you mean; read it again."
                fault = Fault("header:If-Match", f'Send the ETag that the memory has now, "r{memory.revision}", or leave it out.')
                raise PreconditionFailedError(msg, faults=(fault,), revision=memory.revision)
            memory = memory.forgotten(self._clock.now())
            try:
                self._store.replace(memory, change_for(memory))
            except ConflictError:
                continue
            return memory
        msg = "The memory keeps changing; try again."
        raise ThrottledError(msg, retry_after=1)

    def _claim(self, scope: Scope, request: Request | None) -> Claim | Done:
        if request is None:
            return Claim(self._ids.new("clm"))
        return self._requests.claim(scope.tenant_id, request, self._clock.now())

    def _replayed(self, scope: Scope, done: Done) -> Added:
        rows = self._store.get_many(scope.tenant_id, done.memory_ids)
        now = self._clock.now()
        if not all(each in rows and rows[each].is_live(now) for each in done.memory_ids):
            raise GoneError(_GONE, memory_ids=list(done.memory_ids))
        return Added(tuple(rows[each] for each in done.memory_ids), done.outcomes, replayed=True)

    def _remember(self, scope: Scope, said: Said, claim: Claim) -> Added:
        candidates = self._extractor.extract(said)
        observability.count("candidates", len(candidates))
        vectors = self._embed([candidate.text for candidate in candidates])
        memories: list[Memory] = []
        outcomes: list[CandidateOutcome] = []
        evidence: list[Evidence] = []
        for number, (candidate, vector) in enumerate(zip(candidates, vectors, strict=True)):
            memory_id = self._ids.derived("mem", claim.claim_id, str(number))
            planned = self._planned(scope, said, candidate, memory_id, vector)
            memory, outcome = self._stored(planned, said, number)
            memories.append(memory)
            outcomes.append(outcome)
            evidence.append(self._evidence(said, candidate, claim, number, memory.memory_id))
        self._store.record_evidence(scope.tenant_id, evidence)
        return Added(tuple(memories), tuple(outcomes))

    def _embed(self, texts: Sequence[str]) -> list[Vector | None]:
        """Return the vectors, None for each when the embedder is down: the rows are kept and filled later."""
        try:
            return list(self._embedder.embed(texts, Purpose.DOCUMENT))
        except EmbeddingUnavailableError:
            observability.note(vector_state=VectorState.PENDING.value)
            return [None] * len(texts)

    def _planned(self, scope: Scope, said: Said, candidate: Candidate, memory_id: str, vector: Vector | None) -> Memory:
        now = self._clock.now()
        return Memory(
            memory_id=memory_id,
            tenant_id=scope.tenant_id,
            scope_key=scope.home,
            project_id=scope.project_id,
            end_user_id=scope.end_user_id,
            text=candidate.text,
            extracted_key=candidate.extracted_key,
            created_at=now,
            updated_at=now,
            valid_from=said.valid_from or said.occurred_at or now,
            valid_until=said.valid_until,
            occurred_at=said.occurred_at,
            expires_at=_expiry(now, said.ttl_minutes),
            source=said.source,
            event_type=said.event_type,
            tags=said.tags,
            importance=said.importance,
            metadata=said.metadata,
            session_id=said.session_id,
            speaker=said.speaker,
            role=said.role,
            category=candidate.category,
            memory_type=candidate.memory_type,
            confidence=candidate.confidence,
            vector=vector,
            model=self._embedder.model.identity if vector else None,
        )

    def _stored(self, planned: Memory, said: Said, number: int) -> tuple[Memory, CandidateOutcome]:
        """Store a candidate's memory, or find the live one that it repeats."""
        replacing: str | None = None
        for _ in range(MOST_TRIES):
            try:
                stored = self._store.add(planned, document_of(planned), guarded=said.deduplicate, replacing=replacing)
            except GuardTakenError as taken:
                holder = self._store.get(planned.tenant_id, taken.memory_id)
                if holder and holder.stands(self._clock.now()):
                    lasting = self._lasting(holder, planned)
                    if lasting:
                        return lasting, CandidateOutcome(number, Outcome.MERGED, lasting.memory_id, "extracted_key")
                    continue
                # A guard that is gone by now names nobody: then there is none to take over.
                replacing = taken.memory_id or None
                continue
            if not stored.is_live(self._clock.now()):
                raise GoneError(_GONE, memory_ids=[stored.memory_id])
            return stored, CandidateOutcome(number, Outcome.STORED, stored.memory_id)
        msg = "Others keep storing and forgetting the same fact; try again."
        raise ThrottledError(msg, retry_after=1)

    def _lasting(self, holder: Memory, planned: Memory) -> Memory | None:
        """Return the holder, lasting no less than what merges into it, which would be lost with it; None if it was changed."""
        if holder.outlasts(planned):
            return holder
        longer = holder.lasting_until(planned.expires_at, self._clock.now())
        try:
            self._store.replace(longer, document_of(longer))
        except ConflictError:
            return None
        return longer

    def _holder(self, scope: Scope, candidate: Candidate) -> Memory | None:
        memory_id = self._store.guarded_by(scope.home, candidate.extracted_key, scope.tenant_id)
        memory = self._store.get(scope.tenant_id, memory_id) if memory_id else None
        return memory if memory and memory.stands(self._clock.now()) else None

    def _evidence(self, said: Said, candidate: Candidate, claim: Claim, number: int, memory_id: str) -> Evidence:
        return Evidence(
            evidence_id=self._ids.derived("ev", claim.claim_id, str(number)),
            memory_id=memory_id,
            recorded_at=self._clock.now(),
            span=candidate.span,
            sha256=hashlib.sha256(said.text.encode()).hexdigest(),
            source=said.source,
            session_id=said.session_id,
            occurred_at=said.occurred_at,
        )


def _expiry(now: datetime, ttl_minutes: int | None) -> datetime | None:
    return now + timedelta(minutes=ttl_minutes) if ttl_minutes is not None else None
