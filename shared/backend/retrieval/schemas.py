"""What `POST /memory/query` takes and answers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from backend.extraction.model import Category
from backend.index.model import IndexFilter
from backend.index.ranges import NumberRange
from backend.kit import wire
from backend.kit.clock import epoch_ms
from backend.kit.errors import Fault, UnknownFilterError, ValidationFailedError
from backend.kit.wire import NOT_BLANK, WITHOUT_NUL, Clean, EndUserId, Moment, Name, Whole, Wire
from backend.memories.schemas import UsedMemoryView
from backend.retrieval import model
from backend.retrieval.metadata_filters import Asked
from backend.retrieval.model import Question, Relation, Weights
from backend.retrieval.weighing_schemas import Explanation, Factors, QueryWeights

MAX_QUERY_BYTES = 8 * 1024
MOST_VALUES = 64
MOST_FAULTS = 20
EMPTY_RANGE = "A range in 'filters.metadata' holds no number: its lower bound is above its upper one. Nothing passes it."

SAME_SEARCH = "'computation_tier' has no effect: every question is answered by the same search, with the same care."

QUERY_EXAMPLE: JsonDict = {
    "query": "Where does she live now?",
    "user_id": "u1",
    "k": 5,
    "filters": {"sources": ["chat"]},
    "weights": {"recency": 0.4},
    "include_archived": True,
    "traversal_depth": 1,
    "explain": True,
}


def _query(text: str) -> str:
    if not text.strip():
        msg = "Must not be blank; ask something."
        raise ValueError(msg)
    if len(text.encode()) > MAX_QUERY_BYTES:
        msg = f"Must not be longer than {MAX_QUERY_BYTES} bytes of UTF-8; ask in fewer words."
        raise ValueError(msg)
    return text


def _names(metadata: dict[str, Any]) -> dict[str, Any]:
    for name in metadata:
        wire.clean(name)
    return metadata


def _some(values: list[str]) -> list[str]:
    # "One of none" would admit nothing; read as "any" it would show what the caller meant to leave out.
    if not values:
        msg = "Must name at least one; leave the filter out to admit all."
        raise ValueError(msg)
    return values


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


Values = Annotated[list[Name], Field(max_length=MOST_VALUES, json_schema_extra={"minItems": 1}), AfterValidator(_some)]
Tiers = Annotated[list[Literal["hot", "warm", "cold"]], Field(json_schema_extra={"minItems": 1}), AfterValidator(_some)]
OneOrMore = Annotated[Values, BeforeValidator(_listed, json_schema_input_type=Values | Name)]


class Filters(BaseModel):
    """What an answer must be. A filter that does not exist is refused, so that none is ever dropped silently."""

    # Unknown ones are let in here only to be named, all of them, by the refusal.
    model_config = ConfigDict(extra="allow", strict=True, json_schema_extra={"additionalProperties": False})

    sources: Values = Field(default_factory=list, description="Any of these.")
    tags: Values = Field(default_factory=list, description="Any of these.")
    since: Moment | None = Field(default=None, description="Created at this moment or later.")
    until: Moment | None = Field(default=None, description="Created before this moment.")
    tier: Tiers = Field(default_factory=list, description="Any of these.")
    memory_type: OneOrMore | None = None
    session_id: Name | None = None
    include_summaries: bool = True
    metadata: Annotated[dict[str, Asked], AfterValidator(_names)] = Field(
        default={},
        max_length=MOST_VALUES,
        description="Top-level values: equal ones, or ranges of numbers.",
        json_schema_extra={"propertyNames": {"pattern": WITHOUT_NUL}},
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = sorted(self.model_extra or {})
        if unknown:
            known = ", ".join(sorted(Filters.model_fields))
            faults = tuple(
                Fault(f"/filters/{wire.pointer_step(name[:64])}", f"Use one of: {known}.") for name in unknown[:MOST_FAULTS]
            )
            msg = "A filter does not exist. It was not dropped: that would have changed the answer."
            raise UnknownFilterError(msg, faults=faults)
        return self


class Asking(Wire):
    """What every body that asks has besides the question: whose memories, which of them, and how many."""

    user_id: EndUserId | None = None
    k: Whole = Field(default=model.DEFAULT_K, ge=1, le=model.LARGEST_K)
    filters: Filters = Field(default_factory=Filters)
    session_id: Name | None = Field(default=None, description="Only memories of this session.")
    as_of: Moment | None = Field(
        default=None, description="Only what held at this moment; without it what has ended is left out."
    )
    known_at: Moment | None = Field(default=None, description="Only what was known at this moment, as it was known.")

    @model_validator(mode="after")
    def _one_session(self) -> Self:
        if self.session_id and self.filters.session_id and self.session_id != self.filters.session_id:
            fault = Fault("/filters/session_id", "It is another name for 'session_id' and differs; send one of them.")
            msg = "Two different sessions are asked for."
            raise ValidationFailedError(msg, faults=(fault,))
        return self

    def warnings(self) -> list[str]:
        """Say what was read otherwise than it was sent."""
        naive = [name for name in ("since", "until") if _is_naive(getattr(self.filters, name))]
        ranges = [each for each in self.filters.metadata.values() if isinstance(each, NumberRange)]
        return [
            *super().warnings(),
            *(f"'filters.{name}' has no offset and was read as UTC." for name in naive),
            *([EMPTY_RANGE] if any(each.low > each.high for each in ranges) else []),
        ]

    @abstractmethod
    def words(self) -> str:
        """Return the question in words."""

    def question(self, now: datetime) -> Question:
        """Return what is asked."""
        asked = self.filters
        return Question(
            text=self.words(),
            k=self.k,
            filter=IndexFilter(
                sources=tuple(asked.sources),
                tags=tuple(asked.tags),
                tiers=tuple(asked.tier),
                memory_types=tuple(asked.memory_type or ()),
                session_id=self.session_id or asked.session_id,
                created_since=_ms(asked.since),
                created_until=_ms(asked.until),
                include_summaries=asked.include_summaries,
                metadata={name: value for name, value in asked.metadata.items() if not isinstance(value, NumberRange)},
                ranges={name: value for name, value in asked.metadata.items() if isinstance(value, NumberRange)},
                as_of=_ms(self.as_of),
                known_at=_ms(self.known_at),
                now=epoch_ms(now),
            ),
        )


class Questioning(Asking):
    """What a body has that asks in words."""

    query: Annotated[
        Clean,
        # What is measured is bytes, and no text has more characters than bytes.
        Field(json_schema_extra={"pattern": NOT_BLANK, "maxLength": MAX_QUERY_BYTES}),
        AfterValidator(_query),
    ]

    def words(self) -> str:
        """Return the question."""
        return self.query


class Recalling(Asking):
    """What a body has that asks for the memories themselves."""

    full_text: bool = Field(default=False, description="Whole texts instead of the best 4 KB of each.")
    weights: QueryWeights | None = Field(default=None, description="What counts how much; what is not named keeps its default.")
    explain: bool = Field(default=False, description="Say of each answer why it stands where it stands.")
    include_archived: bool = Field(default=False, description="Find archived memories too.")
    traversal_depth: Whole = Field(
        default=0, ge=0, le=model.DEEPEST_TRAVERSAL, description="Show what each answer leads to, in so many steps at most."
    )
    computation_tier: Name | None = Field(
        default=None, description="Has no effect, and a warning says so: all questions take the same search."
    )

    def warnings(self) -> list[str]:
        """Say what was read otherwise than it was sent, or has no effect."""
        return [*super().warnings(), *([SAME_SEARCH] if self.computation_tier else [])]

    def question(self, now: datetime) -> Question:
        """Return what is asked."""
        asked = super().question(now)
        return replace(
            asked,
            weights=self.weights.weights() if self.weights else Weights(),
            explain=self.explain,
            filter=replace(asked.filter, include_archived=self.include_archived),
            traversal_depth=self.traversal_depth,
        )


class MemoryQuery(Questioning, Recalling):
    """Body of `POST /memory/query`."""

    model_config = ConfigDict(json_schema_extra={"examples": [QUERY_EXAMPLE]})


class RelatedView(BaseModel):
    """A memory that an answer leads to, in `depth` steps; `via` is the last one before it, to which it is what `relation` says.

    `text` is the best span where the whole is longer than 1 KB.
    """

    id: str
    relation: Relation
    depth: int
    via: str
    text: str
    text_truncated: bool
    state: str
    speaker: str | None
    created_at: str
    occurred_at: str | None
    valid_until: str | None


class MemoryFound(UsedMemoryView):
    """One answer. `text` is the best span where the whole is longer than 4 KB; `span` says which characters."""

    score: float
    factors: Factors
    text_truncated: bool
    span: list[int]
    explanation: Explanation | None
    related: list[RelatedView]


class FilterDiagnosis(BaseModel):
    """What one filter keeps out: how many memories are found without it, 200 at most."""

    filter: str
    pointer: str
    memories_without_it: int


class ProjectDiagnosis(BaseModel):
    """What the same question finds in another project that the caller may read; null is no project."""

    project_id: str | None
    memories: int


class ScopeDiagnostics(BaseModel):
    """Why nothing was found: counts of what is the caller's to read. `complete` is false where not all could be tried."""

    project_id: str | None
    environment: str
    memories_without_filters: int
    filters: list[FilterDiagnosis]
    memories_archived: int
    projects: list[ProjectDiagnosis]
    complete: bool
    advice: list[str]


class MemoriesFound(BaseModel):
    """Answer of `POST /memory/query`."""

    memories: list[MemoryFound]
    context: str
    query_intent: Category
    latency_ms: int
    session_id: str | None
    degraded: list[str]
    warnings: list[str]
    scope_diagnostics: ScopeDiagnostics | None
    request_id: str


def _ms(moment: datetime | None) -> int | None:
    return epoch_ms(moment) if moment else None


def _is_naive(moment: datetime | None) -> bool:
    return moment is not None and moment.tzinfo is None
