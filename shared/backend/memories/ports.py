"""What remembering needs of the outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from backend.extraction.model import Reading, Utterance
from backend.extraction.policy import ExtractionPolicy
from backend.index.model import IndexDocument, Tombstone
from backend.memories.listing import EVERYTHING, Listing, Page
from backend.memories.model import (
    Changes,
    Evidence,
    EvidencePage,
    Judgement,
    Memory,
    Revision,
)
from backend.memories.outcomes import (
    Claim,
    Done,
    Request,
)
from backend.tenancy.scope import Scope
from backend.usage.model import Usage

USED_A_READ = 50
"""Memories that come with their usage in one round trip: two keys each, and a batch get has a hundred."""


class Mac(Protocol):
    """A keyed digest."""

    def mac(self, *parts: str) -> str:
        """Return the hex HMAC-SHA256 of the parts."""


class Macs(Protocol):
    """Keyed digests, so that nothing a user wrote becomes part of a key."""

    def of(self, tenant_id: str) -> Mac:
        """Return the tenant's."""


class Seals(Protocol):
    """Encryption under a tenant's keys."""

    def seal(self, tenant_id: str, place: str, plain: bytes) -> bytes:
        """Return the bytes sealed for this place. Raises `DependencyUnavailableError`."""

    def open(self, tenant_id: str, place: str, sealed: bytes) -> bytes:
        """Return what was sealed for this place. Raises `DecryptionFailedError`, `DependencyUnavailableError`."""


class Extractor(Protocol):
    """From what was said to what may be worth remembering."""

    def read(self, utterance: Utterance, policy: ExtractionPolicy) -> Reading:
        """Return all candidates, the refused ones with their rule. Never fails: what no rule fits is kept whole."""


class GuardTakenError(Exception):
    """Another memory holds the extracted key. Says which; the caller decides whether it still counts.

    The id is empty where a guard was to be taken over that is not there.
    """

    def __init__(self, memory_id: str) -> None:
        super().__init__(memory_id)
        self.memory_id = memory_id


class ContestedError(Exception):
    """Somebody changed who holds a claim, or one of its holders, since it was read: read it again."""


@dataclass(frozen=True, slots=True)
class Holders:
    """Which memories hold a claim (of one scope key, speaker, subject and attribute). `version` counts changes, 0 for none.

    `past` are those that have ended, the last of them at `past_until` or before.
    """

    memory_ids: tuple[str, ...] = ()
    version: int = 0
    past: tuple[str, ...] = ()
    past_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """The next version of a row, what the index should hold of it, and the revision that it ends, if it is a new one."""

    memory: Memory
    changes: Changes
    closes: Revision | None = None


@dataclass(frozen=True, slots=True)
class Contest:
    """A claim whose holders change with a write: from what was read to what is to be, and the memories that this retires."""

    claim: tuple[str, ...]
    """Scope key, speaker, subject and attribute."""

    seen: Holders
    holders: tuple[str, ...]
    retired: tuple[Step, ...] = ()
    past: tuple[str, ...] = ()
    past_until: datetime | None = None

    @property
    def holds(self) -> Holders:
        """Return who holds the claim with this write."""
        return Holders(self.holders, self.seen.version + 1, self.past, self.past_until)


@dataclass(frozen=True, slots=True)
class Addition:
    """A new memory that contests nothing, what the index should hold of it, and the evidence that it begins with."""

    memory: Memory
    changes: Changes
    evidence: Evidence
    guarded: bool


@dataclass(frozen=True, slots=True)
class Rekeying:
    """The guards that a new text moves: None leaves them where they are."""

    release: str | None = None
    take: str | None = None
    replacing: str | None = None
    """The memory whose guard is taken over, None for a key that nobody holds."""


class MemoryStore(Protocol):
    """The record of truth. Every write that the index should hear of leaves a pending marker in the same transaction."""

    def add(  # noqa: PLR0913 - one word for each thing that goes with a memory
        self,
        memory: Memory,
        changes: Changes,
        *,
        guarded: bool,
        replacing: str | None = None,
        contest: Contest | None = None,
        evidence: Evidence | None = None,
    ) -> Memory:
        """Store a new memory, its guard (when `guarded`), marker and first evidence, all or nothing; return what is stored.

        `replacing` names the memory whose guard is taken over. An id that is there already is left and returned as it is:
        an earlier attempt stored it, with its evidence.
        Raises `GuardTakenError`, `ContestedError`, `OutcomeUnknownError`, `ThrottledError`.
        """

    def add_together(self, additions: Sequence[Addition]) -> list[Memory]:
        """Store new memories of one tenant, each as `add` does and with its evidence, several to a transaction.

        Returns those that are known to be stored. Whatever meets what is there already is left out, and so may others be, where
        the table is in trouble: they are for `add`, which finds what may be stored of them. Raises `DependencyUnavailableError`
        where nothing can be sealed.
        """

    def get(self, tenant_id: str, memory_id: str) -> Memory | None:
        """Return the row as it is now, whatever its state."""

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Return the rows that exist, as they are now, by id."""

    def get_many_used(self, tenant_id: str, memory_ids: Sequence[str]) -> tuple[dict[str, Memory], dict[str, Usage]]:
        """Return the rows that exist, as they are now, and the usage of those that were ever returned, by id.

        One round trip for each `USED_A_READ` memories. The usage may be a little behind.
        """

    def whole(self, memory: Memory) -> Memory:
        """Return a memory of several pieces with the vectors of all of them; rows are read without, as answers need none."""

    def revisions(self, tenant_id: str, memory_id: str) -> list[Revision]:
        """Return all earlier revisions, oldest first, without the vectors of further pieces."""

    def revisions_at(self, tenant_id: str, wanted: Iterable[tuple[str, int]]) -> list[Revision]:
        """Return those of these earlier revisions, (memory id, number), that there are, in no order; otherwise as `revisions`.

        One round trip for each 100.
        """

    def newest(self, scope: Scope, count: int) -> list[Memory]:
        """Return at most so many of the newest active rows, newest first, as they are now.

        What was just added or is active again may be missing for a moment; rows that are active no more may be among them.
        """

    def changes(self, memory: Memory) -> Changes:
        """Return all that the index should hold of a row, its earlier revisions included."""

    def guarded_by(self, scope_key: str, extracted_key: str, tenant_id: str) -> str | None:
        """Return the id of the memory that holds the key, if any does."""

    def mark(self, tenant_id: str, *parts: str) -> str:
        """Return a digest of what a user wrote, under the tenant's key: all of it that may go into a key."""

    def holders(self, tenant_id: str, claim: tuple[str, ...]) -> Holders:
        """Return who holds a claim."""

    def replace(
        self,
        memory: Memory,
        changes: Changes,
        *,
        closes: Revision | None = None,
        rekeying: Rekeying | None = None,
        contest: Contest | None = None,
    ) -> None:
        """Store the next version of a row and its marker. Raises `ConflictError` unless it is `row_version` - 1 now.

        Raises `GuardTakenError`, `ContestedError` too, where these are asked for.
        """

    def judge(self, memory: Memory, changes: Changes, judgement: Judgement) -> bool:
        """Store the next version of a row with a judgement that it counts; `False` where that was stored before.

        Raises `ConflictError` as `replace` does.
        """

    def record_evidence(self, tenant_id: str, evidence: Sequence[Evidence]) -> None:
        """Store evidence; doing it twice is harmless."""

    def evidence(self, tenant_id: str, memory_id: str, *, limit: int, after: str | None = None) -> EvidencePage:
        """Return one page of the evidence of a memory, oldest first, from behind the piece with this id."""

    def evidence_count(self, tenant_id: str, memory_id: str) -> int:
        """Return how many pieces of evidence there are."""

    def page(self, scope: Scope, *, limit: int, before: str | None, now: datetime, listing: Listing = EVERYTHING) -> Page:
        """Return memories, newest first, from below the position; what was just added included.

        The position is opaque, and the page may end before the limit (4 MB, see `page_of`): only `next_position` tells the end.
        """

    def pending(self, scope: Scope) -> tuple[list[IndexDocument | Tombstone], bool]:
        """Return the newest changes that the index may not hold yet, and whether there are more than could be read."""

    def owed(self, scope: Scope, limit: int) -> tuple[int, datetime | None]:
        """Return how many memories of the scope wait for a vector, counted up to the limit, and since when the first does."""

    def unindexed(self, scope_key: str, memory_ids: Sequence[str]) -> frozenset[str]:
        """Return which of these memories of the scope key the index may not show yet."""

    def settle(self, *memories: Memory) -> None:
        """Drop the pending markers of these very row versions: the index shows them.

        What was counted of forgotten ones goes too.
        """

    def set_aside(self, memory: Memory) -> None:
        """Leave the pending marker of this row version to its readers, but let no sweep take it up again.

        What was counted of a forgotten one goes now: nobody may ever come back to it.
        """

    def overdue(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return (tenant, memory id) of markers written before this moment, oldest first."""

    def walk(self, after: dict[str, str] | None) -> tuple[list[tuple[str, str]], dict[str, str] | None]:
        """Return (tenant, memory id) of rows in no order, and where to go on, None at the end. Reads the whole table."""

    def without_vector(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return (tenant, memory id) of rows that wait for a vector since before this moment, oldest first."""

    def expired(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return (tenant, memory id) of rows not forgotten yet whose time was up before this moment, oldest first.

        One that waits for a vector comes up once it has it, or nobody tries any more.
        """


class RequestLog(Protocol):
    """What was asked under an idempotency key, and what came of it."""

    def claim(self, tenant_id: str, request: Request, now: datetime) -> Claim | Done:
        """Take the request, or return what came of it. A died attempt's claim is taken over once it is 30 s old.

        Raises `IdempotencyKeyReusedError` for another body, `RequestInFlightError` while somebody works on it.
        """

    def complete(self, claim: Claim, done: Done, *, keep_forever: bool, now: datetime) -> Done:
        """Record what came of it, and return what is on record from now on.

        Of two attempts under one claim the first to say so is believed, but one that stored something before one that did
        not: what it stored is there. Raises `ConflictError` when another claim holds the record.
        """

    def release(self, claim: Claim, now: datetime, *, did_nothing: bool = False) -> None:
        """Let the next attempt in at once: this one failed, or was refused before it did anything.

        After one that did nothing the next attempt is as good as the first: its claim is not `resumed`.
        """


class Parking(Protocol):
    """Where rows go that cannot be projected, for people to look at."""

    def park(self, tenant_id: str, memory_id: str, row_version: int, reason: str) -> None:
        """Keep the ids and the kind of failure."""
