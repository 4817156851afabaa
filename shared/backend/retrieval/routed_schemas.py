"""What `POST /memory/search/routed` takes and answers."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from backend.kit.wire import Moment
from backend.retrieval.date_questions import Unit
from backend.retrieval.kinds import Route
from backend.retrieval.routed import Refused
from backend.retrieval.schemas import MemoryFound, MemoryQuery, ScopeDiagnostics

ROUTED_EXAMPLE: JsonDict = {"query": "How long ago did I move to Lisbon?", "user_id": "u1", "now": "2026-11-22T09:00:00+00:00"}


class RoutedQuery(MemoryQuery):
    """Body of `POST /memory/search/routed`: a question as for `POST /memory/query`."""

    model_config = ConfigDict(json_schema_extra={"examples": [ROUTED_EXAMPLE]})

    now: Moment | None = Field(
        default=None, description="When it is asked; its offset says by whose calendar days count. By default now, in UTC."
    )

    def asked_at(self, clock: datetime) -> datetime:
        """Return when it is asked, in the asker's zone."""
        return clock if self.now is None else (self.now if self.now.tzinfo else self.now.replace(tzinfo=clock.tzinfo))


class RoutedAnswer(BaseModel):
    """What was counted or reckoned. Of `distance` in whole `unit`s: `value` where `least` and `most` are the same.

    `first` and `last` are the days of a date; they differ where only a month or a year is known.
    """

    kind: Literal["count", "distance", "date"]
    text: str
    value: int | None
    unit: Unit | Literal["memories"] | None
    least: int | None
    most: int | None
    first: date | None
    last: date | None


class MemoryRouted(BaseModel):
    """Answer of `POST /memory/search/routed`. Refused, `memories` are what there is to the question, and no answer."""

    route: Route
    reason: str
    trace: list[str]
    refused: bool
    refusal: Refused | None
    answer: RoutedAnswer | None
    memories: list[MemoryFound]
    complete: bool
    latency_ms: int
    degraded: list[str]
    warnings: list[str]
    scope_diagnostics: ScopeDiagnostics | None
    request_id: str
