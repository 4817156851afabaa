"""Keeping, reading and deleting transcripts."""

from __future__ import annotations

from collections.abc import Sequence

from backend.kit.clock import Clock
from backend.kit.ids import Ids
from backend.memories.once import Once
from backend.memories.outcomes import Claim, Done, Request
from backend.memories.ports import RequestLog
from backend.transcripts.model import Appended, Message, Page, Session, View
from backend.transcripts.ports import TranscriptStore


class Transcripts:
    """The use cases of transcripts."""

    def __init__(self, *, store: TranscriptStore, requests: RequestLog, clock: Clock, ids: Ids) -> None:
        self._store = store
        self._once = Once(requests=requests, clock=clock, ids=ids)
        self._clock = clock
        self._ids = ids

    def append(self, session: Session, messages: Sequence[Message], request: Request | None) -> tuple[Appended, bool]:
        """Put messages behind those that are there; return their places, and whether this is a replay.

        Raises `IdempotencyKeyReusedError`, `RequestInFlightError`, `ThrottledError`, `DependencyUnavailableError`.
        """

        def work(claim: Claim) -> tuple[Appended, Done]:
            append_id = self._ids.derived("app", claim.claim_id) if claim.record_id else None
            appended = self._store.append(session, messages, self._clock.now(), append_id)
            return appended, Done((), (str(appended.first), str(appended.last)))

        return self._once.done(session.tenant_id, request, work, _places)

    def page(self, session: Session, view: View, after: int | None) -> Page:
        """Return messages in the order of the view, from behind the place."""
        return self._store.page(session, view, after)

    def delete(self, session: Session, sequence: int | None, request: Request | None) -> tuple[int, bool]:
        """Remove one message, or the whole session; return how many messages that were, and whether this is a replay.

        Raises `IdempotencyKeyReusedError`, `RequestInFlightError`, `DependencyUnavailableError`.
        """

        def work(_: Claim) -> tuple[int, Done]:
            now = self._clock.now()
            count = self._store.clear(session, now) if sequence is None else int(self._store.remove(session, sequence, now))
            return count, Done((), (str(count),))

        return self._once.done(session.tenant_id, request, work, lambda done: int(done.memory_ids[0]))


def _places(done: Done) -> Appended:
    first, last = done.memory_ids
    return Appended(int(first), int(last))
