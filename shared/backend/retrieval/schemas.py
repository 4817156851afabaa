"""What `POST /memory/query` takes and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from backend.index.model import IndexFilter
from backend.kit import wire
from backend.kit.clock import epoch_ms
from backend.kit.errors import Fault, UnknownFilterError
from backend.kit.wire import Clean, EndUserId, Moment, Name, Wire
from backend.memories.schemas import MemoryView
from backend.retrieval import model
from backend.retrieval.model import Question

MAX_QUERY_BYTES = 8 * 1024
MOST_VALUES = 64

QUERY_EXAMPLE: JsonDict = {"query": "Where does she live now?", "user_id": "u1", "k": 5, "filters": {"sources": ["chat"]}}

Values = Annotated[list[Name], Field(max_length=MOST_VALUES)]
Scalar = str | int | float | bool


def _query(text: str) -> str:
    if not text.strip():
        msg = "Must not be blank; ask something."
        raise ValueError(msg)
    if len(text.encode()) > MAX_QUERY_BYTES:
        msg = f"Must not be longer than {MAX_QUERY_BYTES} bytes of UTF-8; ask in fewer words."
        raise ValueError(msg)
    return text


class Filters(BaseModel):
    """What an answer must be. A filter that does not exist is refused, so that none is ever dropped silently."""

    model_config = ConfigDict(extra="allow", strict=True)

    sources: Values = []
    tags: Values = Field(default=[], description="Any of these.")
    since: Moment | None = Field(default=None, description="Created at this moment or later.")
    until: Moment | None = Field(default=None, description="Created before this moment.")
    tier: list[Literal["hot", "warm", "cold"]] = []
    memory_type: Values | Name | None = None
    session_id: Name | None = None
    include_summaries: bool = True
    metadata: dict[str, Scalar] = Field(default={}, max_length=MOST_VALUES, description="Equal top-level values.")

    @model_validator(mode="after")
    def _known(self) -> Filters:
        unknown = sorted(self.model_extra or {})
        if unknown:
            known = ", ".join(sorted(Filters.model_fields))
            faults = tuple(Fault(f"/filters/{name[:64]}", f"Use one of: {known}.") for name in unknown[:20])
            msg = "A filter does not exist. It was not dropped: that would have changed the answer."
            raise UnknownFilterError(msg, faults=faults)
        for text in self.metadata.values():
            if isinstance(text, str):
                wire.clean(text)
        return self


class MemoryQuery(Wire):
    """Body of `POST /memory/query`."""

    model_config = ConfigDict(json_schema_extra={"examples": [QUERY_EXAMPLE]})

    query: Annotated[Clean, AfterValidator(_query)]
    user_id: EndUserId | None = None
    k: int = Field(default=model.DEFAULT_K, ge=1, le=model.LARGEST_K)
    filters: Filters = Field(default_factory=Filters)
    session_id: Name | None = Field(default=None, description="Only memories of this session.")
    as_of: Moment | None = Field(default=None, description="Only what was valid at this moment.")
    known_at: Moment | None = Field(default=None, description="Only what was known at this moment.")
    full_text: bool = Field(default=False, description="Whole texts instead of the best 4 KB of each.")

    def question(self, now: datetime) -> Question:
        """Return what is asked."""
        asked = self.filters
        types = [asked.memory_type] if isinstance(asked.memory_type, str) else asked.memory_type or []
        return Question(
            text=self.query,
            k=self.k,
            filter=IndexFilter(
                sources=tuple(asked.sources),
                tags=tuple(asked.tags),
                tiers=tuple(asked.tier),
                memory_types=tuple(types),
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
