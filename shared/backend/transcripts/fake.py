"""Transcripts in memory, with the promises of `ports.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from backend.transcripts.model import Appended, Entry, Message, Page, Session, View


class FakeTranscriptStore:
    """`TranscriptStore` over dictionaries."""

    def __init__(self) -> None:
        self._entries: dict[Session, list[Entry]] = {}
        self._grown: dict[Session, tuple[int, datetime]] = {}
        self._appends: dict[tuple[Session, str], Appended] = {}

    def append(self, session: Session, messages: Sequence[Message], now: datetime, append_id: str | None = None) -> Appended:
        """See the port."""
        if append_id and (session, append_id) in self._appends:
            return self._appends[session, append_id]
        following, latest = self._grown.get(session, (1, now))
        at = max(now, latest)
        appended = Appended(following, following + len(messages) - 1)
        kept = self._entries.setdefault(session, [])
        kept += [Entry(place, at, message) for place, message in enumerate(messages, start=following)]
        self._grown[session] = (appended.last + 1, at)
        if append_id:
            self._appends[session, append_id] = appended
        return appended

    def page(self, session: Session, view: View, after: int | None) -> Page:
        """See the port."""
        kept = sorted(self._entries.get(session, []), key=lambda each: each.sequence, reverse=view.newest_first)
        behind = [
            each for each in kept if after is None or (each.sequence < after if view.newest_first else each.sequence > after)
        ]
        asked = [each for each in behind if view.admits(each)]
        shown = asked[: view.limit]
        return Page(shown, shown[-1].sequence if len(asked) > len(shown) else None)

    def remove(self, session: Session, sequence: int, now: datetime) -> bool:
        """See the port."""
        del now
        kept = self._entries.get(session, [])
        left = [each for each in kept if each.sequence != sequence]
        self._entries[session] = left
        return len(left) < len(kept)

    def clear(self, session: Session, now: datetime) -> int:
        """See the port."""
        del now
        self._grown.pop(session, None)
        self._appends = {key: each for key, each in self._appends.items() if key[0] != session}
        return len(self._entries.pop(session, []))
