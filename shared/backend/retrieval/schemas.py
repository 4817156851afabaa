"""What `POST /memory/query` takes and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, model_validator
from pydantic.config import JsonDict

from backend.index.model import IndexFilter
from backend.kit import wire
from backend.kit.clock import epoch_ms
from backend.kit.errors import Fault, UnknownFilterError, ValidationFailedError
from backend.kit.wire import NOT_BLANK, WITHOUT_NUL, Clean, EndUserId, Moment, Name, Whole, Wire
from backend.memories.documents import is_filterable
from backend.memories.schemas import MemoryView
from backend.retrieval import model
from backend.retrieval.model import Question

MAX_QUERY_BYTES = 8 * 1024
MOST_VALUES = 64
MOST_FAULTS = 20

QUERY_EXAMPLE: JsonDict = {"query": "Where does she live now?", "user_id": "u1", "k": 5, "filters": {"sources": ["chat"]}}


def _query(text: str) -> str:
    if not text.strip():
        msg = "Must not be blank; ask something."
        raise ValueError(msg)
    if len(text.encode()) > MAX_QUERY_BYTES:
        msg = f"Must not be longer than {MAX_QUERY_BYTES} bytes of UTF-8; ask in fewer words."
        raise ValueError(msg)
    return text


def _scalar(value: object) -> str | int | float | bool:
    if not is_filterable(value):
        msg = "Must be text, true, false, or a finite number of at most 64 bits."
        raise ValueError(msg)
    return wire.clean(value) if isinstance(value, str) else value


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
# A union of types would name each of them in the pointer of its error, which then points nowhere.
Scalar = Annotated[str | int | float | bool, PlainValidator(_scalar, json_schema_input_type=Clean | int | float | bool)]


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
    metadata: Annotated[dict[str, Scalar], AfterValidator(_names)] = Field(
        default={},
        max_length=MOST_VALUES,
        description="Equal top-level values.",
        json_schema_extra={"propertyNames": {"pattern": WITHOUT_NUL}},
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        unknown = sorted(self.model_extra or {})
        if unknown:
            known = ", ".join(sorted(Filters.model_fields))
            faults = tuple(Fault(f"/filters/{_step(name[:64])}", f"Use one of: {known}.") for name in unknown[:MOST_FAULTS])
            msg = "A filter does not exist. It was not dropped: that would have changed the answer."
            raise UnknownFilterError(msg, faults=faults)
        return self


class Asking(Wire):
    """What every body that asks for memories holds besides the question."""

    user_id: EndUserId | None = None
    k: Whole = Field(default=model.DEFAULT_K, ge=1, le=model.LARGEST_K)
    filters: Filters = Field(default_factory=Filters)
    session_id: Name | None = Field(default=None, description="Only memories of this session.")
    as_of: Moment | None = Field(
        default=None, description="Only what held at this moment; without it what has ended is left out."
    )
    known_at: Moment | None = Field(default=None, description="Only what was known at this moment, as it was known.")
    full_text: bool = Field(default=False, description="Whole texts instead of the best 4 KB of each.")

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
        return super().warnings() + [f"'filters.{name}' has no offset and was read as UTC." for name in naive]

    def asked(self) -> str:
        """Return the question in words."""
        raise NotImplementedError

    def question(self, now: datetime) -> Question:
        """Return what is asked."""
        asked = self.filters
        return Question(
            text=self.asked(),
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
                metadata=asked.metadata,
                as_of=_ms(self.as_of),
                known_at=_ms(self.known_at),
                now=epoch_ms(now),
            ),
        )


class MemoryQuery(Asking):
    """Body of `POST /memory/query`."""

    model_config = ConfigDict(json_schema_extra={"examples": [QUERY_EXAMPLE]})

    query: Annotated[
        Clean,
        # What is measured is bytes, and no text has more characters than bytes.
        Field(json_schema_extra={"pattern": NOT_BLANK, "maxLength": MAX_QUERY_BYTES}),
        AfterValidator(_query),
    ]

    def asked(self) -> str:
        """Return the question."""
        return self.query


class Factors(BaseModel):
    """What a score is made of, each in [0, 1] and relative to the same owner's memories."""

    semantic: float


class MemoryFound(MemoryView):
    """One answer. `text` is the best span where the whole is longer than 4 KB; `span` says which characters."""

    score: float
    factors: Factors
    text_truncated: bool
    span: list[int]


class MemoriesFound(BaseModel):
    """Answer of `POST /memory/query`."""

    memories: list[MemoryFound]
    context: str
    latency_ms: int
    session_id: str | None
    degraded: list[str]
    warnings: list[str]
    scope_diagnostics: dict[str, Any] | None
    request_id: str


def _ms(moment: datetime | None) -> int | None:
    return epoch_ms(moment) if moment else None


def _is_naive(moment: datetime | None) -> bool:
    return moment is not None and moment.tzinfo is None


def _step(name: str) -> str:
    """Return the name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
