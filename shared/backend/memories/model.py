"""What a memory is, what can be asked of it, and the limits that hold everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

from backend.embedding.model import Vector
from backend.extraction.model import Claimed, EventTime, Span, Utterance
from backend.index.model import IndexDocument, Tombstone
from backend.kit.errors import Fault, PayloadTooLargeError
from backend.tenancy.scope import Scope

Changes = tuple[IndexDocument | Tombstone, ...]
"""What the index should hold."""

MAX_TEXT_BYTES = 100 * 1024
MAX_METADATA_BYTES = 16 * 1024
MAX_METADATA_DEPTH = 16
MAX_METADATA_KEYS = 512
"""Of all its objects together, whatever their depth."""

MAX_METADATA_KEY_LENGTH = 256
MAX_TAGS = 64
MAX_PAGE_BYTES = 4 * 1024 * 1024
"""What an answer's memories may come to: Lambda cuts an answer at 6 MB."""

NEWEST_PENDING = 200
"""How many changes of one scope key a question reads besides the index."""

MAX_PENDING_BYTES = 3 * 1024 * 1024
"""After so many bytes of them it stops early: each is unpacked to many times its size, in a function's memory."""

SCHEMA_VERSION = 3
"""The newest form of a row that is read here. It is written only where the release before would misread one: an archived row."""

PLAIN_VERSION = 2
"""The form of everything else."""

REDACTED = "[REDACTED — DECRYPTION FAILED]"
"""What stands for the text of a memory whose key is gone; callers show it as it is."""

QUALITY_PRIOR = 4
MOST_EMBED_TRIES = 5


class State(StrEnum):
    """Where in its life a memory is."""

    ACTIVE = "active"
    FORGOTTEN = "soft_deleted"
    DISPUTED = "conflict_inbox"
    """Contradicts what is known; nobody finds it until somebody decides."""

    QUARANTINED = "quarantined"
    """Looks like an order to a model; nobody finds it until somebody has looked at it."""

    ARCHIVED = "archived"
    """Put aside: its owner reads it by its id, and finds it only on demand."""


WAITING = frozenset({State.DISPUTED, State.QUARANTINED})
"""States that end by a person's word."""

KEPT = frozenset({State.ACTIVE, State.ARCHIVED})
"""States in which its owner may read a memory."""


class VectorState(StrEnum):
    """Whether a memory can be found by meaning yet."""

    READY = "ready"
    PENDING = "pending_embedding"


class OnConflict(StrEnum):
    """What a caller wants done when a new statement contradicts one that holds; without it the tenant's policy decides."""

    SUPERSEDE = "supersede"
    KEEP_BOTH = "keep_both"
    INBOX = "inbox"


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
    """With the offset that it was sent with: relative times are read by its calendar."""

    valid_from: datetime | None = None
    valid_until: datetime | None = None
    ttl_minutes: int | None = None
    deduplicate: bool = True
    infer: bool = True
    on_conflict: OnConflict | None = None
    derived_from: tuple[str, ...] = ()
    """The memories that this summarises; none for what somebody said."""

    @property
    def utc_offset(self) -> int | None:
        """By how many minutes the calendar of who said it is ahead of UTC; None for UTC."""
        offset = self.occurred_at.utcoffset() if self.occurred_at else None
        return int(offset.total_seconds()) // 60 if offset else None

    def utterance(self, now: datetime) -> Utterance:
        """Return what extraction is to read."""
        return Utterance(self.text, self.occurred_at or now, self.speaker, self.role, self.infer)


@dataclass(frozen=True, slots=True)
class Memory:
    """The current revision of a memory. `row_version` grows with every write that the index should hear of.

    A long text has pieces: `chunks` says where they stand in it, `vector` is that of the first and `more_vectors` are those
    of the others. `known_from` is when this revision was written, by `actor`, for `reason`.
    """

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
    utc_offset: int | None = None
    """By how many minutes the calendar by which its text was read is ahead of UTC; None for UTC."""

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
    chunks: tuple[Span, ...] = ()
    more_vectors: tuple[Vector, ...] = ()
    event: EventTime | None = None
    claimed: Claimed | None = None
    known_from: datetime | None = None
    actor: str | None = None
    reason: str | None = None
    superseded_by: str | None = None
    superseded_at: datetime | None = None
    ended_before: datetime | None = None
    """Its `valid_until` before it was superseded."""

    last_said: datetime | None = None
    """The latest moment of which it was said again, with a date, since it was first said: until then it did hold."""

    supersedes: tuple[str, ...] = ()
    disputes: tuple[str, ...] = ()
    """The memories that it contradicts and that were left as they are."""

    derived_from: tuple[str, ...] = ()
    """The memories that it summarises."""

    rule: str | None = None
    """Why it waits for a decision."""

    archived_at: datetime | None = None
    state_reason: str | None = None
    """Why it was archived."""

    filed_at: int | None = None
    """The row version that last archived it or brought it back: since then the index has to hold all revisions anew."""

    helpful: int = 0
    unhelpful: int = 0
    embed_tries: int = 0
    vectors_at: int | None = None
    """The revision whose text `more_vectors` were made of."""

    unreadable: bytes | None = None
    """What is sealed in the row and cannot be opened: then the text says so, and rewriting the row keeps this."""

    unreadable_for: str | None = None
    owed: bool = field(default=False, compare=False)
    """A vector is owed, or was: an item of its scope says so, until the index shows the vector."""

    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What a newer release keeps in the row: carried along, so that rewriting the row here loses nothing."""

    @property
    def since(self) -> datetime:
        """When this revision was written."""
        return self.known_from or self.created_at

    @property
    def said_at(self) -> datetime | None:
        """When it was said, by the calendar of who said it."""
        offset = timezone(timedelta(minutes=self.utc_offset or 0))
        return self.occurred_at.astimezone(offset) if self.occurred_at else None

    @property
    def pieces(self) -> tuple[Span, ...]:
        """Where the pieces that the index holds stand in the text: one, of all of it, for a short one."""
        return self.chunks or ((0, len(self.text)),)

    @property
    def vectors(self) -> tuple[Vector, ...]:
        """The vectors of the pieces, none while they are owed."""
        return (self.vector, *self.more_vectors) if self.vector else ()

    @property
    def guard_key(self) -> str:
        """The key that keeps it from being stored twice; what waits for a decision has one of its own."""
        return f"{self.state.value}|{self.extracted_key}" if self.state in WAITING else self.extracted_key

    @property
    def owes_vector(self) -> bool:
        """Tell whether a vector is still to be made for it."""
        return self.vector is None and self.state in KEPT and not self.unreadable

    @property
    def is_late(self) -> bool:
        """Tell whether it was said of an earlier time than that at which it was told."""
        return self.valid_from < self.created_at

    @property
    def held_at(self) -> datetime:
        """The latest moment of which somebody said that it held then; it may have ended with it."""
        last = max(self.valid_from, self.last_said or self.valid_from)
        return last if self.valid_until is None or last <= self.valid_until else self.valid_from

    @property
    def is_given_up(self) -> bool:
        """Tell whether making its vector failed so often that nobody tries any more."""
        return self.embed_tries >= MOST_EMBED_TRIES

    @property
    def quality(self) -> float:
        """How far to trust it, 0 to 1: its confidence, with the weight of four judgements, and what people said of it."""
        judged = self.helpful + self.unhelpful
        return (QUALITY_PRIOR * self.confidence + self.helpful) / (QUALITY_PRIOR + judged)

    @property
    def vector_state(self) -> VectorState:
        """Tell whether the vector is there."""
        return VectorState.READY if self.vector else VectorState.PENDING

    def holds(self, moment: datetime) -> bool:
        """Tell whether it is true of the world at a moment."""
        return self.valid_from <= moment and (self.valid_until is None or moment < self.valid_until)

    def is_live(self, now: datetime) -> bool:
        """Tell whether it counts for what is known: neither forgotten, put aside nor expired."""
        return self.state is State.ACTIVE and not self.is_expired(now)

    def is_ended(self, now: datetime) -> bool:
        """Tell whether it held once and does so no more."""
        return self.valid_until is not None and self.valid_until <= now

    def is_gone(self, now: datetime) -> bool:
        """Tell whether nobody can have it any more: forgotten or expired. What waits for a decision is not."""
        return self.state is State.FORGOTTEN or self.is_expired(now)

    def is_expired(self, now: datetime) -> bool:
        """Tell whether its time is up."""
        return self.expires_at is not None and self.expires_at <= now

    def stands(self, now: datetime) -> bool:
        """Tell whether the same fact said now is this one: live, and valid still."""
        return self.is_live(now) and not self.is_ended(now)

    def readable_by(self, scope: Scope, now: datetime) -> bool:
        """Tell whether this scope may read it now, archived or not."""
        is_own = self.tenant_id == scope.tenant_id and self.scope_key in scope
        return is_own and self.state in KEPT and not self.is_expired(now)

    def filed_as(self, now: Memory) -> Memory:
        """Return this revision filed as the memory is now: whether it is archived is no matter of what was known."""
        return replace(self, state=now.state, archived_at=now.archived_at, state_reason=now.state_reason)

    def with_vectors(self, vectors: Sequence[Vector], model: str, now: datetime) -> Memory:
        """Return the next version, which can be found by meaning; one vector for each of its pieces."""
        return self.changed(
            now, vector=vectors[0], more_vectors=tuple(vectors[1:]), vectors_at=self.revision, model=model, embed_tries=0
        )

    def changed(self, now: datetime, **fields: Any) -> Memory:  # noqa: ANN401 - fields of this class
        """Return the next version of the same revision: users' edits make a new one, see `edited`."""
        return replace(self, updated_at=now, row_version=self.row_version + 1, **fields)

    def edited(self, now: datetime, actor: str | None, reason: str | None, **fields: Any) -> Memory:  # noqa: ANN401 - as above
        """Return the next revision."""
        return self.changed(now, revision=self.revision + 1, known_from=now, actor=actor, reason=reason, **fields)

    def outlasts(self, other: Memory) -> bool:
        """Tell whether it expires no sooner than the other."""
        return self.expires_at is None or (other.expires_at is not None and other.expires_at <= self.expires_at)

    def forgotten(self, now: datetime) -> Memory:
        """Return the next version, which nobody can read."""
        return self.changed(now, state=State.FORGOTTEN, forgotten_at=now)


@dataclass(frozen=True, slots=True)
class Revision:
    """An earlier revision as it was, until when it was what is known, and who ended it and why."""

    memory: Memory
    known_until: datetime
    closed_by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a memory comes from: which source said it, where in it, and the SHA-256 of what was said.

    None where a guard let something of it be kept nowhere: who knows the rest could guess it by its hash.
    """

    evidence_id: str
    memory_id: str
    recorded_at: datetime
    span: tuple[int, int]
    sha256: str | None
    source: str | None = None
    session_id: str | None = None
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What somebody thinks of a memory, and of what it is wrong; its id makes it count once."""

    is_helpful: bool
    actor: str | None
    reason: str | None = None
    judgement_id: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class EvidencePage:
    """Evidence, oldest first, and the id to go on from, None at the end."""

    evidence: tuple[Evidence, ...]
    next_id: str | None


def check_text_size(text: str, pointer: str) -> None:
    """Raise `PayloadTooLargeError` for a text that is too large."""
    size = len(text.encode())
    if size > MAX_TEXT_BYTES:
        msg = f"The text has {size} bytes; the limit is {MAX_TEXT_BYTES}."
        fault = Fault(pointer, "Cut the text and send the parts one by one.")
        raise PayloadTooLargeError(msg, faults=(fault,), limit_bytes=MAX_TEXT_BYTES)


def json_bytes(memory: Memory) -> int:
    """Return how many bytes of an answer what the caller once sent with this memory takes: text, metadata, tags and names."""
    names = (memory.source, memory.event_type, memory.session_id, memory.speaker, memory.role, memory.end_user_id)
    return carried_bytes((memory.text, memory.metadata, memory.tags, names))


def carried_bytes(part: object) -> int:
    """Return how many bytes of UTF-8 a part of an answer takes on its way.

    Lambda's limit is on the JSON that carries the answer's JSON as a string: there a quote of a text takes four bytes.
    """
    return len(json.dumps(json.dumps(part, ensure_ascii=False), ensure_ascii=False).encode())
