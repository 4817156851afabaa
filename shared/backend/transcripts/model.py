"""Messages of a conversation and their places in its transcript."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backend.memories.sealed_values import Unopened
from backend.tenancy.scope import Scope

MAX_MESSAGES = 50
"""In one request. All of them are written in one transaction, which holds 100 items (DynamoDB, "Service quotas")."""

MAX_APPEND_BYTES = 2 * 1024 * 1024
"""Texts and metadata of one request: a transaction holds 4 MB, and what does not compress grows a little when sealed."""

PAGE_BYTES = 4 * 1024 * 1024
"""What the messages of a page may come to on their way (see `carried_bytes`)."""

MOST_LOOKED_AT = 1000
"""So many messages a page reads at most, to find those of the times that are asked for."""


@dataclass(frozen=True, slots=True)
class Session:
    """One conversation of one end user in one project. The id is the application's own."""

    tenant_id: str
    scope_key: str
    session_id: str

    @classmethod
    def of(cls, scope: Scope, session_id: str) -> Session:
        """Return the conversation of this name in the place that the scope writes to."""
        return cls(scope.tenant_id, scope.home, session_id)


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody said."""

    role: str
    content: str
    speaker: str | None = None
    occurred_at: datetime | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """A message in its place: `sequence` counts from 1 and is never used twice, `recorded_at` never goes back.

    `message` is None for one that cannot be decrypted, and `unopened` says why.
    """

    sequence: int
    recorded_at: datetime
    message: Message | None
    unopened: Unopened | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """The places that an append's messages got: all from the first to the last, which is included."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class View:
    """Which messages of a transcript are asked for: recorded at `since` or later and before `until`."""

    limit: int
    newest_first: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def admits(self, entry: Entry) -> bool:
        """Tell whether the message is asked for."""
        return (self.since is None or entry.recorded_at >= self.since) and (self.until is None or entry.recorded_at < self.until)

    def ends_at(self, entry: Entry) -> bool:
        """Tell whether no message behind this one can be asked for, since times never go back."""
        if self.newest_first:
            return self.since is not None and entry.recorded_at < self.since
        return self.until is not None and entry.recorded_at >= self.until


@dataclass(frozen=True, slots=True)
class Page:
    """Messages in the order of the view, and the sequence to go on behind, None at the end."""

    entries: Sequence[Entry]
    next_after: int | None
