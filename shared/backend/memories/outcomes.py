"""What came of a request to remember: one outcome for each candidate, and what is kept of the request itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from backend.extraction.model import Candidate
from backend.memories.model import Evidence, Memory

CLAIM_LASTS = timedelta(seconds=30)
"""A request that says nothing for so long has died; longer than any request may run."""


class Outcome(StrEnum):
    """What became of a candidate."""

    STORED = "stored"
    MERGED = "merged"
    SUPERSEDED = "superseded"
    """Stored, and what it contradicts is no longer what holds."""

    DISPUTED = "conflict_inbox"
    LOW_SIGNAL = "skipped_low_signal"
    REDUNDANT = "skipped_redundant"
    """Said twice in one request: the first of them is the memory."""

    TRANSIENT = "skipped_transient"
    POLICY = "skipped_policy"
    QUARANTINED = "quarantined"
    PENDING = "pending"

    @property
    def is_new(self) -> bool:
        """Tell whether a row was stored for it."""
        return self in _NEW


_NEW = frozenset({Outcome.STORED, Outcome.SUPERSEDED, Outcome.DISPUTED, Outcome.QUARANTINED})


@dataclass(frozen=True, slots=True)
class CandidateOutcome:
    """What became of the candidate with this number; `rule` says why, where it was not simply stored.

    `memory_id` is empty where there is none.
    """

    candidate: int
    outcome: Outcome
    memory_id: str
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """What an add did. `memories` stand in the order of their outcomes; `replayed` tells a repeated request.

    `candidates` are given when the request was done now; a replay has none, as no text is kept with a request.
    """

    memories: tuple[Memory, ...]
    outcomes: tuple[CandidateOutcome, ...]
    replayed: bool = False
    candidates: tuple[Candidate, ...] = ()
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What an add did, the evidence that is to be recorded, and what was taken for unchanged since it was met, by id."""

    added: Added
    evidence: tuple[Evidence, ...]
    met_again: frozenset[str]


@dataclass(frozen=True, slots=True)
class Preview:
    """What an add would do."""

    candidates: tuple[Candidate, ...]
    outcomes: tuple[CandidateOutcome, ...]
    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """One keyed request: what it is stored under, and the MAC of its body, to tell another body from the same."""

    record_id: str
    body_mac: str


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to do a request. `claim_id` stays the same when a died attempt is taken over, and ids derive from it.

    `resumed`: an earlier attempt held it, and may have done some or all of the work.
    """

    claim_id: str
    record_id: str | None = None
    until: datetime | None = None
    resumed: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """A request that was done before: ids and outcomes, never text."""

    outcomes: tuple[CandidateOutcome, ...]
    memory_ids: tuple[str, ...]

    @property
    def stored(self) -> bool:
        """Tell whether anything new was stored."""
        return any(each.outcome.is_new for each in self.outcomes)
