"""What becomes of what was said: every candidate gets exactly one outcome, and nothing is stored twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from backend.embedding.documents import document_vectors
from backend.embedding.model import Vector
from backend.embedding.ports import Embedder
from backend.extraction.model import LONGEST_UTTERANCE, Candidate, Guarded, Method, Reading
from backend.kit import observability
from backend.kit.clock import Clock, as_utc
from backend.kit.errors import EmbeddingUnavailableError, GoneError, ThrottledError
from backend.kit.ids import Ids
from backend.memories.conflicts import Claims, Imagined, Settled, settled
from backend.memories.documents import changes_for
from backend.memories.evidence import digest_of, evidence_of
from backend.memories.meeting import Met
from backend.memories.merging import as_lasting, keeps, merged
from backend.memories.model import (
    WAITING,
    Evidence,
    Memory,
    Said,
    State,
    VectorState,
)
from backend.memories.outcomes import (
    Added,
    CandidateOutcome,
    Outcome,
    Stored,
)
from backend.memories.policy import MemoryPolicy
from backend.memories.ports import Addition, ContestedError, GuardTakenError, MemoryStore
from backend.tenancy.scope import Scope

MOST_TRIES = 60
"""So many writers may meet at one claim, each losing to all others once."""

MOST_TEXTS_NOW = 512
"""Pieces that one request embeds, about two seconds of one processor; what is beyond gets its vectors in the background."""

_PLACES_BY_SPAN = 970
"""Of the 1,024 places of ids, for where a statement of a model begins in its text; the others keep apart what begins together."""

GONE = "This request was done before, and what it stored was forgotten or has expired since."
SAME_REQUEST = "same_request"
_SKIPPED = {
    Guarded.LOW_SIGNAL: Outcome.LOW_SIGNAL,
    Guarded.TRANSIENT: Outcome.TRANSIENT,
    Guarded.POLICY: Outcome.POLICY,
    Guarded.REDUNDANT: Outcome.REDUNDANT,
}


class Adding:
    """Stores candidates."""

    def __init__(self, *, store: MemoryStore, embedder: Embedder, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._embedder = embedder
        self._clock = clock
        self._ids = ids

    def vectors(self, readings: Sequence[Reading]) -> list[list[tuple[Vector, ...]]]:
        """Return the vectors of each candidate's pieces, of all readings together; none where they are owed.

        With the embedder down, or where there are too many, rows are kept all the same and get theirs later.
        """
        wanted: list[tuple[str, ...]] = []
        budget = MOST_TEXTS_NOW
        for candidate in (each for reading in readings for each in reading.candidates):
            pieces = _pieces(candidate) if candidate.refusal is None else ()
            wanted.append(pieces if len(pieces) <= budget else ())
            budget -= len(wanted[-1])
        found = iter(self._embed([piece for pieces in wanted for piece in pieces]))
        each = iter(_none_missing([next(found) for _ in pieces]) for pieces in wanted)
        return [[next(each) for _ in reading.candidates] for reading in readings]

    def stored(  # noqa: PLR0913 - one word for each thing that decides
        self,
        scope: Scope,
        said: Said,
        reading: Reading,
        vectors: Sequence[tuple[Vector, ...]],
        *,
        claim_id: str,
        policy: MemoryPolicy,
        actor: str | None = None,
        ahead: Mapping[str, Memory] = MappingProxyType({}),
        met: Met | None = None,
    ) -> Stored:
        """Store what is worth it. Doing it again under the same claim id stores nothing twice and ends the same.

        Evidence of what merged is the caller's to record. `ahead` is what was stored of `additions` already, by id; `met` gets
        what is met here, for those that come after. Raises `GoneError`, `ThrottledError`, `DependencyUnavailableError`.
        """
        met = met or Met()
        memories: dict[str, Memory] = {}
        outcomes: list[CandidateOutcome] = []
        evidence: list[Evidence] = []
        first_with: dict[str, str] = {}
        met_again: set[str] = set()
        own_ids = self._own_ids(scope, reading, claim_id)
        digest = digest_of(said, reading)
        for number, (candidate, own) in enumerate(zip(reading.candidates, vectors, strict=True)):
            skipped = _skipped(candidate, number)
            if skipped:
                outcomes.append(skipped)
                continue
            own_id, evidence_id = own_ids[number]
            if own_id in ahead:
                memories[own_id] = ahead[own_id]
                outcomes.append(_outcome_of(ahead[own_id], number))
                continue
            said_here = evidence_of(said, candidate, evidence_id, own_id, self._clock.now(), digest)
            memory_id = first_with.get(candidate.extracted_key) if said.deduplicate else None
            if memory_id:
                outcomes.append(CandidateOutcome(number, Outcome.MERGED, memory_id, SAME_REQUEST))
            else:
                planned = self._planned(scope, said, candidate, own, own_id, actor=actor)
                memory = met.again(self._store, planned, self._clock.now()) if said.deduplicate else None
                if memory:
                    met_again.add(memory.memory_id)
                    outcome = CandidateOutcome(number, Outcome.MERGED, memory.memory_id, "extracted_key")
                else:
                    memory, outcome = self._stored(planned, said_here, said, number, policy)
                memories[memory.memory_id] = memory
                first_with[candidate.extracted_key] = memory_id = memory.memory_id
                if said.deduplicate:
                    met.note(planned, memory)
                outcomes.append(outcome)
            if memory_id != own_id:
                # What was stored just now has its evidence from the same transaction.
                evidence.append(replace(said_here, memory_id=memory_id))
        added = Added(tuple(memories.values()), tuple(outcomes), candidates=reading.candidates, fallback=reading.fallback)
        return Stored(added, tuple(evidence), frozenset(met_again))

    def additions(  # noqa: PLR0913 - one word for each thing that decides
        self,
        scope: Scope,
        said: Said,
        reading: Reading,
        vectors: Sequence[tuple[Vector, ...]],
        *,
        claim_id: str,
        places: frozenset[int],
        actor: str | None = None,
    ) -> Iterator[Addition]:
        """Yield the memories of the candidates at these places, as `stored` would store them where nothing is known yet."""
        own_ids = self._own_ids(scope, reading, claim_id)
        digest = digest_of(said, reading)
        for number, (candidate, own) in enumerate(zip(reading.candidates, vectors, strict=True)):
            if number in places and _skipped(candidate, number) is None:
                memory_id, evidence_id = own_ids[number]
                memory = self._planned(scope, said, candidate, own, memory_id, actor=actor)
                evidence = evidence_of(said, candidate, evidence_id, memory_id, self._clock.now(), digest)
                yield Addition(memory, changes_for(memory), evidence, guarded=said.deduplicate)

    def imagined(self) -> Imagined:
        """Return the store as it is, to imagine in it what `foreseen` is told of."""
        return Imagined(self._store)

    def foreseen(
        self, scope: Scope, said: Said, reading: Reading, policy: MemoryPolicy, so_far: Imagined
    ) -> tuple[CandidateOutcome, ...]:
        """Return the outcomes that `stored` would give after all that was imagined so far, and imagine these too."""
        outcomes: list[CandidateOutcome] = []
        seen: set[str] = set()
        for number, candidate in enumerate(reading.candidates):
            if said.deduplicate and candidate.extracted_key in seen and _skipped(candidate, number) is None:
                outcomes.append(CandidateOutcome(number, Outcome.MERGED, "", SAME_REQUEST))
            else:
                planned = self._planned(scope, said, candidate, (), self._ids.new("mem"))
                outcomes.append(_skipped(candidate, number) or self._foreseen(planned, said, number, policy, so_far))
            if _skipped(candidate, number) is None:
                seen.add(candidate.extracted_key)
        return tuple(outcomes)

    def _foreseen(self, planned: Memory, said: Said, number: int, policy: MemoryPolicy, so_far: Imagined) -> CandidateOutcome:
        end = Settled(planned)
        if planned.state not in WAITING:
            end = settled(so_far, planned, policy, said.on_conflict, self._clock.now())
        holder = end.known if said.deduplicate else None
        if said.deduplicate and holder is None:
            holder = self._holder(planned, planned, so_far) or self._holder(planned, end.memory, so_far)
        if holder:
            so_far.keep(as_lasting(holder, planned, self._clock.now()))
            known_id = "" if so_far.has_taken(holder.memory_id) else holder.memory_id
            return CandidateOutcome(number, Outcome.MERGED, known_id, "extracted_key")
        # The guard stays with what holds now, as in `_stored`.
        so_far.take(end, guarded=said.deduplicate and not self._is_kept_by_another(end.memory, so_far))
        return replace(_outcome_of(end.memory, number), memory_id="")

    def _own_ids(self, scope: Scope, reading: Reading, claim_id: str) -> list[tuple[str, str]]:
        """Return the ids of each candidate's memory and evidence: the same however often this claim's text is read; they sort.

        Rules always read a text in the same way: there the number says which statement it is. A model that is asked again may
        find another one before it, or rules read in its place: there the statement says so itself, and where it begins in the
        text gives it its place.
        """
        if reading.method is not Method.MODEL:
            return [self._ids_of(claim_id, str(number), place=number) for number in range(len(reading.candidates))]
        own_ids: list[tuple[str, str]] = []
        times: Counter[str] = Counter()
        place = -1
        for candidate in reading.candidates:
            key = candidate.extracted_key
            place = max(place + 1, candidate.span[0] * _PLACES_BY_SPAN // LONGEST_UTTERANCE)
            mark = self._store.mark(scope.tenant_id, claim_id, key, str(times[key]))
            own_ids.append(self._ids_of(claim_id, mark, place=place))
            times[key] += 1
        return own_ids

    def _ids_of(self, claim_id: str, part: str, *, place: int) -> tuple[str, str]:
        return self._ids.derived("mem", claim_id, part, place=place), self._ids.derived("ev", claim_id, part)

    def _is_kept_by_another(self, memory: Memory, rows: Claims) -> bool:
        memory_id = rows.guarded_by(memory.scope_key, memory.guard_key, memory.tenant_id)
        holder = rows.get_many(memory.tenant_id, [memory_id]).get(memory_id) if memory_id else None
        now = self._clock.now()
        return holder is not None and holder.stands(now) and not memory.stands(now)

    def _embed(self, texts: Sequence[str]) -> list[Vector | None]:
        try:
            return list(document_vectors(self._embedder, texts))
        except EmbeddingUnavailableError:
            observability.note(vector_state=VectorState.PENDING.value)
            return [None] * len(texts)

    def _planned(  # noqa: PLR0913 - one word for each thing that a memory is made of
        self,
        scope: Scope,
        said: Said,
        candidate: Candidate,
        vectors: tuple[Vector, ...],
        memory_id: str,
        *,
        actor: str | None = None,
    ) -> Memory:
        now = self._clock.now()
        occurred_at = as_utc(said.occurred_at) if said.occurred_at else None
        is_quarantined = candidate.refusal is not None
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
            known_from=now,
            valid_from=said.valid_from or occurred_at or now,
            valid_until=said.valid_until,
            occurred_at=occurred_at,
            utc_offset=said.utc_offset,
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
            event=candidate.event,
            claimed=candidate.claimed,
            chunks=candidate.chunks,
            is_summary=bool(said.derived_from),
            derived_from=said.derived_from,
            state=State.QUARANTINED if is_quarantined else State.ACTIVE,
            rule=candidate.refusal.rule if candidate.refusal else None,
            vector=vectors[0] if vectors else None,
            more_vectors=vectors[1:],
            vectors_at=1 if vectors[1:] else None,
            model=self._embedder.model.identity if vectors else None,
            actor=actor,
        )

    def _stored(
        self, planned: Memory, evidence: Evidence, said: Said, number: int, policy: MemoryPolicy
    ) -> tuple[Memory, CandidateOutcome]:
        """Store a candidate's memory with its evidence, or find the live one that it repeats."""
        replacing: str | None = None
        guarded = said.deduplicate
        for _ in range(MOST_TRIES):
            now = self._clock.now()
            end = None if planned.state in WAITING else settled(self._store, planned, policy, said.on_conflict, now)
            memory = end.memory if end else planned
            known = self._known(planned, end) if end and said.deduplicate else None
            if known:
                lasting = merged(self._store, known, planned, now)
                if lasting:
                    return lasting, CandidateOutcome(number, Outcome.MERGED, lasting.memory_id, "extracted_key")
                continue
            try:
                stored = self._store.add(
                    memory,
                    changes_for(memory),
                    guarded=guarded,
                    replacing=replacing,
                    contest=end.contest if end else None,
                    evidence=evidence,
                )
            except ContestedError:
                continue
            except GuardTakenError as taken:
                holder = self._store.get(planned.tenant_id, taken.memory_id)
                if holder and keeps(holder, planned, memory, now):
                    lasting = merged(self._store, holder, planned, now)
                    if lasting:
                        return lasting, CandidateOutcome(number, Outcome.MERGED, lasting.memory_id, "extracted_key")
                    continue
                if holder and holder.stands(now) and not memory.stands(now):
                    # The key stays with what holds now. Who claims the same keeps this one from being stored twice.
                    guarded = False
                    continue
                # A guard that is gone by now names nobody: then there is none to take over.
                replacing = taken.memory_id or None
                continue
            if stored.is_gone(now):
                raise GoneError(GONE, memory_ids=[stored.memory_id])
            return stored, _outcome_of(stored, number)
        msg = "Others keep changing what is known of this; try again."
        raise ThrottledError(msg, retry_after=1)

    def _known(self, planned: Memory, end: Settled) -> Memory | None:
        if end.known or end.memory.guard_key == planned.guard_key:
            return end.known
        # What is known already is no dispute, whatever else is claimed beside it.
        return self._holder(planned, planned, self._store)

    def _holder(self, planned: Memory, memory: Memory, rows: Claims) -> Memory | None:
        memory_id = rows.guarded_by(memory.scope_key, memory.guard_key, memory.tenant_id)
        holder = rows.get_many(memory.tenant_id, [memory_id]).get(memory_id) if memory_id else None
        return holder if holder and keeps(holder, planned, memory, self._clock.now()) else None


def _skipped(candidate: Candidate, number: int) -> CandidateOutcome | None:
    refusal = candidate.refusal
    if refusal is None or refusal.outcome is Guarded.QUARANTINED:
        return None
    return CandidateOutcome(number, _SKIPPED[refusal.outcome], "", refusal.rule)


def _outcome_of(memory: Memory, number: int) -> CandidateOutcome:
    """Return the outcome of a memory as it was first stored: an attempt that is done again finds it so."""
    if memory.state in WAITING:
        return CandidateOutcome(number, Outcome(memory.state.value), memory.memory_id, memory.rule)
    if memory.supersedes:
        return CandidateOutcome(number, Outcome.SUPERSEDED, memory.memory_id, "same_claim")
    return CandidateOutcome(number, Outcome.STORED, memory.memory_id)


def _pieces(candidate: Candidate) -> tuple[str, ...]:
    return tuple(candidate.text[start:end] for start, end in candidate.chunks) or (candidate.text,)


def _none_missing(vectors: Sequence[Vector | None]) -> tuple[Vector, ...]:
    found = tuple(each for each in vectors if each)
    return found if len(found) == len(vectors) else ()


def _expiry(now: datetime, ttl_minutes: int | None) -> datetime | None:
    return now + timedelta(minutes=ttl_minutes) if ttl_minutes is not None else None
