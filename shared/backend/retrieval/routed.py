"""What a routed question was answered with."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from backend.retrieval.date_questions import Days, Distance
from backend.retrieval.kinds import Kind
from backend.retrieval.model import Answer


class Refused(StrEnum):
    """Why there is no answer."""

    NOT_A_QUESTION = "not-a-question"
    FORM_UNKNOWN = "form-unknown"
    ANCHOR_NOT_FOUND = "anchor-not-found"
    ANCHOR_UNDATED = "anchor-undated"
    ANCHOR_AMBIGUOUS = "anchor-ambiguous"
    ANCHOR_AHEAD = "anchor-ahead"
    ANCHOR_BEHIND = "anchor-behind"
    ENTITY_UNKNOWN = "entity-unknown"
    NO_DECISION = "no-decision"
    NOTHING_COUNTED = "nothing-counted"


@dataclass(frozen=True, slots=True)
class Reckoned:
    """An answer that is a number or a date. `counted` is how many memories, at least that many unless the walk was whole."""

    counted: int | None = None
    distance: Distance | None = None
    days: Days | None = None
    text: str = ""


@dataclass(slots=True)
class Routed:
    """What a question was answered with: its kind, what was done, and what came of it."""

    kind: Kind
    trace: list[str] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    reckoned: Reckoned | None = None
    refused: Refused | None = None
    is_whole: bool = True
    met: int | None = None
    """How many memories that pass the filters were met on the way, whether or not they fit; None where none were looked for."""

    degraded: dict[str, None] = field(default_factory=dict)

    def meeting(self, memories: int) -> None:
        """Note that so many more passed the filters."""
        self.met = (self.met or 0) + memories

    def refusing(self, why: Refused, detail: str) -> None:
        """Note that there is no answer, and why."""
        self.refused = why
        self.trace.append(detail)
