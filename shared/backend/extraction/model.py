"""What the stages of extraction hand on: statements, each with its place in the text, and why one was refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

Span = tuple[int, int]
"""From the first character to the one after the last, in the text as it was sent."""

LONGEST_UTTERANCE = 1200
"""Characters. What is longer is a document: kept whole, and cut into chunks for the index only."""


class Category(StrEnum):
    """What kind of knowledge a statement is."""

    FACTUAL = "factual"
    PREFERENCE = "preference"
    PROCEDURAL = "procedural"
    EPISODIC = "episodic"
    EMOTIONAL = "emotional"
    TEMPORAL = "temporal"

    @property
    def memory_type(self) -> str:
        """The type that filters ask for."""
        return _TYPES[self]


_TYPES = {
    Category.FACTUAL: "fact",
    Category.PREFERENCE: "preference",
    Category.PROCEDURAL: "procedure",
    Category.EPISODIC: "episode",
    Category.EMOTIONAL: "emotion",
    Category.TEMPORAL: "event",
}


class Precision(StrEnum):
    """How exactly a time was named."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class EventTime:
    """When something happens: from `start` (included) to `end` (not included), both in UTC."""

    start: datetime
    end: datetime
    precision: Precision


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a statement says of whom: of one subject an attribute that has one value at a time, for finding contradictions.

    All three are normalised words of the text: ("i", "live in", "lisbon"). Attributes that may have many values at once
    ("like", "visited") are no claim.
    """

    subject: str
    attribute: str
    value: str


class Guarded(StrEnum):
    """What becomes of a statement that is not simply stored."""

    LOW_SIGNAL = "skipped_low_signal"
    REDUNDANT = "skipped_redundant"
    TRANSIENT = "skipped_transient"
    POLICY = "skipped_policy"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a statement is not stored: the outcome and the name of the rule, such as `question` or `secret.aws_access_key`."""

    outcome: Guarded
    rule: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that was said. `text` is what is kept, `span` is where it stands in what was sent."""

    text: str
    span: Span
    category: Category = Category.FACTUAL
    confidence: float = 0.6
    subject: str | None = None
    event: EventTime | None = None
    claimed: Claimed | None = None
    chunks: tuple[Span, ...] = ()
    """Where the index's pieces of `text` stand in it; none for a text that is one piece."""

    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Utterance:
    """What is to be read: a text, when it was said (with a time zone), and by whom.

    `infer` is False for a caller who wants the text kept word for word.
    """

    text: str
    said_at: datetime
    speaker: str | None = None
    role: str | None = None
    infer: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that may be worth remembering: `span` is where it stands in what was said, in characters.

    With a `refusal` it is not stored, or not without a person's word. `claimed` is what it says that may contradict another.
    """

    text: str
    extracted_key: str
    span: Span
    category: str = Category.FACTUAL.value
    memory_type: str = Category.FACTUAL.memory_type
    confidence: float = 1.0
    speaker: str | None = None
    event: EventTime | None = None
    claimed: Claimed | None = None
    chunks: tuple[Span, ...] = ()
    refusal: Refusal | None = None


class Method(StrEnum):
    """How candidates were found."""

    RULES = "rules"
    MODEL = "llm"
    VERBATIM = "verbatim"


@dataclass(frozen=True, slots=True)
class Reading:
    """The candidates, in the order they stand in the text, and how they were found.

    `fallback` says why a model that was asked for did not do it; tokens are what it took.
    """

    candidates: tuple[Candidate, ...]
    method: Method
    fallback: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
