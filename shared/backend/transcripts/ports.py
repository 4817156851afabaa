"""What transcripts need of the outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from backend.transcripts.model import Appended, Message, Page, Session, View


class TranscriptStore(Protocol):
    """Keeps transcripts. What one session holds never shows in another."""

    def append(self, session: Session, messages: Sequence[Message], now: datetime, append_id: str | None = None) -> Appended:
        """Put messages (1 to 50) behind those that are there, all or none, and return their places.

        Places have no gaps, however many append at once. The same `append_id` again appends nothing and returns the places
        of the first time, unless the session was deleted meanwhile.
        Raises `ThrottledError` where others are always quicker, `OutcomeUnknownError`, `DependencyUnavailableError`.
        """

    def page(self, session: Session, view: View, after: int | None) -> Page:
        """Return messages as they are now, from behind the place `after`; none for a session that is not there.

        A page may end before the limit: only `next_after` tells the end.
        """

    def remove(self, session: Session, sequence: int, now: datetime) -> bool:
        """Remove one message for good, backups made before included; return whether it was there."""

    def clear(self, session: Session, now: datetime) -> int:
        """Remove a session for good with all that was appended before this returns; return how many messages that were.

        One that was interrupted is gone on with by the next. What is appended later begins anew at 1.
        """
