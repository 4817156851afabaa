"""Adding, reading, listing and forgetting memories."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, wait
from contextvars import copy_context
from dataclasses import dataclass
from datetime import datetime
from typing import ParamSpec, TypeVar

from backend.embedding.model import Vector
from backend.embedding.ports import Embedder
from backend.extraction.model import Method, Reading
from backend.kit import observability
from backend.kit.clock import Clock
from backend.kit.errors import (
    ConflictError,
    DependencyUnavailableError,
    GoneError,
    MemoryNotFoundError,
    MemorySyncError,
    ThrottledError,
)
from backend.kit.ids import Ids
from backend.memories.adding import GONE, Adding
from backend.memories.bounds import check_bounds
from backend.memories.documents import changes_for
from backend.memories.listing import EVERYTHING, Listing, Page
from backend.memories.meeting import Met
from backend.memories.model import (
    KEPT,
    Memory,
    Said,
)
from backend.memories.once import Once
from backend.memories.outcomes import (
    Added,
    Claim,
    Done,
    Preview,
    Request,
    Stored,
)
from backend.memories.owned import check_revision, own_row
from backend.memories.policy import MemoryPolicy
from backend.memories.policy_ports import PolicySource
from backend.memories.ports import Extractor, MemoryStore, RequestLog
from backend.memories.side_by_side import alone, groups
from backend.tenancy.scope import Scope

MOST_TRIES = 6

_T = TypeVar("_T")
_P = ParamSpec("_P")


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing to remember, for whom, and the request that it came with."""

    scope: Scope
    said: Said
    request: Request | None = None


@dataclass(frozen=True, slots=True)
class Work:
    """One thing to remember that is claimed, read and embedded."""

    asked: Asked
    claim: Claim
    reading: Reading
    vectors: list[tuple[Vector, ...]]
    policy: MemoryPolicy
    actor: str | None


class MemoryService:
    """The use cases of the memory itself."""

    def __init__(  # noqa: PLR0913 - one word for each thing it stands on
        self,
        *,
        store: MemoryStore,
        requests: RequestLog,
        extractor: Extractor,
        embedder: Embedder,
        policies: PolicySource,
        clock: Clock,
        ids: Ids,
        executor: Executor,
    ) -> None:
        """Several things at once are remembered in the threads of `executor`, one alone in the caller's."""
        self._executor = executor
        self._store = store
        self._requests = requests
        self._extractor = extractor
        self._policies = policies
        self._clock = clock
        self._ids = ids
        self._once = Once(requests=requests, clock=clock, ids=ids)
        self._adding = Adding(store=store, embedder=embedder, clock=clock, ids=ids)

    def add(self, scope: Scope, said: Said, request: Request | None = None, actor: str | None = None) -> Added:
        """Remember what was said; with a request, once only, however often it is sent.

        Raises `IdempotencyKeyReusedError`, `RequestInFlightError`, `GoneError`, `DependencyUnavailableError`.
        """
        (added,) = self.add_many(scope.tenant_id, [Asked(scope, said, request)], actor)
        if isinstance(added, MemorySyncError):
            raise added
        return added

    def add_many(self, tenant_id: str, asked: Sequence[Asked], actor: str | None = None) -> list[Added | MemorySyncError]:
        """Remember several things, each for itself as `add` does: what became of each, or why it failed.

        All texts are embedded together. All of it is done when this returns: what failed can be sent again by itself.
        """
        policy = self._policies.of(tenant_id)
        claims = [self._in_bounds(each.said, self._tried(self._once.claim, tenant_id, each.request)) for each in asked]
        try:
            return self._all_added(asked, claims, policy, actor)
        except Exception:
            for claim in claims:
                if isinstance(claim, Claim):
                    self._once.release(claim)
            raise

    def _in_bounds(self, said: Said, claim: Claim | Done | MemorySyncError) -> Claim | Done | MemorySyncError:
        """Return the claim, or why what was said cannot be done: it had ended before it began.

        What was done once under its key is answered so again, though its end has come since.
        """
        if isinstance(claim, Claim) and not claim.resumed:
            try:
                self._check_bounds(said)
            except MemorySyncError as error:
                self._once.release(claim, did_nothing=True)
                return error
        return claim

    def _check_bounds(self, said: Said) -> None:
        check_bounds(said.valid_from or said.occurred_at or self._clock.now(), said.valid_until)

    def _all_added(
        self, asked: Sequence[Asked], claims: Sequence[Claim | Done | MemorySyncError], policy: MemoryPolicy, actor: str | None
    ) -> list[Added | MemorySyncError]:
        claimed = [number for number, claim in enumerate(claims) if isinstance(claim, Claim)]
        readings = dict(zip(claimed, self._readings([asked[number].said for number in claimed], policy), strict=True))
        vectors = dict(zip(readings, self._adding.vectors(list(readings.values())), strict=True))
        works = {
            number: Work(asked[number], claim, readings[number], vectors[number], policy, actor)
            for number, claim in enumerate(claims)
            if isinstance(claim, Claim)
        }
        remembered = self._all_remembered(works, self._stored_together(works))
        done: list[Added | MemorySyncError] = []
        for number, (each, claim) in enumerate(zip(asked, claims, strict=True)):
            if isinstance(claim, MemorySyncError):
                done.append(claim)
            elif isinstance(claim, Done):
                done.append(self._tried(self._replayed, each.scope, claim))
            else:
                done.append(remembered[number])
        return done

    def _stored_together(self, works: Mapping[int, Work]) -> dict[str, Memory]:
        """Store what has nothing to do with anything else here, in few transactions; return what was stored, by id.

        The rest, and all of it where the table is in trouble, is for `_all_remembered`.
        """
        places = alone({number: (work.asked.scope, work.asked.said, work.reading) for number, work in works.items()})
        additions = [
            each
            for number, work in works.items()
            for each in self._adding.additions(
                work.asked.scope,
                work.asked.said,
                work.reading,
                work.vectors,
                claim_id=work.claim.claim_id,
                places=places[number],
                actor=work.actor,
            )
        ]
        if len(additions) < 2:  # noqa: PLR2004 - nothing to store it with
            return {}
        try:
            return {memory.memory_id: memory for memory in self._store.add_together(additions)}
        except DependencyUnavailableError as error:
            observability.note(not_together=type(error).__name__)
            return {}

    def _all_remembered(self, works: Mapping[int, Work], ahead: Mapping[str, Memory]) -> dict[int, Added | MemorySyncError]:
        """Do this work, but for what was stored ahead.

        What has nothing to do with each other is done side by side: each of them mostly waits for the table.
        """

        def one_after_the_other(numbers: Sequence[int]) -> dict[int, Added | MemorySyncError]:
            return self._in_turn({number: works[number] for number in numbers}, ahead)

        if not works:
            return {}
        together = groups({number: (work.asked.scope, work.asked.said, work.reading) for number, work in works.items()})
        if len(together) < 2:  # noqa: PLR2004 - nothing beside it
            return one_after_the_other(list(works))
        futures = [self._executor.submit(copy_context().run, one_after_the_other, numbers) for numbers in together]
        # One that fails must not be told of, nor its claim let go, while others still write.
        wait(futures)
        return {number: added for future in futures for number, added in future.result().items()}

    def _in_turn(self, works: Mapping[int, Work], ahead: Mapping[str, Memory]) -> dict[int, Added | MemorySyncError]:
        """Do this work one after the other.

        Whatever claims something begins when all before it is on record: done again later, it might end what came after it.
        """
        met = Met()
        done: dict[int, Added | MemorySyncError] = {}
        share: dict[int, Work] = {}
        for number, work in works.items():
            if any(candidate.claimed for candidate in work.reading.candidates):
                done |= self._on_record(share, ahead, met)
                share = {}
            share[number] = work
        return done | self._on_record(share, ahead, met)

    def _on_record(self, works: Mapping[int, Work], ahead: Mapping[str, Memory], met: Met) -> dict[int, Added | MemorySyncError]:
        """Do this work; what all of it says again is looked at, and recorded, in few calls at the end."""
        if not works:
            return {}
        (tenant_id,) = {work.asked.scope.tenant_id for work in works.values()}
        tried = {number: self._tried(self._stored, work, ahead, met) for number, work in works.items()}
        again = {number: each.met_again for number, each in tried.items() if isinstance(each, Stored)}
        changed = met.changed(self._store, tenant_id, frozenset().union(*again.values()))
        # Done again under its claim each finds what it stored, and what was met is tried like anything else.
        tried |= {number: self._tried(self._stored, works[number], ahead, Met()) for number in again if again[number] & changed}
        evidence = [each for stored in tried.values() if isinstance(stored, Stored) for each in stored.evidence]
        failure = self._tried(self._store.record_evidence, tenant_id, evidence)
        return {number: self._tried(self._completed, works[number], each, failure) for number, each in tried.items()}

    def preview(self, scope: Scope, said: Said) -> Preview:
        """Say what `add` would do, and do nothing."""
        (preview,) = self.preview_many(scope, [said])
        if isinstance(preview, MemorySyncError):
            raise preview
        return preview

    def preview_many(self, scope: Scope, said: Sequence[Said]) -> list[Preview | MemorySyncError]:
        """Say what `add_many` would do with these, one after the other, and do nothing."""
        policy = self._policies.of(scope.tenant_id)
        errors = dict(enumerate(self._tried(self._check_bounds, each) for each in said))
        fine = [number for number, error in errors.items() if error is None]
        readings = dict(zip(fine, self._readings([said[number] for number in fine], policy), strict=True))
        so_far = self._adding.imagined()

        def foreseen(number: int) -> Preview:
            if error := errors[number]:
                raise error
            reading = readings[number]
            outcomes = self._adding.foreseen(scope, said[number], reading, policy, so_far)
            return Preview(reading.candidates, outcomes, reading.fallback)

        return [self._tried(foreseen, number) for number in errors]

    def get(self, scope: Scope, memory_id: str, as_of: datetime | None = None, known_at: datetime | None = None) -> Memory:
        """Return a memory, as it was known at a moment if one is given.

        Raises `MemoryNotFoundError` for what is not there, forgotten, expired or somebody else's, was not known then, or did
        not hold at `as_of`.
        """
        memory = own_row(self._store, scope, memory_id)
        if memory is None or not memory.readable_by(scope, self._clock.now()):
            raise MemoryNotFoundError(memory_id)
        if known_at is not None and known_at < memory.since:
            earlier = self._store.revisions(scope.tenant_id, memory_id)
            known = next((each.memory for each in earlier if each.memory.since <= known_at < each.known_until), None)
            if known is None or known.state not in KEPT:
                raise MemoryNotFoundError(memory_id)
            memory = known.filed_as(memory)
        if as_of is not None and not memory.holds(as_of):
            raise MemoryNotFoundError(memory_id)
        return memory

    def page(self, scope: Scope, limit: int, before: str | None, listing: Listing = EVERYTHING) -> Page:
        """Return memories, newest first, from below the position."""
        return self._store.page(scope, limit=limit, before=before, now=self._clock.now(), listing=listing)

    def forget(
        self, scope: Scope, memory_id: str, request: Request | None = None, revisions: frozenset[int] | None = None
    ) -> tuple[Memory, bool]:
        """Make a memory unreadable and unfindable at once; return it as it is now, and whether this is a replay.

        The row keeps its text until the grace has passed. `revisions` are those that the caller means, None for any.
        Raises `MemoryNotFoundError` as `get` does, `PreconditionFailedError` for another revision.
        """

        def work(claim: Claim) -> tuple[Memory, Done]:
            memory = self._forgotten(scope, memory_id, revisions, repeated=claim.resumed)
            return memory, Done((), (memory_id,))

        def replay(_: Done) -> Memory:
            memory = self._store.get(scope.tenant_id, memory_id)
            if memory is None:
                raise MemoryNotFoundError(memory_id)
            return memory

        return self._once.done(scope.tenant_id, request, work, replay)

    def _forgotten(self, scope: Scope, memory_id: str, revisions: frozenset[int] | None, *, repeated: bool) -> Memory:
        for _ in range(MOST_TRIES):
            row = own_row(self._store, scope, memory_id)
            if repeated and row and row.forgotten_at:
                # An attempt under this key did it and died before it could say so.
                return row
            memory = self.get(scope, memory_id)
            check_revision(memory, revisions)
            memory = memory.forgotten(self._clock.now())
            try:
                self._store.replace(memory, changes_for(memory))
            except ConflictError:
                continue
            return memory
        msg = "The memory keeps changing; try again."
        raise ThrottledError(msg, retry_after=1)

    def _replayed(self, scope: Scope, done: Done) -> Added:
        rows = self._store.get_many(scope.tenant_id, done.memory_ids)
        now = self._clock.now()
        gone = [each for each in done.memory_ids if each not in rows or rows[each].is_gone(now)]
        if gone:
            raise GoneError(GONE, memory_ids=list(done.memory_ids))
        return Added(tuple(rows[each] for each in done.memory_ids), done.outcomes, replayed=True)

    def _readings(self, said: Sequence[Said], policy: MemoryPolicy) -> list[Reading]:
        """Return what is in each. A language model reads several side by side: each of them mostly waits for it."""
        if policy.extraction.method is Method.MODEL and len(said) > 1:
            futures = [self._executor.submit(copy_context().run, self._read, each, policy) for each in said]
            wait(futures)
            readings = [future.result() for future in futures]
        else:
            readings = [self._read(each, policy) for each in said]
        for reading in readings:
            observability.count("candidates", len(reading.candidates))
            if reading.input_tokens or reading.output_tokens:
                observability.count("llm_input_tokens", reading.input_tokens)
                observability.count("llm_output_tokens", reading.output_tokens)
            if reading.fallback:
                observability.count("llm_fallback")
                observability.note(llm_fallback_reason=reading.fallback)
        return readings

    def _read(self, said: Said, policy: MemoryPolicy) -> Reading:
        return self._extractor.read(said.utterance(self._clock.now()), policy.extraction)

    def _stored(self, work: Work, ahead: Mapping[str, Memory], met: Met) -> Stored:
        return self._adding.stored(
            work.asked.scope,
            work.asked.said,
            work.reading,
            work.vectors,
            claim_id=work.claim.claim_id,
            policy=work.policy,
            actor=work.actor,
            ahead=ahead,
            met=met,
        )

    def _completed(self, work: Work, stored: Stored | MemorySyncError, failure: MemorySyncError | None) -> Added:
        """Return what came of it, once that is on record. `failure` says why its evidence could not be recorded."""
        claim = work.claim
        try:
            added = _with_evidence(stored, failure)
            done = Done(added.outcomes, tuple(memory.memory_id for memory in added.memories))
            recorded = self._requests.complete(claim, done, keep_forever=True, now=self._clock.now())
        except Exception:
            self._once.release(claim)
            raise
        # Another attempt under this claim may have said first what came of it: then that is the answer.
        return added if recorded == done else self._replayed(work.asked.scope, recorded)

    def _tried(self, work: Callable[_P, _T], /, *arguments: _P.args, **named: _P.kwargs) -> _T | MemorySyncError:
        """Return what came of it, or the error: of several things one that fails keeps none of the others from being done."""
        try:
            return work(*arguments, **named)
        except MemorySyncError as error:
            return error


def _with_evidence(stored: Stored | MemorySyncError, failure: MemorySyncError | None) -> Added:
    """Return what an add did; raise why it failed, or why its evidence could not be recorded."""
    if isinstance(stored, MemorySyncError):
        raise stored
    if failure and stored.evidence:
        raise failure
    return stored.added
