"""What a tenant wants done with what it is told: a setting, with defaults that lose nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from backend.extraction.policy import ExtractionPolicy
from backend.kit.clock import as_utc
from backend.memories.model import Memory, OnConflict
from backend.usage.model import Usage


class Winner(StrEnum):
    """Which of two statements that contradict each other holds from now on."""

    NEWEST = "newest"
    TRUSTED = "most_trusted_source"
    CONFIDENT = "highest_confidence"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class MemoryPolicy:
    """A tenant's. `trusted_sources` stand in the order of trust, the most trusted first; others come after them all.

    `stale_after` is how long a memory stays fresh that nobody asks for or changes.
    """

    extraction: ExtractionPolicy = field(default_factory=ExtractionPolicy)
    winner: Winner = Winner.NEWEST
    trusted_sources: tuple[str, ...] = ()
    stale_after: timedelta = timedelta(days=90)

    def is_stale(self, memory: Memory, usage: Usage, now: datetime) -> bool:
        """Tell whether nobody has been answered with a memory, added or changed it for longer than `stale_after`."""
        moments = [as_utc(each) for each in (memory.created_at, memory.updated_at, usage.last_accessed) if each]
        return now - max(moments) > self.stale_after

    def verdict(self, new: Memory, holder: Memory, asked: OnConflict | None) -> Verdict:
        """Return what becomes of a new statement that contradicts one that holds. What the caller asks for goes first."""
        if asked is OnConflict.KEEP_BOTH:
            return Verdict.BESIDE
        if new.is_late and new.valid_from < holder.valid_from:
            # It speaks of the time before, which the other one says nothing of: there is nothing to decide.
            return Verdict.ENDED
        if asked is OnConflict.INBOX or (asked is None and self.winner is Winner.ASK):
            return Verdict.INBOX
        if asked is None and self.winner is Winner.TRUSTED and self._trust(new) != self._trust(holder):
            return Verdict.SUPERSEDES if self._trust(new) > self._trust(holder) else Verdict.INBOX
        if asked is None and self.winner is Winner.CONFIDENT and new.confidence != holder.confidence:
            return Verdict.SUPERSEDES if new.confidence > holder.confidence else Verdict.INBOX
        # Equals by the tenant's measure: what holds later in the world is what holds now.
        return Verdict.SUPERSEDES if new.valid_from >= holder.held_at else Verdict.ENDED

    def _trust(self, memory: Memory) -> int:
        """Return how far a source is trusted, 0 for one that is not named."""
        if memory.source not in self.trusted_sources:
            return 0
        return len(self.trusted_sources) - self.trusted_sources.index(memory.source)


class Verdict(StrEnum):
    """What becomes of a new statement that contradicts one that holds."""

    SUPERSEDES = "supersedes"
    BESIDE = "beside"
    INBOX = "inbox"
    ENDED = "ended"
    """It is stored as what held until the other one began, or was said again: it was said late."""
