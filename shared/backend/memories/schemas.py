"""What `/memory` routes take and answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from backend.extraction.model import Candidate, EventTime
from backend.kit import wire
from backend.kit.errors import Fault, ValidationFailedError
from backend.kit.wire import NOT_BLANK, Clean, EndUserId, Moment, Name, Wire
from backend.memories import model
from backend.memories.bounds import check_bounds
from backend.memories.model import (
    WAITING,
    Memory,
    OnConflict,
    Said,
)
from backend.memories.outcomes import (
    CandidateOutcome,
    Outcome,
)
from backend.usage.model import Usage

_MINUTES_IN_TEN_YEARS = 5_256_000
IMPORTANCE_DIGITS = 6
QUALITY_DIGITS = 3

ADD_EXAMPLE: JsonDict = {
    "text": "I moved to Lisbon in March and work from home on Fridays.",
    "user_id": "u1",
    "source": "chat",
    "tags": ["home"],
    "session_id": "s1",
    "metadata": {"native_id": "A-1"},
}


# What is measured is bytes, and no text has more characters than bytes.
Text = Annotated[Clean, Field(json_schema_extra={"pattern": NOT_BLANK, "maxLength": model.MAX_TEXT_BYTES})]
# The bounds stand before the reader of whole numbers: behind it the contract would not show them.
Minutes = Annotated[int, Field(ge=1, le=_MINUTES_IN_TEN_YEARS), BeforeValidator(wire.whole)]
TEXT_OR_CONTENT: JsonDict = {
    "if": {"required": ["text"], "properties": {"text": {"type": "string"}}},
    "else": {"required": ["content"], "properties": {"content": {"type": "string"}}},
}


METADATA = "Any JSON object, up to 16 KB, 16 levels and 512 keys of 256 characters"


def checked_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata. Raises `MetadataTooLargeError`, `ValueError` where it is no JSON or too deep."""
    wire.check_metadata(metadata, most_bytes=model.MAX_METADATA_BYTES, most_depth=model.MAX_METADATA_DEPTH)
    return checked_keys(metadata)


def checked_keys(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the metadata. Raises `ValueError` for too many keys, and for one that is too long."""
    wire.check_keys(metadata, most=model.MAX_METADATA_KEYS, longest=model.MAX_METADATA_KEY_LENGTH)
    return metadata


def _refused(*, pointer: str, cure: str) -> ValidationFailedError:
    """Return the error for fields that are wrong together, at the one to change."""
    return ValidationFailedError("A value is not allowed; see errors.", faults=(Fault(pointer, cure),))


class MemoryAdd(Wire):
    """Body of `POST /memory/add`."""

    model_config = ConfigDict(json_schema_extra={"examples": [ADD_EXAMPLE], **TEXT_OR_CONTENT})

    text: Text | None = Field(default=None, description="What to remember, up to 100 KB of UTF-8.")
    content: Text | None = Field(default=None, description="Another name for `text`.")
    user_id: EndUserId | None = None
    source: Name | None = Field(default=None, description="The system that it comes from; `filters.sources` asks for it.")
    event_type: Name | None = None
    tags: list[Annotated[Name, Field(max_length=128)]] = Field(default=[], max_length=model.MAX_TAGS)
    importance: float = Field(default=0.5, ge=0, le=1)
    session_id: Name | None = None
    metadata: Annotated[dict[str, Any], AfterValidator(checked_metadata)] = Field(
        default={}, description=METADATA + "; top-level scalars can be filtered by."
    )
    ttl_minutes: Minutes | None = None
    deduplicate: bool = Field(default=True, description="Whether the same fact said again becomes evidence of the first.")
    infer: bool = Field(
        default=True, description="Whether statements are taken out of the text; false keeps it whole, word for word."
    )
    on_conflict: Literal["supersede", "keep_both", "inbox"] | None = Field(
        default=None, description="What becomes of a statement that contradicts one that holds; the tenant's policy if not said."
    )
    return_candidates: bool = Field(default=False, description="Whether each outcome shows its candidate in full.")
    occurred_at: Moment | None = Field(default=None, description="When it was said or happened.")
    valid_from: Moment | None = None
    valid_until: Moment | None = None
    speaker: Annotated[Name, Field(max_length=128)] | None = None
    role: Annotated[Name, Field(max_length=32)] | None = None
    client_ref: Annotated[str, Field(min_length=1, max_length=255)] | None = Field(
        default=None, description="Another name for the header Idempotency-Key."
    )
    dry_run: bool = Field(default=False, description="Say what would happen and do nothing.")

    @model_validator(mode="after")
    def _one_text(self) -> Self:
        if self.text is not None and self.content is not None and self.text != self.content:
            raise _refused(
                pointer="/content", cure="'text' and 'content' are two names of one field and differ; send one of them."
            )
        if not (self.text or self.content or "").strip():
            name = "content" if self.content is not None and self.text is None else "text"
            raise _refused(pointer=f"/{name}", cure=f"'{name}' is missing or blank; send what is to be remembered.")
        model.check_text_size(self.text or self.content or "", "/text" if self.text else "/content")
        check_bounds(wire.utc(self.valid_from or self.occurred_at), wire.utc(self.valid_until))
        return self

    def warnings(self) -> list[str]:
        """Say what was read otherwise than it was sent."""
        # A gateway replaces bytes that are not UTF-8 before any function sees them.
        name = "text" if self.text is not None else "content"
        broken = "\ufffd" in (self.text or self.content or "")
        lost = [f"'{name}' holds U+FFFD: something that was not UTF-8 was replaced on its way here."] if broken else []
        return [*super().warnings(), *lost]

    def said(self) -> Said:
        """Return what is to be remembered."""
        return Said(
            text=self.text if self.text is not None else self.content or "",
            source=self.source,
            event_type=self.event_type,
            tags=tuple(dict.fromkeys(self.tags)),
            # The table holds no number below 1E-130; nobody can tell a millionth of importance either.
            importance=round(self.importance, IMPORTANCE_DIGITS),
            metadata=self.metadata,
            session_id=self.session_id,
            speaker=self.speaker,
            role=self.role,
            occurred_at=wire.with_offset(self.occurred_at),
            valid_from=wire.utc(self.valid_from),
            valid_until=wire.utc(self.valid_until),
            ttl_minutes=self.ttl_minutes,
            deduplicate=self.deduplicate,
            infer=self.infer,
            on_conflict=OnConflict(self.on_conflict) if self.on_conflict else None,
        )


class MemoryView(BaseModel):
    """A memory as answers show it."""

    id: str
    user_id: str
    project_id: str | None
    text: str
    summary: str | None
    tags: list[str]
    source: str | None
    event_type: str | None
    importance: float
    metadata: dict[str, Any]
    session_id: str | None
    speaker: str | None
    role: str | None
    tier: str
    is_summary: bool
    expires_at: str | None
    confidence: float
    category: str
    memory_type: str
    created_at: str
    updated_at: str
    occurred_at: str | None
    valid_from: str
    valid_until: str | None
    revision: int
    vector_state: str
    scope: str
    state: str
    state_reason: str | None
    archived_at: str | None
    quality_score: float
    event_date: str | None
    event_end: str | None
    event_precision: str | None
    superseded_by: str | None
    supersedes: list[str]
    disputes: list[str]
    decryption_failed: bool

    @classmethod
    def fields_of(cls, memory: Memory) -> dict[str, Any]:
        """Return the members of a memory's answer."""
        return {
            "id": memory.memory_id,
            "user_id": memory.end_user_id,
            "project_id": memory.project_id,
            "text": memory.text,
            "summary": memory.summary,
            "tags": list(memory.tags),
            "source": memory.source,
            "event_type": memory.event_type,
            "importance": memory.importance,
            "metadata": dict(memory.metadata),
            "session_id": memory.session_id,
            "speaker": memory.speaker,
            "role": memory.role,
            "tier": memory.tier,
            "is_summary": memory.is_summary,
            "expires_at": wire.shown(memory.expires_at),
            "confidence": memory.confidence,
            "category": memory.category,
            "memory_type": memory.memory_type,
            "created_at": wire.shown(memory.created_at),
            "updated_at": wire.shown(memory.updated_at),
            "occurred_at": wire.shown(memory.occurred_at),
            "valid_from": wire.shown(memory.valid_from),
            "valid_until": wire.shown(memory.valid_until),
            "revision": memory.revision,
            "vector_state": memory.vector_state.value,
            "scope": memory.scope_key.split("#")[3],
            "state": memory.state.value,
            "state_reason": memory.rule if memory.state in WAITING else memory.state_reason,
            "archived_at": wire.shown(memory.archived_at),
            "quality_score": round(memory.quality, QUALITY_DIGITS),
            **_event_fields(memory.event),
            "superseded_by": memory.superseded_by,
            "supersedes": list(memory.supersedes),
            "disputes": list(memory.disputes),
            "decryption_failed": memory.unreadable is not None,
        }


class UsedMemoryView(MemoryView):
    """A memory, and how often queries returned it: counted within seconds, so not the query that shows it.

    `stale`: nobody was answered with it, added or changed it for as long as the tenant's policy says.
    """

    last_accessed: str | None
    access_count: int
    stale: bool

    @classmethod
    def fields_with(cls, memory: Memory, usage: Usage, *, is_stale: bool) -> dict[str, Any]:
        """Return the members of a memory's answer, with its usage."""
        used = {"last_accessed": wire.shown(usage.last_accessed), "access_count": usage.access_count, "stale": is_stale}
        return {**cls.fields_of(memory), **used}


class OutcomeView(BaseModel):
    """What became of one candidate: `rule` says why, where it was not simply stored; without a memory there is no id.

    From `text` on, with `dry_run` or `return_candidates`, the candidate itself.
    """

    candidate: int
    outcome: Outcome
    memory_id: str | None
    rule: str | None = None
    text: str | None = None
    category: str | None = None
    memory_type: str | None = None
    confidence: float | None = None
    span: Annotated[list[int], Field(min_length=2, max_length=2, description="In characters of what was sent.")] | None = None
    extracted_key: str | None = None
    speaker: str | None = None
    event_date: str | None = None
    event_end: str | None = None
    event_precision: str | None = None

    @classmethod
    def fields_of(cls, outcome: CandidateOutcome, candidate: Candidate | None) -> dict[str, Any]:
        """Return the members of an outcome, with the candidate's where it is given."""
        members = {
            "candidate": outcome.candidate,
            "outcome": outcome.outcome.value,
            "memory_id": outcome.memory_id or None,
            "rule": outcome.rule,
        }
        return members if candidate is None else {**members, **_candidate_fields(candidate)}


def _candidate_fields(candidate: Candidate) -> dict[str, Any]:
    return {
        "text": candidate.text,
        "category": candidate.category,
        "memory_type": candidate.memory_type,
        "confidence": candidate.confidence,
        "span": list(candidate.span),
        "extracted_key": candidate.extracted_key,
        "speaker": candidate.speaker,
        **_event_fields(candidate.event),
    }


def _event_fields(event: EventTime | None) -> dict[str, Any]:
    return {
        "event_date": wire.shown(event.start) if event else None,
        "event_end": wire.shown(event.end) if event else None,
        "event_precision": event.precision.value if event else None,
    }


class MemoryAdded(MemoryView):
    """Answer of `POST /memory/add`: the first memory, and every candidate's outcome."""

    memory_ids: list[str]
    candidates_extracted: int
    candidates_stored: int
    outcomes: list[OutcomeView]
    consistency_token: str
    warnings: list[str]
    request_id: str


class MemorySkipped(BaseModel):
    """Answer of `POST /memory/add` when nothing was worth storing, or nothing may be stored: each outcome names its rule."""

    status: Literal["skipped"]
    reason: Literal["no_high_value_content", "no_extractable_text", "blocked_by_policy"]
    memory_ids: list[str]
    candidates_extracted: int
    candidates_stored: int
    outcomes: list[OutcomeView]
    warnings: list[str]
    request_id: str


class MemoryRead(UsedMemoryView):
    """Answer of `GET /memory/{id}`."""

    warnings: list[str]
    request_id: str


class MemoryPage(BaseModel):
    """Answer of `GET /memory`."""

    items: list[UsedMemoryView]
    next_cursor: str | None
    has_more: bool
    warnings: list[str]
    request_id: str


class MemoryForgotten(BaseModel):
    """Answer of `DELETE /memory/{id}`."""

    id: str
    state: str
    forgotten_at: str
    request_id: str


class AddPreview(BaseModel):
    """Answer of `POST /memory/add` with `dry_run`: nothing was written."""

    status: Literal["dry_run"]
    candidates_extracted: int
    outcomes: list[OutcomeView]
    warnings: list[str]
    request_id: str
