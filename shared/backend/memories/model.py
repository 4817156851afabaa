"""What a memory is, what can be asked of it, and the limits that hold everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from backend.embedding.model import Vector
from backend.tenancy.scope import Scope

MAX_TEXT_BYTES = 100 * 1024
MAX_METADATA_BYTES = 16 * 1024
MAX_METADATA_DEPTH = 16
MAX_TAGS = 64
MAX_PAGE_BYTES = 4 * 1024 * 1024
"""What an answer's memories may come to: Lambda cuts an answer at 6 MB."""

NEWEST_PENDING = 200
"""How many changes of one scope key a question reads besides the index."""

MAX_PENDING_BYTES = 3 * 1024 * 1024
"""After so many bytes of them it stops early: each is unpacked to many times its size, in a function's memory."""

CLAIM_LASTS = timedelta(seconds=30)
"""A request that says nothing for so long has died; longer than any request may run."""

SCHEMA_VERSION = 1


class State(StrEnum):
    """Where in its life a memory is."""

    ACTIVE = "active"
    FORGOTTEN = "soft_deleted"


class VectorState(StrEnum):
    """Whether a memory can be found by meaning yet."""

    READY = "ready"
    PENDING = "pending_embedding"


class Outcome(StrEnum):
    """What became of a candidate."""

    STORED = "stored"
    MERGED = "merged"


@dataclass(frozen=True, slots=True)
class Said:
    """What a caller wants remembered, as they sent it."""

    text: str
    source: str | None = None
    event_type: str | None = None
    tags: tuple[str, ...] = ()
    importance: float = 0.5
    metadata: Mapping[str, Any] = field(default_factory=dict)
    session_id: str | None = None
    speaker: str | None = None
    role: str | None = None
    occurred_at: datetime | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    ttl_minutes: int | None = None
    deduplicate: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing worth remembering in what was said: `span` is where it stands there, in characters."""

    text: str
    extracted_key: str
    span: tuple[int, int]
    category: str = "factual"
    memory_type: str = "fact"
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Memory:
    """The current revision of a memory. `row_version` grows with every write that the index should hear of."""

    memory_id: str
    tenant_id: str
    scope_key: str
    project_id: str | None
    end_user_id: str
    text: str
    extracted_key: str
    created_at: datetime
    updated_at: datetime
    valid_from: datetime
    valid_until: datetime | None = None
    occurred_at: datetime | None = None
    expires_at: datetime | None = None
    source: str | None = None
    event_type: str | None = None
    tags: tuple[str, ...] = ()
    importance: float = 0.5
    metadata: Mapping[str, Any] = field(default_factory=dict)
    session_id: str | None = None
    speaker: str | None = None
    role: str | None = None
    category: str = "factual"
    memory_type: str = "fact"
    confidence: float = 1.0
    tier: str = "hot"
    state: State = State.ACTIVE
    is_summary: bool = False
    summary: str | None = None
    vector: Vector | None = None
    model: str | None = None
    revision: int = 1
    row_version: int = 1
    forgotten_at: datetime | None = None
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What a newer release keeps in the row: carried along, so that rewriting the row here loses nothing."""

    @property
    def vector_state(self) -> VectorState:
        """Tell whether the vector is there."""
        return VectorState.READY if self.vector else VectorState.PENDING

    def is_live(self, now: datetime) -> bool:
        """Tell whether it may be read: neither forgotten nor expired."""
        return self.state is State.ACTIVE and (self.expires_at is None or self.expires_at > now)

    def stands(self, now: datetime) -> bool:
        """Tell whether the same fact said now is this one: live, and valid still."""
        return self.is_live(now) and (self.valid_until is None or self.valid_until > now)

    def readable_by(self, scope: Scope, now: datetime) -> bool:
        """Tell whether this scope may read it now."""
        return self.tenant_id == scope.tenant_id and self.scope_key in scope and self.is_live(now)

    def with_vector(self, vector: Vector, model: str, now: datetime) -> Memory:
        """Return the next version, which can be found by meaning."""
        return replace(self, vector=vector, model=model, updated_at=now, row_version=self.row_version + 1)

    def outlasts(self, other: Memory) -> bool:
        """Tell whether it expires no sooner than the other."""
        return self.expires_at is None or (other.expires_at is not None and other.expires_at <= self.expires_at)

    def lasting_until(self, expires_at: datetime | None, now: datetime) -> Memory:
        """Return the next version, which expires then, None for never."""
        return replace(self, expires_at=expires_at, updated_at=now, row_version=self.row_version + 1)

    def forgotten(self, now: datetime) -> Memory:
        """Return the next version, which nobody can read."""
        return replace(self, state=State.FORGOTTEN, forgotten_at=now, updated_at=now, row_version=self.row_version + 1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a memory comes from: which source said it, where in it, and the SHA-256 of what was said."""

    evidence_id: str
    memory_id: str
    recorded_at: datetime
    span: tuple[int, int]
    sha256: str
    source: str | None = None
    session_id: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CandidateOutcome:
    """What became of the candidate with this number; `rule` says why, where it was not simply stored."""

    candidate: int
    outcome: Outcome
    memory_id: str
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """What an add did. `memories` stand in the order of their outcomes; `replayed` tells a repeated request."""

    memories: tuple[Memory, ...]
    outcomes: tuple[CandidateOutcome, ...]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Preview:
    """What an add would do."""

    candidates: tuple[Candidate, ...]
    outcomes: tuple[CandidateOutcome, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Memories, newest first, and the position to go on from, None at the end."""

    memories: tuple[Memory, ...]
    next_position: str | None


def page_of(places: Sequence[tuple[str, str]], rows: Mapping[str, Memory], scope: Scope, *, limit: int, now: datetime) -> Page:
    """Return the page of these places, each (position, memory id), the newest first: what may be read of the first `limit`.

    It ends early where the memories would come to more than 4 MB as JSON, but never before the first of them.
    """
    chosen: list[Memory] = []
    size = 0
    last: str | None = None
    for position, memory_id in places[:limit]:
        memory = rows.get(memory_id)
        if memory and memory.readable_by(scope, now):
            size += json_bytes(memory)
            if chosen and size > MAX_PAGE_BYTES:
                return Page(tuple(chosen), last)
            chosen.append(memory)
        last = position
    return Page(tuple(chosen), last if len(places) > limit else None)


def json_bytes(memory: Memory) -> int:
    """Return how many bytes of an answer what the caller once sent with this memory takes: text, metadata, tags and names."""
    names = (memory.source, memory.event_type, memory.session_id, memory.speaker, memory.role, memory.end_user_id)
    return carried_bytes((memory.text, memory.metadata, memory.tags, names))


def carried_bytes(part: object) -> int:
    """Return how many bytes of UTF-8 a part of an answer takes on its way.

    Lambda's limit is on the JSON that carries the answer's JSON as a string: there a quote of a text takes four bytes.
    """
    return len(json.dumps(json.dumps(part, ensure_ascii=False), ensure_ascii=False).encode())


@dataclass(frozen=True, slots=True)
class Request:
    """One keyed request: what it is stored under, and the MAC of its body, to tell another body from the same."""

    record_id: str
    body_mac: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do a request. `claim_id` stays the same when a died attempt is taken over, and ids derive from it.

    `resumed`: an earlier attempt held it, and may have done some or all of the work.
    """

    claim_id: str
    record_id: str | None = None
    until: datetime | None = None
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """A request that was done before: ids and outcomes, never text."""

    outcomes: tuple[CandidateOutcome, ...]
    memory_ids: tuple[str, ...]

    @property
    def stored(self) -> bool:
        """Tell whether anything new was stored."""
        return any(each.outcome is Outcome.STORED for each in self.outcomes)
