"""What the routes of turns take and answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from backend.kit import wire
from backend.kit.errors import Fault, PayloadTooLargeError, ValidationFailedError
from backend.kit.wire import EndUserId, Moment, Name, Wire
from backend.memories import model as memories
from backend.memories.model import OnConflict, Said
from backend.memories.schemas import Minutes, Text, checked_metadata
from backend.retrieval.schemas import Recalling
from backend.transcripts.schemas import MESSAGES, Messages, SentMessage, check_messages, warnings_of
from backend.turns.model import MAX_TURN_BYTES, MOST_OUTCOMES, Progress
from backend.turns.recall import question_of

_REFUSED = "A value is not allowed; see errors."
_ONE_WAY = "Send 'messages' (or 'turns'), or 'user_message' and 'assistant_message', and not both."


class AddTurn(Wire):
    """Body of `POST /v1/memory/add_turn`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"session_id": "s1", "user_id": "u1", "messages": [*MESSAGES]}]})

    session_id: Name = Field(description="The conversation, by the application's own id.")
    user_id: EndUserId | None = None
    messages: Messages | None = Field(default=None, description="What was said, in its order.")
    turns: Messages | None = Field(default=None, description="Another name for `messages`.")
    user_message: Text | None = Field(default=None, description="What the end user said: a message of the role `user`.")
    assistant_message: Text | None = Field(default=None, description="What was answered: a message of the role `assistant`.")
    occurred_at: Moment | None = Field(default=None, description="When it was said, of messages that do not say it themselves.")
    source: Name | None = None
    tags: list[Annotated[Name, Field(max_length=128)]] = Field(default=[], max_length=memories.MAX_TAGS)
    metadata: Annotated[dict[str, Any], AfterValidator(checked_metadata)] = Field(
        default={}, description="Of the memories; a message's own metadata stays in the transcript."
    )
    infer: bool = Field(default=True, description="Whether statements are taken out of the texts; false keeps each whole.")
    on_conflict: Literal["supersede", "keep_both", "inbox"] | None = None
    ttl_minutes: Minutes | None = Field(default=None, description="How long the memories last; the transcript stays.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        named = [
            self.messages is not None,
            self.turns is not None,
            self.user_message is not None or self.assistant_message is not None,
        ]
        if sum(named) != 1:
            raise ValidationFailedError(_REFUSED, faults=(Fault("/messages", _ONE_WAY),))
        messages = self.said()
        check_messages(messages, self._places())
        size = sum(len(each.content.encode()) for each in messages)
        if size > MAX_TURN_BYTES:
            msg = f"The texts of the turn have {size} bytes together; the limit is {MAX_TURN_BYTES}."
            fault = Fault("/messages", "Send it in several turns.")
            raise PayloadTooLargeError(msg, faults=(fault,), limit_bytes=MAX_TURN_BYTES)
        return self

    def said(self) -> list[SentMessage]:
        """Return the messages, by whichever way they came."""
        sent = self.messages or self.turns
        if sent:
            return sent
        pair = (("user", self.user_message), ("assistant", self.assistant_message))
        return [SentMessage(role=role, content=content, metadata={}) for role, content in pair if content is not None]

    def _places(self) -> list[str]:
        if self.turns:
            return [f"/turns/{number}/content" for number in range(len(self.turns))]
        return (
            []
            if self.messages
            else [f"/{name}" for name in ("user_message", "assistant_message") if getattr(self, name) is not None]
        )

    def warnings(self) -> list[str]:
        """Say what was read otherwise than it was sent."""
        return [*super().warnings(), *warnings_of(self.said())]

    def remembered(self, message: SentMessage) -> Said:
        """Return what is to be remembered of a message."""
        return Said(
            text=message.content,
            source=self.source,
            tags=tuple(dict.fromkeys(self.tags)),
            metadata=self.metadata,
            session_id=self.session_id,
            speaker=message.speaker,
            role=message.role,
            occurred_at=wire.with_offset(message.occurred_at or self.occurred_at),
            ttl_minutes=self.ttl_minutes,
            infer=self.infer,
            on_conflict=OnConflict(self.on_conflict) if self.on_conflict else None,
        )


class MemoryRecall(Recalling):
    """Body of `POST /v1/memory/recall`: what is known that matters to the conversation as it stands."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"messages": [*MESSAGES, {"role": "user", "content": "What did I say about it?"}], "user_id": "u1", "k": 5}
            ]
        }
    )

    messages: Messages = Field(description="The conversation, or its end; the last message of the end user is the question.")

    @model_validator(mode="after")
    def _fit(self) -> Self:
        check_messages(self.messages)
        return self

    def words(self) -> str:
        """Return the question that the conversation asks."""
        return question_of([(each.role, each.content) for each in self.messages])

    def warnings(self) -> list[str]:
        """Say what was read otherwise than it was sent."""
        return [*super().warnings(), *warnings_of(self.messages)]


class TurnOutcome(BaseModel):
    """What became of one candidate of one message; both count from 0."""

    message: int
    candidate: int
    outcome: str
    memory_id: str | None
    rule: str | None


class TurnRead(BaseModel):
    """Answer of `GET /v1/memory/status/{id}`: `indexed` once the index shows all that was remembered."""

    id: str
    session_id: str
    state: Literal["stored", "indexed"]
    pending_index: int
    first_sequence: int
    last_sequence: int
    memory_ids: list[str]
    counts: dict[str, int]
    created_at: str
    request_id: str

    @classmethod
    def fields_of(cls, progress: Progress) -> dict[str, Any]:
        """Return the members of a turn's answer but the request's id."""
        turn = progress.turn
        return {
            "id": turn.turn_id,
            "session_id": turn.session_id,
            "state": progress.state.value,
            "pending_index": len(progress.unindexed),
            "first_sequence": turn.first,
            "last_sequence": turn.last,
            "memory_ids": list(turn.memory_ids),
            "counts": dict(sorted(turn.counts.items())),
            "created_at": wire.shown(turn.created_at),
        }


class TurnAdded(TurnRead):
    """Answer of `POST /v1/memory/add_turn`."""

    outcomes: list[TurnOutcome]
    warnings: list[str]

    @classmethod
    def told_of(cls, progress: Progress) -> list[dict[str, Any]]:
        """Return the outcomes of a turn's answer."""
        return [
            {
                "message": each.message,
                "candidate": each.outcome.candidate,
                "outcome": each.outcome.outcome.value,
                "memory_id": each.outcome.memory_id or None,
                "rule": each.outcome.rule,
            }
            for each in progress.turn.outcomes
        ]


def left_out(progress: Progress) -> list[str]:
    """Say that more candidates were read than are told of."""
    more = sum(progress.turn.counts.values()) - MOST_OUTCOMES
    return [f"{more} more outcomes are counted, and not told of one by one."] if more > 0 else []
