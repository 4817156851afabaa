"""Judges a history by a simple model: what was acknowledged is there, what was forgotten is gone, nothing is there twice.

What an attempt without an answer did is unknown until an answer shows it. The model knows three lives of a memory: it lives,
it is gone, or nobody can say.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from tests.integration.faults.history import Add, Ask, Asked, End, Event, Forget, Get, History, ListAll, Place, Told

_REFUSALS: dict[type, set[str]] = {
    Add: {"GoneError", "RequestInFlightError"},
    Forget: {"MemoryNotFoundError", "RequestInFlightError"},
    Get: {"MemoryNotFoundError"},
}


class Life(Enum):
    """What can be said of a memory."""

    LIVES = "lives"
    GONE = "gone"
    DOUBT = "nobody can say"


@dataclass(slots=True)
class Known:
    """A memory that some answer showed. `guards`: it holds its fact, None when nobody can say."""

    told: Told
    guards: bool | None
    life: Life = Life.LIVES
    expires_at: datetime | None = None
    lasts_longer_perhaps: bool = False

    def surely_lives(self, until: datetime) -> bool:
        """Tell whether it must be there up to this moment."""
        return self.life is Life.LIVES and (self.expires_at is None or self.expires_at > until)

    def surely_gone(self, since: datetime) -> bool:
        """Tell whether it must not be there from this moment on."""
        expired = self.expires_at is not None and self.expires_at <= since and not self.lasts_longer_perhaps
        return self.life is Life.GONE or expired


@dataclass(slots=True)
class Checker:
    """Reads a history, event by event. `wrong` are its findings."""

    wrong: list[str] = field(default_factory=list)
    known: dict[str, Known] = field(default_factory=dict)
    _answers: dict[int, tuple[str, ...]] = field(default_factory=dict)
    _in_doubt: dict[Place, set[int]] = field(default_factory=lambda: defaultdict(set))
    _unguarded: Counter[Place] = field(default_factory=Counter)
    _tried: set[int] = field(default_factory=set)
    _now: Event | None = None

    def read(self, history: History) -> list[str]:
        """Return everything in the history that must not be."""
        for event in history.events:
            self._now = event
            self._judge(event)
        return self.wrong

    def _judge(self, event: Event) -> None:
        asked = event.asked
        if event.end is End.BROKEN or (event.end is End.REFUSED and event.why not in _REFUSALS.get(type(asked), set())):
            self._say(f"ended with {event.why}")
        for told in event.told:
            self._shown(asked, told, event)
        if isinstance(asked, Add):
            self._added(asked, event)
        elif isinstance(asked, Forget):
            self._forgotten(asked, event)
        elif isinstance(asked, Get) and event.end is End.REFUSED:
            self._missing(asked.memory_id, event)
        elif isinstance(asked, ListAll) and event.end is End.DONE:
            self._listed(asked, event)
        elif isinstance(asked, Ask) and event.end is End.DONE:
            self._found(asked, event)

    def _shown(self, asked: Asked, told: Told, event: Event) -> None:
        """Judge one memory of an answer: it may be there, it is the asker's own, and it says what it always said."""
        known = self.known.get(told.memory_id)
        scope = getattr(asked, "scope", None)
        if scope is None or told.scope_key not in scope.keys:
            self._say("showed somebody else's memory")
        if known is None:
            place = (told.scope_key, told.text)
            mine = isinstance(asked, Add) and place in asked.places
            if not mine and not self._in_doubt[place]:
                self._say("showed a memory that nobody added")
            others = self._in_doubt[place] - ({asked.number} if isinstance(asked, Add) else set())
            guards = asked.deduplicate if isinstance(asked, Add) and mine and not others else None
            if isinstance(asked, Add) and asked.deduplicate and self._holders(place, event):
                self._say("stored a fact that is there already")
            self.known[told.memory_id] = Known(told, guards, expires_at=told.expires_at)
            return
        if (known.told.scope_key, known.told.text) != (told.scope_key, told.text):
            self._say("showed another text than before")
        if isinstance(asked, Forget):
            return
        if known.surely_gone(event.began):
            self._say("showed a memory that is gone")
        known.life = Life.LIVES
        known.expires_at, known.lasts_longer_perhaps = told.expires_at, False

    def _added(self, asked: Add, event: Event) -> None:
        if event.end is End.DONE:
            ids = tuple(told.memory_id for told in event.told)
            if [(told.scope_key, told.text) for told in event.told] != asked.places:
                self._say("answered with other texts than were sent")
            if asked.keyed and self._answers.setdefault(asked.number, ids) != ids:
                self._say("answered with other memories than the first time")
        if event.why == "GoneError":
            self._called_gone(asked, event)
        if not asked.deduplicate and (asked.number not in self._tried or not asked.keyed):
            self._unguarded.update(asked.places)
        self._tried.add(asked.number)
        for place in asked.places:
            self._believed(asked, place, is_done=event.end is End.DONE)

    def _believed(self, asked: Add, place: Place, *, is_done: bool) -> None:
        """Note what an attempt may have done that no answer told."""
        if not is_done:
            self._in_doubt[place].add(asked.number)
            for known in self._at(place):
                # It may have merged there, and then made it last longer.
                known.lasts_longer_perhaps = True
        elif asked.keyed or asked.deduplicate:
            # Otherwise each attempt that nobody answered may have stored a memory of its own.
            self._in_doubt[place].discard(asked.number)

    def _called_gone(self, asked: Add, event: Event) -> None:
        """Judge that what an add stored before is gone: only one that is sent again can be told so."""
        before = self._answers.get(asked.number, ())
        if not asked.keyed or asked.number not in self._tried:
            self._say("called gone what was never there")
        elif before and all(self.known[each].surely_lives(event.ended) for each in before):
            self._say("called gone what lives")

    def _forgotten(self, asked: Forget, event: Event) -> None:
        known = self.known[asked.memory_id]
        again = asked.number in self._tried
        self._tried.add(asked.number)
        mine = known.told.scope_key in asked.scope.keys
        if event.end is End.DONE and not mine:
            self._say("forgot somebody else's memory")
        if event.end is End.DONE:
            if known.surely_gone(event.began) and not again:
                self._say("forgot what was gone")
            known.life = Life.GONE
        elif event.end is End.UNKNOWN:
            known.life = Life.DOUBT if mine and known.life is Life.LIVES else known.life
        elif event.why == "MemoryNotFoundError" and mine:
            self._missing(asked.memory_id, event)

    def _missing(self, memory_id: str, event: Event) -> None:
        known = self.known[memory_id]
        scope = getattr(event.asked, "scope", None)
        if scope is None or known.told.scope_key not in scope.keys:
            return
        if known.surely_lives(event.ended):
            self._say("did not show a memory that lives")
        if known.life is Life.DOUBT:
            known.life = Life.GONE

    def _listed(self, asked: ListAll, event: Event) -> None:
        shown = Counter(told.memory_id for told in event.told)
        for known in self.known.values() if "list_lag" not in event.degraded else ():
            if known.told.scope_key in asked.scope.keys and known.told.memory_id not in shown:
                self._missing(known.told.memory_id, event)
        if any(times > 1 for times in shown.values()):
            self._say("listed a memory twice")
        for place, count in Counter((told.scope_key, told.text) for told in event.told).items():
            if count > 1 + self._unguarded[place]:
                self._say("listed a fact more often than it was added")

    def _found(self, asked: Ask, event: Event) -> None:
        """Judge a question with the words of a text: every memory that says it must be found, whatever is down but the index."""
        shown = {told.memory_id for told in event.told}
        if {"index", "index_lag"} & set(event.degraded):
            return
        for known in self._at((asked.scope.home, asked.text)):
            if known.told.memory_id not in shown:
                self._missing(known.told.memory_id, event)

    def _holders(self, place: Place, event: Event) -> list[Known]:
        return [known for known in self._at(place) if known.guards and known.surely_lives(event.ended)]

    def _at(self, place: Place) -> Iterator[Known]:
        return (known for known in self.known.values() if (known.told.scope_key, known.told.text) == place)

    def _say(self, finding: str) -> None:
        self.wrong.append(f"{finding}: {self._now}")
