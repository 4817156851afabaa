"""A store and a parking place in memory, with the promises of `ports.py`: for tests of what stands on them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import RLock

from backend.embedding.model import Vector
from backend.index.model import IndexDocument, Tombstone
from backend.kit.clock import Clock, to_rfc3339
from backend.kit.errors import ConflictError, TableUnavailableError
from backend.kit.ids import derived_id
from backend.memories.documents import changes_for
from backend.memories.listing import EVERYTHING, Listing, Page, page_of
from backend.memories.model import (
    KEPT,
    NEWEST_PENDING,
    Changes,
    Evidence,
    EvidencePage,
    Judgement,
    Memory,
    Revision,
    State,
)
from backend.memories.policy import MemoryPolicy
from backend.memories.ports import Addition, Contest, ContestedError, GuardTakenError, Holders, Rekeying, Step
from backend.tenancy.scope import Scope
from backend.usage.fake import FakeUsageStore
from backend.usage.model import Usage


@dataclass(frozen=True, slots=True)
class Marker:
    """What the index may not hold yet. `written_at` is None once no sweep shall take it up again."""

    tenant_id: str
    position: str
    row_version: int
    changes: Changes
    written_at: datetime | None


class FakeMemoryStore:
    """`MemoryStore` over dictionaries. Set `down` and every call raises `TableUnavailableError`."""

    def __init__(self, clock: Clock) -> None:
        self.down = False
        self.usages = FakeUsageStore()
        self._clock = clock
        self._lock = RLock()
        self._rows: dict[tuple[str, str], Memory] = {}
        self._revisions: dict[tuple[str, str], list[Revision]] = defaultdict(list)
        self._guards: dict[tuple[str, str, str], str] = {}
        self._judged: set[str] = set()
        self._claims: dict[tuple[str, ...], Holders] = {}
        self._markers: dict[tuple[str, str], Marker] = {}
        self._evidence: dict[tuple[str, str], dict[str, Evidence]] = defaultdict(dict)
        self._vectors: dict[tuple[str, str, int], tuple[Vector, ...]] = {}

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
        """See the port."""
        with self._answering():
            there = self._rows.get((memory.tenant_id, memory.memory_id))
            if there:
                return there
            guard = (memory.tenant_id, memory.scope_key, memory.guard_key)
            if guarded and self._guards.get(guard) != replacing:
                raise GuardTakenError(self._guards.get(guard) or "")
            self._check(memory.tenant_id, contest)
            if guarded:
                self._guards[guard] = memory.memory_id
            self._write(Step(memory, changes))
            self._settle_contest(memory.tenant_id, contest)
            if evidence:
                self._evidence[memory.tenant_id, memory.memory_id][evidence.evidence_id] = evidence
            return self._rows[memory.tenant_id, memory.memory_id]

    def add_together(self, additions: Sequence[Addition]) -> list[Memory]:
        """See the port."""
        stored: list[Memory] = []
        with self._answering():
            for each in additions:
                memory = each.memory
                is_held = each.guarded and (memory.tenant_id, memory.scope_key, memory.guard_key) in self._guards
                if not is_held and (memory.tenant_id, memory.memory_id) not in self._rows:
                    stored.append(self.add(memory, each.changes, guarded=each.guarded, evidence=each.evidence))
        return stored

    def get(self, tenant_id: str, memory_id: str) -> Memory | None:
        """See the port."""
        with self._answering():
            return self._rows.get((tenant_id, memory_id))

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """See the port."""
        with self._answering():
            found = {memory_id: self._rows.get((tenant_id, memory_id)) for memory_id in memory_ids}
            return {memory_id: memory for memory_id, memory in found.items() if memory}

    def get_many_used(self, tenant_id: str, memory_ids: Sequence[str]) -> tuple[dict[str, Memory], dict[str, Usage]]:
        """See the port."""
        return self.get_many(tenant_id, memory_ids), self.usages.get_many(tenant_id, memory_ids)

    def whole(self, memory: Memory) -> Memory:
        """See the port."""
        if not memory.chunks or memory.vector is None or memory.more_vectors:
            return memory
        return replace(memory, more_vectors=self._vectors.get(_vectors_of(memory), ()))

    def revisions(self, tenant_id: str, memory_id: str) -> list[Revision]:
        """See the port."""
        with self._answering():
            return list(self._revisions[tenant_id, memory_id])

    def revisions_at(self, tenant_id: str, wanted: Iterable[tuple[str, int]]) -> list[Revision]:
        """See the port."""
        distinct = dict.fromkeys(wanted)
        return [each for name, number in distinct for each in self.revisions(tenant_id, name) if each.memory.revision == number]

    def newest(self, scope: Scope, count: int) -> list[Memory]:
        """See the port."""
        with self._answering():
            mine = [each for each in self._rows.values() if each.scope_key in scope and each.state is State.ACTIVE]
            return sorted(mine, key=_position, reverse=True)[:count]

    def changes(self, memory: Memory) -> Changes:
        """See the port."""
        earlier = self.revisions(memory.tenant_id, memory.memory_id)
        return changes_for(self.whole(memory), [replace(each, memory=self.whole(each.memory)) for each in earlier])

    def guarded_by(self, scope_key: str, extracted_key: str, tenant_id: str) -> str | None:
        """See the port."""
        with self._answering():
            return self._guards.get((tenant_id, scope_key, extracted_key))

    def mark(self, tenant_id: str, *parts: str) -> str:
        """See the port."""
        return derived_id("mark", tenant_id, *parts)

    def holders(self, tenant_id: str, claim: tuple[str, ...]) -> Holders:
        """See the port."""
        with self._answering():
            return self._claims.get((tenant_id, *claim), Holders())

    def replace(
        self,
        memory: Memory,
        changes: Changes,
        *,
        closes: Revision | None = None,
        rekeying: Rekeying | None = None,
        contest: Contest | None = None,
    ) -> None:
        """See the port."""
        with self._answering():
            self._check_version(memory)
            place = (memory.tenant_id, memory.scope_key)
            take = (*place, rekeying.take) if rekeying and rekeying.take else None
            release = (*place, rekeying.release) if rekeying and rekeying.release else None
            if take and rekeying and self._guards.get(take) != rekeying.replacing:
                raise GuardTakenError(self._guards.get(take) or "")
            if release and self._guards.get(release) != memory.memory_id:
                raise ContestedError
            self._check(memory.tenant_id, contest)
            if release:
                del self._guards[release]
            if take:
                self._guards[take] = memory.memory_id
            self._write(Step(memory, changes, closes))
            self._settle_contest(memory.tenant_id, contest)

    def judge(self, memory: Memory, changes: Changes, judgement: Judgement) -> bool:
        """See the port."""
        with self._answering():
            if judgement.judgement_id in self._judged:
                return False
            self._check_version(memory)
            self._judged.add(judgement.judgement_id)
            self._write(Step(memory, changes))
            return True

    def record_evidence(self, tenant_id: str, evidence: Sequence[Evidence]) -> None:
        """See the port."""
        with self._answering():
            for each in evidence:
                self._evidence[tenant_id, each.memory_id][each.evidence_id] = each

    def evidence(self, tenant_id: str, memory_id: str, *, limit: int, after: str | None = None) -> EvidencePage:
        """See the port."""
        with self._answering():
            every = [each for name, each in sorted(self._evidence[tenant_id, memory_id].items()) if after is None or name > after]
            return EvidencePage(tuple(every[:limit]), every[limit - 1].evidence_id if len(every) > limit else None)

    def evidence_count(self, tenant_id: str, memory_id: str) -> int:
        """See the port."""
        with self._answering():
            return len(self._evidence[tenant_id, memory_id])

    def page(self, scope: Scope, *, limit: int, before: str | None, now: datetime, listing: Listing = EVERYTHING) -> Page:
        """See the port."""
        with self._answering():
            rows = {
                memory.memory_id: memory
                for memory in (self._as_known(each, listing, now) for each in self._rows.values())
                if memory and memory.tenant_id == scope.tenant_id and memory.scope_key in scope
            }
            listed = [(_position(each), name) for name, each in rows.items() if listing.admits(each, now)]
            places = sorted((place for place in listed if before is None or place[0] < before), reverse=True)
            shown = [place for place in places if rows[place[1]].state is listing.state]
            return page_of(shown, rows, scope, limit=limit, now=now, listing=listing)

    def pending(self, scope: Scope) -> tuple[list[IndexDocument | Tombstone], bool]:
        """See the port."""
        with self._answering():
            found: list[IndexDocument | Tombstone] = []
            more = False
            for key in scope.keys:
                held = sorted((place for place in self._markers if place[0] == key), reverse=True)
                found += [change for place in held[:NEWEST_PENDING] for change in self._pending(*place)]
                more = more or len(held) > NEWEST_PENDING
            return found, more

    def owed(self, scope: Scope, limit: int) -> tuple[int, datetime | None]:
        """See the port."""
        with self._answering():
            since = [each.updated_at for each in self._rows.values() if each.scope_key in scope and each.owes_vector]
            return min(limit, len(since)), min(since) if since else None

    def unindexed(self, scope_key: str, memory_ids: Sequence[str]) -> frozenset[str]:
        """See the port."""
        with self._answering():
            return frozenset(each for each in memory_ids if (scope_key, each) in self._markers)

    def settle(self, *memories: Memory) -> None:
        """See the port."""
        with self._answering():
            for each in memories:
                if each.state is State.FORGOTTEN:
                    self.usages.forget(each.tenant_id, each.memory_id, self._clock.now())
                if self._marks(each):
                    del self._markers[each.scope_key, each.memory_id]

    def set_aside(self, memory: Memory) -> None:
        """See the port."""
        with self._answering():
            if memory.state is State.FORGOTTEN:
                self.usages.forget(memory.tenant_id, memory.memory_id, self._clock.now())
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
                if _is_tried(memory) and memory.updated_at < before
            ]
            return [(tenant_id, memory_id) for _, tenant_id, memory_id in sorted(due)[:limit]]

    def expired(self, before: datetime, limit: int) -> list[tuple[str, str]]:
        """See the port."""
        with self._answering():
            due = [
                (memory.expires_at, memory.tenant_id, memory.memory_id)
                for memory in self._rows.values()
                if memory.state is not State.FORGOTTEN
                and memory.expires_at
                and memory.expires_at < before
                and not _is_tried(memory)
            ]
            return [(tenant_id, memory_id) for _, tenant_id, memory_id in sorted(due)[:limit]]

    def _as_known(self, memory: Memory, listing: Listing, now: datetime) -> Memory | None:
        at = listing.known_at
        if at is None or memory.since <= at or memory.state is not listing.state or memory.is_expired(now):
            return memory
        earlier = self._revisions[memory.tenant_id, memory.memory_id]
        found = next((each.memory for each in earlier if each.memory.since <= at < each.known_until), None)
        return found.filed_as(memory) if found and found.state in KEPT else found

    def _check_version(self, memory: Memory) -> None:
        there = self._rows.get((memory.tenant_id, memory.memory_id))
        if there is None or there.row_version != memory.row_version - 1:
            msg = "The memory was changed at the same moment; read it again."
            raise ConflictError(msg)

    def _check(self, tenant_id: str, contest: Contest | None) -> None:
        if contest is None:
            return
        if self._claims.get((tenant_id, *contest.claim), Holders()).version != contest.seen.version:
            raise ContestedError
        try:
            for step in contest.retired:
                self._check_version(step.memory)
        except ConflictError as error:
            raise ContestedError from error

    def _settle_contest(self, tenant_id: str, contest: Contest | None) -> None:
        if contest:
            self._claims[tenant_id, *contest.claim] = contest.holds
            for step in contest.retired:
                self._write(step)

    def _write(self, step: Step) -> None:
        memory = step.memory
        self._rows[memory.tenant_id, memory.memory_id] = replace(memory, more_vectors=())
        if memory.more_vectors:
            self._vectors[_vectors_of(memory)] = memory.more_vectors
        if step.closes:
            closed = replace(step.closes, memory=replace(step.closes.memory, more_vectors=()))
            self._revisions[memory.tenant_id, memory.memory_id].append(closed)
        if step.changes:
            marker = Marker(memory.tenant_id, _position(memory), memory.row_version, step.changes, self._clock.now())
            self._markers[memory.scope_key, memory.memory_id] = marker

    def _pending(self, scope_key: str, memory_id: str) -> Changes:
        marker = self._markers[scope_key, memory_id]
        if all(isinstance(each, Tombstone) or each.vector or not each.model for each in marker.changes):
            return marker.changes
        # They were made of a row without the vectors of its further pieces.
        return self.changes(self._rows[marker.tenant_id, memory_id])

    def _marks(self, memory: Memory) -> bool:
        marker = self._markers.get((memory.scope_key, memory.memory_id))
        return marker is not None and marker.row_version == memory.row_version

    def _answering(self) -> RLock:
        if self.down:
            msg = "The table was told to be down."
            raise TableUnavailableError(msg, retry_after=2)
        return self._lock


class FakePolicies:
    """The same policy for every tenant; change it as you like."""

    def __init__(self, policy: MemoryPolicy | None = None) -> None:
        self.policy = policy or MemoryPolicy()

    def of(self, tenant_id: str) -> MemoryPolicy:
        """See the port."""
        del tenant_id
        return self.policy


class FakeParking:
    """`Parking` in a list: (tenant, memory id, row version, reason)."""

    def __init__(self) -> None:
        self.parked: list[tuple[str, str, int, str]] = []

    def park(self, tenant_id: str, memory_id: str, row_version: int, reason: str) -> None:
        """See the port."""
        self.parked.append((tenant_id, memory_id, row_version, reason))


def _vectors_of(memory: Memory) -> tuple[str, str, int]:
    return memory.tenant_id, memory.memory_id, memory.vectors_at or memory.revision


def _is_tried(memory: Memory) -> bool:
    return memory.owes_vector and not memory.is_given_up


def _position(memory: Memory) -> str:
    return f"{to_rfc3339(memory.created_at)}#{memory.memory_id}"
