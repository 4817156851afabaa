"""A store, a request log and a parking place in memory, with the promises of `ports.py`: for tests of what stands on them."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import RLock

from backend.index.model import IndexDocument, Tombstone
from backend.kit.clock import Clock, to_rfc3339
from backend.kit.errors import ConflictError, IdempotencyKeyReusedError, RequestInFlightError, TableUnavailableError
from backend.kit.ids import Ids
from backend.memories.model import (
    CLAIM_LASTS,
    NEWEST_PENDING,
    Claim,
    Done,
    Evidence,
    Memory,
    Page,
    Request,
    State,
    page_of,
)
from backend.memories.ports import GuardTakenError
from backend.tenancy.scope import Scope


@dataclass(frozen=True, slots=True)
class Marker:
    """A change that the index may not hold yet. `written_at` is None once no sweep shall take it up again."""

    tenant_id: str
    position: str
    change: IndexDocument | Tombstone
    written_at: datetime | None


class FakeMemoryStore:
    """`MemoryStore` over dictionaries. Set `down` and every call raises `TableUnavailableError`."""

    def __init__(self, clock: Clock) -> None:
        self.down = False
        self._clock = clock
        self._lock = RLock()
        self._rows: dict[tuple[str, str], Memory] = {}
        self._guards: dict[tuple[str, str, str], str] = {}
        self._markers: dict[tuple[str, str], Marker] = {}
        self._evidence: dict[tuple[str, str], dict[str, Evidence]] = defaultdict(dict)

    def add(self, memory: Memory, change: IndexDocument, *, guarded: bool, replacing: str | None = None) -> Memory:
        """See the port."""
        with self._answering():
            there = self._rows.get((memory.tenant_id, memory.memory_id))
            if there:
                return there
            if guarded:
                guard = (memory.tenant_id, memory.scope_key, memory.extracted_key)
                holder = self._guards.get(guard)
                if holder != replacing:
                    raise GuardTakenError(holder or "")
                self._guards[guard] = memory.memory_id
            self._write(memory, change)
            return memory

    def get(self, tenant_id: str, memory_id: str) -> Memory | None:
        """See the port."""
        with self._answering():
            return self._rows.get((tenant_id, memory_id))

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """See the port."""
        with self._answering():
            found = {memory_id: self._rows.get((tenant_id, memory_id)) for memory_id in memory_ids}
            return {memory_id: memory for memory_id, memory in found.items() if memory}

    def guarded_by(self, scope_key: str, extracted_key: str, tenant_id: str) -> str | None:
        """See the port."""
        with self._answering():
            return self._guards.get((tenant_id, scope_key, extracted_key))

    def replace(self, memory: Memory, change: IndexDocument | Tombstone) -> None:
        """See the port."""
        with self._answering():
            there = self._rows.get((memory.tenant_id, memory.memory_id))
            if there is None or there.row_version != memory.row_version - 1:
                msg = "The memory was changed at the same moment; read it again."
                raise ConflictError(msg)
            self._write(memory, change)

    def record_evidence(self, tenant_id: str, evidence: Sequence[Evidence]) -> None:
        """See the port."""
        with self._answering():
            for each in evidence:
                self._evidence[tenant_id, each.memory_id][each.evidence_id] = each

    def evidence(self, tenant_id: str, memory_id: str) -> list[Evidence]:
        """See the port."""
        with self._answering():
            return [each for _, each in sorted(self._evidence[tenant_id, memory_id].items())]

    def page(self, scope: Scope, *, limit: int, before: str | None, now: datetime) -> Page:
        """See the port."""
        with self._answering():
            listed = [
                (_position(memory), memory.memory_id)
                for memory in self._rows.values()
                if memory.tenant_id == scope.tenant_id and memory.scope_key in scope and memory.state is State.ACTIVE
            ]
            places = sorted((place for place in listed if before is None or place[0] < before), reverse=True)
            return page_of(places, self.get_many(scope.tenant_id, [each for _, each in places]), scope, limit=limit, now=now)

    def pending(self, scope: Scope) -> tuple[list[IndexDocument | Tombstone], bool]:
        """See the port."""
        with self._answering():
            found: list[IndexDocument | Tombstone] = []
            more = False
            for key in scope.keys:
                held = sorted((place for place in self._markers if place[0] == key), reverse=True)
                found += [self._markers[place].change for place in held[:NEWEST_PENDING]]
                more = more or len(held) > NEWEST_PENDING
            return found, more

    def settle(self, memory: Memory) -> None:
        """See the port."""
        with self._answering():
            if self._marks(memory):
                del self._markers[memory.scope_key, memory.memory_id]

    def set_aside(self, memory: Memory) -> None:
        """See the port."""
        with self._answering():
            if self._marks(memory):
                place = (memory.scope_key, memory.memory_id)
                self._markers[place] = replace(self._markers[place], written_at=None)

    def overdue(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """See the port."""
        with self._answering():
            due = [
                (marker.written_at, marker.tenant_id, memory_id)
                for (_, memory_id), marker in self._markers.items()
                if marker.written_at and marker.written_at < before
            ]
            return [(tenant_id, memory_id) for _, tenant_id, memory_id in sorted(due)[:limit]]

    def walk(self, after: dict[str, str] | None) -> tuple[list[tuple[str, str]], dict[str, str] | None]:
        """See the port. One row a page, so that whoever walks has to go on."""
        with self._answering():
            rest = sorted(key for key in self._rows if after is None or key > (after["tenant"], after["memory"]))
            return rest[:1], {"tenant": rest[0][0], "memory": rest[0][1]} if len(rest) > 1 else None

    def without_vector(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """See the port."""
        with self._answering():
            due = [
                (memory.updated_at, memory.tenant_id, memory.memory_id)
                for memory in self._rows.values()
                if memory.vector is None and memory.state is State.ACTIVE and memory.updated_at < before
            ]
            return [(tenant_id, memory_id) for _, tenant_id, memory_id in sorted(due)[:limit]]

    def _write(self, memory: Memory, change: IndexDocument | Tombstone) -> None:
        self._rows[memory.tenant_id, memory.memory_id] = memory
        marker = Marker(memory.tenant_id, _position(memory), change, self._clock.now())
        self._markers[memory.scope_key, memory.memory_id] = marker

    def _marks(self, memory: Memory) -> bool:
        marker = self._markers.get((memory.scope_key, memory.memory_id))
        return marker is not None and marker.change.row_version == memory.row_version

    def _answering(self) -> RLock:
        if self.down:
            msg = "The table was told to be down."
            raise TableUnavailableError(msg, retry_after=2)
        return self._lock


@dataclass(frozen=True, slots=True)
class _Entry:
    """What was asked under a key, and what came of it, None while somebody works on it."""

    claim_id: str
    body_mac: str
    until: datetime
    done: Done | None = None


class FakeRequestLog:
    """`RequestLog` over a dictionary. Nothing is ever dropped, as far as tests see."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._lock = RLock()
        self._entries: dict[str, _Entry] = {}

    def claim(self, tenant_id: str, request: Request, now: datetime) -> Claim | Done:
        """See the port."""
        with self._lock:
            record_id = f"{tenant_id}#{request.record_id}"
            entry = self._entries.get(record_id)
            if entry and not hmac.compare_digest(entry.body_mac, request.body_mac):
                msg = "This idempotency key came with another body before."
                if entry.done and entry.done.memory_ids:
                    raise IdempotencyKeyReusedError(msg, memory_id=entry.done.memory_ids[0])
                raise IdempotencyKeyReusedError(msg)
            if entry and entry.done:
                return entry.done
            if entry and entry.until > now:
                msg = "A request with this idempotency key is being worked on."
                raise RequestInFlightError(msg, retry_after=1)
            claim_id = entry.claim_id if entry else self._ids.new("clm")
            self._entries[record_id] = _Entry(claim_id, request.body_mac, now + CLAIM_LASTS)
            return Claim(claim_id, record_id, now + CLAIM_LASTS, resumed=entry is not None)

    def complete(self, claim: Claim, done: Done, *, keep_forever: bool, now: datetime) -> Done:
        """See the port."""
        del keep_forever, now
        with self._lock:
            if claim.record_id is None:
                return done
            entry = self._entries.get(claim.record_id)
            if entry is None or entry.claim_id != claim.claim_id:
                msg = "Another request holds the claim."
                raise ConflictError(msg)
            if entry.done and not done.stored:
                return entry.done
            self._entries[claim.record_id] = replace(entry, done=done)
            return done

    def release(self, claim: Claim, now: datetime) -> None:
        """See the port."""
        with self._lock:
            entry = self._entries.get(claim.record_id or "")
            if claim.record_id and entry and entry.done is None and entry.until == claim.until:
                self._entries[claim.record_id] = replace(entry, until=now)


class FakeParking:
    """`Parking` in a list: (tenant, memory id, row version, reason)."""

    def __init__(self) -> None:
        self.parked: list[tuple[str, str, int, str]] = []

    def park(self, tenant_id: str, memory_id: str, row_version: int, reason: str) -> None:
        """See the port."""
        self.parked.append((tenant_id, memory_id, row_version, reason))


def _position(memory: Memory) -> str:
    return f"{to_rfc3339(memory.created_at)}#{memory.memory_id}"
