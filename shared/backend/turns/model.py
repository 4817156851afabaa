"""What became of the messages of a turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backend.memories.outcomes import CandidateOutcome

TOLD_FOR = timedelta(days=30)
"""So long a turn's state can be asked for; what it stored stays."""

MAX_TURN_BYTES = 100 * 1024
"""Text of one turn, as of one add: all of it is remembered before the answer."""

MOST_OUTCOMES = 2000
"""So many are told of, some 90 bytes each: an item of the table holds 400 KB."""


class TurnState(StrEnum):
    """How far a turn is."""

    STORED = "stored"
    """Everything is kept and can be recalled; the index has not taken in all of it."""

    INDEXED = "indexed"


@dataclass(frozen=True, slots=True)
class MessageOutcome:
    """What became of one candidate of the message with this number; numbers count from 0."""

    message: int
    outcome: CandidateOutcome


@dataclass(frozen=True, slots=True)
class Turn:
    """The messages of one request: their places in the transcript and the memories that they came to. Ids, never text."""

    turn_id: str
    session_id: str
    first: int
    last: int
    outcomes: tuple[MessageOutcome, ...]
    counts: Mapping[str, int]
    """How many candidates had each outcome, all of them counted."""

    created_at: datetime

    @property
    def expires_at(self) -> datetime:
        """When it is told of no more."""
        return self.created_at + TOLD_FOR

    @property
    def memory_ids(self) -> tuple[str, ...]:
        """The memories, each once."""
        return tuple(dict.fromkeys(each.outcome.memory_id for each in self.outcomes if each.outcome.memory_id))


@dataclass(frozen=True, slots=True)
class Progress:
    """A turn, and which of its memories the index may not show yet."""

    turn: Turn
    unindexed: frozenset[str]

    @property
    def state(self) -> TurnState:
        """How far it is."""
        return TurnState.STORED if self.unindexed else TurnState.INDEXED
