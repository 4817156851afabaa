"""Keeping the messages of a turn, remembering what they say, and telling how far that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from backend.kit.clock import Clock
from backend.kit.errors import MemorySyncError, TurnNotFoundError
from backend.kit.ids import Ids
from backend.memories.model import Said
from backend.memories.once import Once
from backend.memories.outcomes import Claim, Done, Request
from backend.memories.ports import RequestLog
from backend.memories.service import Asked, MemoryService
from backend.tenancy.scope import Scope
from backend.transcripts.model import Message, Session
from backend.transcripts.ports import TranscriptStore
from backend.turns.model import MOST_OUTCOMES, MessageOutcome, Progress, Turn
from backend.turns.ports import IndexState, TurnStore


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message of a turn: for the transcript, for the memory, and the request that remembering it is."""

    message: Message
    said: Said
    request: Request | None = None


class Turns:
    """The use cases of turns."""

    def __init__(  # noqa: PLR0913 - one word for each thing it stands on
        self,
        *,
        store: TurnStore,
        transcripts: TranscriptStore,
        memories: MemoryService,
        index_state: IndexState,
        requests: RequestLog,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._store = store
        self._transcripts = transcripts
        self._memories = memories
        self._index_state = index_state
        self._once = Once(requests=requests, clock=clock, ids=ids)
        self._clock = clock
        self._ids = ids

    def add(
        self, scope: Scope, session_id: str, spoken: Sequence[Spoken], request: Request | None, actor: str
    ) -> tuple[Progress, bool]:
        """Append messages to a transcript, then remember what they say; return what became of it, and whether this is a replay.

        When one cannot be remembered its error is raised. What was done by then stays, and the same request again does only
        what is missing; without a request it would do all of it once more.
        Raises what `Transcripts.append` and `MemoryService.add` raise, `TurnNotFoundError` for a replay that comes too late.
        """

        def work(claim: Claim) -> tuple[Turn, Done]:
            turn_id = self._ids.derived("turn", claim.claim_id)
            turn = self._store.get(scope.home, turn_id, self._clock.now()) if claim.resumed else None
            if turn is None:
                append_id = self._ids.derived("app", claim.claim_id) if claim.record_id else None
                turn = self._spoken(scope, session_id, spoken, (turn_id, append_id), actor)
                self._store.put(scope.tenant_id, scope.home, turn)
            return turn, Done((), (turn_id,))

        turn, replayed = self._once.done(scope.tenant_id, request, work, lambda done: self._found(scope, done.memory_ids[0]))
        return self._progress(scope, turn), replayed

    def progress(self, scope: Scope, turn_id: str) -> Progress:
        """Return how far a turn is. Raises `TurnNotFoundError`, also for somebody else's."""
        return self._progress(scope, self._found(scope, turn_id))

    def _spoken(self, scope: Scope, session_id: str, spoken: Sequence[Spoken], ids: tuple[str, str | None], actor: str) -> Turn:
        turn_id, append_id = ids
        session = Session.of(scope, session_id)
        now = self._clock.now()
        appended = self._transcripts.append(session, [each.message for each in spoken], now, append_id)
        added = self._memories.add_many(scope.tenant_id, [Asked(scope, each.said, each.request) for each in spoken], actor)
        outcomes: list[MessageOutcome] = []
        for number, each in enumerate(added):
            if isinstance(each, MemorySyncError):
                raise each
            outcomes += [MessageOutcome(number, outcome) for outcome in each.outcomes]
        counts = Counter(each.outcome.outcome.value for each in outcomes)
        return Turn(turn_id, session_id, appended.first, appended.last, tuple(outcomes[:MOST_OUTCOMES]), counts, now)

    def _found(self, scope: Scope, turn_id: str) -> Turn:
        turn = self._store.get(scope.home, turn_id, self._clock.now())
        if turn is None:
            raise TurnNotFoundError(turn_id)
        return turn

    def _progress(self, scope: Scope, turn: Turn) -> Progress:
        return Progress(turn, self._index_state.unindexed(scope.home, turn.memory_ids) if turn.memory_ids else frozenset())
