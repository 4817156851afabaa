"""What remembering needs of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from backend.index.model import IndexDocument, Tombstone
from backend.memories.model import Candidate, Claim, Done, Evidence, Memory, Page, Request, Said
from backend.tenancy.scope import Scope


class Mac(Protocol):
    """A keyed digest."""

    def mac(self, *parts: str) -> str:
        """Return the hex HMAC-SHA256 of the parts."""


class Macs(Protocol):
    """Keyed digests, so that nothing a user wrote becomes part of a key."""

    def of(self, tenant_id: str) -> Mac:
        """Return the tenant's."""


class Extractor(Protocol):
    """From what was said to what is worth remembering."""

    def extract(self, said: Said) -> list[Candidate]:
        """Return the candidates in the order they stand in the text. Never fails: what no rule fits is kept whole."""


class GuardTakenError(Exception):
    """Another memory holds the extracted key. Says which; the caller decides whether it still counts.

    The id is empty where a guard was to be taken over that is not there.
    """

    def __init__(self, memory_id: str) -> None:
        super().__init__(memory_id)
        self.memory_id = memory_id


class MemoryStore(Protocol):
    """The record of truth. Every write that the index should hear of leaves a pending marker in the same transaction."""

    def add(self, memory: Memory, change: IndexDocument, *, guarded: bool, replacing: str | None = None) -> Memory:
        """Store a new memory, its guard (when `guarded`) and its pending marker, all or nothing; return what is stored.

        `replacing` names the memory whose guard is taken over. An id that is there already is left and returned as it is:
        an earlier attempt stored it.
        Raises `GuardTakenError`, `OutcomeUnknownError`, `ThrottledError`.
        """

    def get(self, tenant_id: str, memory_id: str) -> Memory | None:
        """Return the row as it is now, whatever its state."""

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Return the rows that exist, as they are now, by id."""

    def guarded_by(self, scope_key: str, extracted_key: str, tenant_id: str) -> str | None:
        """Return the id of the memory that holds the key, if any does."""

    def replace(self, memory: Memory, change: IndexDocument | Tombstone) -> None:
        """Store the next version of a row and its marker. Raises `ConflictError` unless it is `row_version` - 1 now."""

    def record_evidence(self, tenant_id: str, evidence: Sequence[Evidence]) -> None:
        """Store evidence; doing it twice is harmless."""

    def evidence(self, tenant_id: str, memory_id: str) -> list[Evidence]:
        """Return all evidence of a memory, oldest first."""

    def page(self, scope: Scope, *, limit: int, before: str | None, now: datetime) -> Page:
        """Return live memories, newest first, from below the position; what was just added included.

        The position is opaque, and the page may end before the limit (4 MB, see `page_of`): only `next_position` tells the end.
        """

    def pending(self, scope: Scope) -> tuple[list[IndexDocument | Tombstone], bool]:
        """Return the newest changes that the index may not hold yet, and whether there are more than could be read."""

    def settle(self, memory: Memory) -> None:
        """Drop the pending marker of this very row version: the index shows it."""

    def set_aside(self, memory: Memory) -> None:
        """Leave the pending marker of this row version to its readers, but let no sweep take it up again."""

    def overdue(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return (tenant, memory id) of markers written before this moment, oldest first."""

    def walk(self, after: dict[str, str] | None) -> tuple[list[tuple[str, str]], dict[str, str] | None]:
        """Return (tenant, memory id) of rows in no order, and where to go on, None at the end. Reads the whole table."""

    def without_vector(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """Return (tenant, memory id) of rows that wait for a vector since before this moment, oldest first."""


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

    def release(self, claim: Claim, now: datetime) -> None:
        """Let the next attempt in at once: this one failed."""


class Parking(Protocol):
    """Where rows go that cannot be projected, for people to look at."""

    def park(self, tenant_id: str, memory_id: str, row_version: int, reason: str) -> None:
        """Keep the ids and the kind of failure."""
