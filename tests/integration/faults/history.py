"""What was asked and what was answered, one event after the other. Nothing here judges; `checker` does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from backend.tenancy.scope import Scope

Place = tuple[str, str]
"""(scope key, text)"""


class End(Enum):
    """How an attempt ended, as the one who made it sees it."""

    DONE = "it was answered"
    REFUSED = "it was answered with a no"
    UNKNOWN = "nobody said: it may have happened or not"
    BROKEN = "it failed in a way that no answer may"


@dataclass(frozen=True, slots=True)
class Told:
    """A memory as an answer shows it."""

    memory_id: str
    scope_key: str
    text: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Add:
    """Remember these lines. `number` is that of the intent: all its attempts have the same."""

    number: int
    scope: Scope
    lines: tuple[str, ...]
    keyed: bool
    deduplicate: bool = True
    ttl_minutes: int | None = None

    @property
    def places(self) -> list[Place]:
        """Where its memories will lie; what it says twice is one memory, unless it asked for each."""
        lines = dict.fromkeys(self.lines) if self.deduplicate else self.lines
        return [(self.scope.home, line) for line in lines]


@dataclass(frozen=True, slots=True)
class Forget:
    """Forget one memory."""

    number: int
    scope: Scope
    memory_id: str
    keyed: bool


@dataclass(frozen=True, slots=True)
class Get:
    """Read one memory."""

    scope: Scope
    memory_id: str


@dataclass(frozen=True, slots=True)
class ListAll:
    """Read all memories, page by page."""

    scope: Scope
    limit: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask with the very words of a text."""

    scope: Scope
    text: str


@dataclass(frozen=True, slots=True)
class Work:
    """Something that happens without a user: a stream batch, a schedule."""

    name: str


Asked = Add | Forget | Get | ListAll | Ask | Work


@dataclass(frozen=True, slots=True)
class Event:
    """One attempt. `told` are the memories of the answer; `degraded` is what a question could not use; `why` names an error."""

    asked: Asked
    began: datetime
    ended: datetime
    end: End
    told: tuple[Told, ...] = ()
    degraded: tuple[str, ...] = ()
    why: str = ""


@dataclass(slots=True)
class History:
    """All events of one run, and how many calls went wrong in it."""

    events: list[Event] = field(default_factory=list)
    faults: int = 0
