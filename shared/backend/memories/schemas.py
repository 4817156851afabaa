"""What `/memory` routes take and answer."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from backend.kit import wire
from backend.kit.errors import Fault, PayloadTooLargeError, ValidationFailedError
from backend.kit.wire import NOT_BLANK, Clean, EndUserId, Moment, Name, Wire
from backend.memories import model
from backend.memories.model import Memory, Said

_MINUTES_IN_TEN_YEARS = 5_256_000
IMPORTANCE_DIGITS = 6

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


def _metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    return wire.check_metadata(metadata, most_bytes=model.MAX_METADATA_BYTES, most_depth=model.MAX_METADATA_DEPTH)


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
    metadata: Annotated[dict[str, Any], AfterValidator(_metadata)] = Field(
        default={}, description="Any JSON object, up to 16 KB and 16 levels; top-level scalars can be filtered by."
    )
    ttl_minutes: Minutes | None = None
    deduplicate: bool = Field(default=True, description="Whether the same fact said again becomes evidence of the first.")
    infer: bool = Field(default=True, description="Whether facts may be extracted; what is kept word for word fits both.")
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
        size = len((self.text or self.content or "").encode())
        if size > model.MAX_TEXT_BYTES:
            msg = f"The text has {size} bytes; the limit is {model.MAX_TEXT_BYTES}."
            fault = Fault("/text" if self.text else "/content", "Cut the text and send the parts one by one.")
            raise PayloadTooLargeError(msg, faults=(fault,), limit_bytes=model.MAX_TEXT_BYTES)
        if self.valid_from and self.valid_until and wire.utc(self.valid_from) >= wire.utc(self.valid_until):  # type: ignore[operator]  # neither is None here
            raise _refused(pointer="/valid_until", cure="'valid_until' must be later than 'valid_from'.")
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
            occurred_at=wire.utc(self.occurred_at),
            valid_from=wire.utc(self.valid_from),
            valid_until=wire.utc(self.valid_until),
            ttl_minutes=self.ttl_minutes,
            deduplicate=self.deduplicate,
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
        }


class OutcomeView(BaseModel):
    """What became of one candidate."""

    candidate: int
    outcome: str
    memory_id: str
    rule: str | None = None


class MemoryAdded(MemoryView):
    """Answer of `POST /memory/add`: the memory, and every candidate's outcome."""

    memory_ids: list[str]
    candidates_extracted: int
    candidates_stored: int
    outcomes: list[OutcomeView]
    consistency_token: str
    warnings: list[str]
    request_id: str


class MemoryRead(MemoryView):
    """Answer of `GET /memory/{id}`."""

    request_id: str


class MemoryPage(BaseModel):
    """Answer of `GET /memory`."""

    items: list[MemoryView]
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

    status: str
    candidates_extracted: int
    outcomes: list[dict[str, Any]]
    warnings: list[str]
    request_id: str
