"""What `/v1/history` routes take and answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from backend.kit import wire
from backend.kit.errors import Fault, PayloadTooLargeError, ValidationFailedError
from backend.kit.wire import EndUserId, Moment, Name, Whole, Wire
from backend.memories import model as memories
from backend.memories.list_parameters import DEFAULT_LIMIT, LARGEST_LIMIT
from backend.memories.schemas import METADATA, Text, checked_keys
from backend.transcripts.model import MAX_APPEND_BYTES, MAX_MESSAGES, Entry, Message, View

REDACTED = memories.REDACTED
LAST_SEQUENCE = 10**12 - 1
_MOST_WARNINGS = 20

MESSAGES: list[JsonDict] = [
    {"role": "user", "content": "I moved to Lisbon in March.", "speaker": "Ada", "occurred_at": "2026-10-02T09:00:00Z"},
    {"role": "assistant", "content": "How do you like it there?"},
]


def _well_formed(metadata: dict[str, Any]) -> dict[str, Any]:
    # Its size is looked at with the whole body, where the place of the message is known.
    wire.json_size(metadata, most_depth=memories.MAX_METADATA_DEPTH)
    return checked_keys(metadata)


class SentMessage(Wire):
    """One message of a conversation."""

    role: Annotated[Name, Field(max_length=32)] = Field(description="`user`, `assistant`, `system`, `tool` or another.")
    content: Text = Field(description="What was said, up to 100 KB of UTF-8.")
    speaker: Annotated[Name, Field(max_length=128)] | None = None
    occurred_at: Moment | None = Field(default=None, description="When it was said.")
    metadata: Annotated[dict[str, Any], AfterValidator(_well_formed)] = Field(default={}, description=f"{METADATA}.")

    def message(self) -> Message:
        """Return what was said."""
        return Message(
            role=self.role,
            content=self.content,
            speaker=self.speaker,
            occurred_at=wire.utc(self.occurred_at),
            metadata=self.metadata,
        )


Messages = Annotated[list[SentMessage], Field(min_length=1, max_length=MAX_MESSAGES)]


def check_messages(messages: list[SentMessage], places: Sequence[str] = ()) -> None:
    """Refuse messages that are blank, or too large, each for itself or together.

    `places` point to their contents, where these do not stand in `messages`.
    Raises `ValidationFailedError`, `PayloadTooLargeError`, `MetadataTooLargeError`.
    """
    total = 0
    for number, each in enumerate(messages):
        place = places[number] if places else f"/messages/{number}/content"
        if not each.content.strip():
            fault = Fault(place, "It is blank; send what was said.")
            msg = "A value is not allowed; see errors."
            raise ValidationFailedError(msg, faults=(fault,))
        memories.check_text_size(each.content, place)
        wire.check_metadata(
            each.metadata,
            most_bytes=memories.MAX_METADATA_BYTES,
            most_depth=memories.MAX_METADATA_DEPTH,
            pointer=f"/messages/{number}/metadata",
        )
        total += len(each.content.encode()) + wire.json_size(each.metadata, most_depth=memories.MAX_METADATA_DEPTH)
    if total > MAX_APPEND_BYTES:
        msg = f"The messages have {total} bytes together; the limit is {MAX_APPEND_BYTES}."
        fault = Fault("/messages", "Send them in several requests.")
        raise PayloadTooLargeError(msg, faults=(fault,), limit_bytes=MAX_APPEND_BYTES)


def warnings_of(messages: list[SentMessage]) -> list[str]:
    """Say what of the messages was read otherwise than it was sent."""
    return [f"messages/{number}: {said}" for number, each in enumerate(messages) for said in each.warnings()][:_MOST_WARNINGS]


class HistoryAppend(Wire):
    """Body of `POST /v1/history/append`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"session_id": "s1", "user_id": "u1", "messages": [*MESSAGES]}]})

    session_id: Name = Field(description="The conversation, by the application's own id.")
    user_id: EndUserId | None = None
    messages: Messages

    @model_validator(mode="after")
    def _fit(self) -> Self:
        check_messages(self.messages)
        return self

    def warnings(self) -> list[str]:
        """Say what was read otherwise than it was sent."""
        return [*super().warnings(), *warnings_of(self.messages)]


class HistoryList(Wire):
    """Body of `POST /v1/history/list`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"session_id": "s1", "user_id": "u1", "order": "desc"}]})

    session_id: Name
    user_id: EndUserId | None = None
    order: Literal["asc", "desc"] = Field(default="asc", description="Oldest first, or newest first.")
    since: Moment | None = Field(default=None, description="Appended at this moment or later.")
    until: Moment | None = Field(default=None, description="Appended before this moment.")
    limit: Whole = Field(default=DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT)
    cursor: Annotated[str, Field(min_length=1, max_length=2048)] | None = Field(
        default=None, description="`next_cursor` of the page before."
    )

    def view(self) -> View:
        """Return what is asked for."""
        return View(self.limit, self.order == "desc", wire.utc(self.since), wire.utc(self.until))


class HistoryDelete(Wire):
    """Body of `POST /v1/history/delete`: one message, or the whole conversation."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"session_id": "s1", "user_id": "u1"}]})

    session_id: Name
    user_id: EndUserId | None = None
    sequence: Annotated[int, Field(ge=1, le=LAST_SEQUENCE), BeforeValidator(wire.whole)] | None = Field(
        default=None, description="The message's place; without it the whole conversation goes."
    )


class HistoryAppended(BaseModel):
    """Answer of `POST /v1/history/append`: the places that the messages got, from the first to the last."""

    session_id: str
    appended: int
    first_sequence: int
    last_sequence: int
    warnings: list[str]
    request_id: str


class MessageView(BaseModel):
    """A message as answers show it."""

    sequence: int
    role: str | None
    content: str
    speaker: str | None
    occurred_at: str | None
    recorded_at: str
    metadata: dict[str, Any]
    decryption_failed: bool

    @classmethod
    def fields_of(cls, entry: Entry) -> dict[str, Any]:
        """Return the members of a message's answer."""
        said = entry.message
        return {
            "sequence": entry.sequence,
            "role": said.role if said else None,
            "content": said.content if said else REDACTED,
            "speaker": said.speaker if said else None,
            "occurred_at": wire.shown(said.occurred_at) if said else None,
            "recorded_at": wire.shown(entry.recorded_at),
            "metadata": dict(said.metadata) if said else {},
            "decryption_failed": said is None,
        }


class HistoryPage(BaseModel):
    """Answer of `POST /v1/history/list`."""

    session_id: str
    items: list[MessageView]
    next_cursor: str | None
    has_more: bool
    warnings: list[str]
    request_id: str


class HistoryDeleted(BaseModel):
    """Answer of `POST /v1/history/delete`: how many messages are gone."""

    session_id: str
    deleted: int
    warnings: list[str]
    request_id: str
