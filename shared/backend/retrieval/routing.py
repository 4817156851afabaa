"""Answering by what kind of question it is: each kind has its own search, says what it did, and refuses rather than guess."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import merge

from backend.extraction.model import EventTime
from backend.index.text import query_stems
from backend.kit.clock import Clock
from backend.memories.documents import documents_of
from backend.memories.listing import Listing
from backend.memories.model import Memory, State
from backend.memories.ports import MemoryStore
from backend.retrieval.date_questions import (
    Asked,
    Days,
    date_question,
    days_of,
    distance,
    named_days,
    shifted,
    undated,
    window_in,
)
from backend.retrieval.kinds import DECIDED, Route, kind_of, said, telling, types_named
from backend.retrieval.model import SHOWN, Answer, Question, Weighed, band
from backend.retrieval.routed import Reckoned, Refused, Routed
from backend.retrieval.service import RetrievalService
from backend.tenancy.scope import Scope
from backend.usage.model import UNUSED

PAGE_ROWS = 200
MOST_PAGES = 5
WIDE = 50
"""How many answers are looked through for those of an entity, a decision or a date."""

LISTED = Weighed(1.0, {name: float(name == "semantic") for name in SHOWN})
"""What is listed has no better or worse."""

TYPES = {Route.PREFERENCES: ("preference",), Route.EPISODES: ("episode", "event")}


class Routing:
    """Deterministic: no language model, and the same memories always give the same answer."""

    def __init__(self, *, retrieval: RetrievalService, store: MemoryStore, clock: Clock) -> None:
        self._retrieval = retrieval
        self._store = store
        self._clock = clock

    def answer(self, scope: Scope, question: Question, now: datetime) -> Routed:
        """Answer a question, read as of `now`, whose time zone's calendar counts.

        Raises as `RetrievalService.query` does.
        """
        routed = Routed(kind_of(question.text))
        work: dict[Route, Callable[[Scope, Question, datetime, Routed], None]] = {
            Route.NONE: self._nothing,
            Route.PREFERENCES: self._typed,
            Route.EPISODES: self._typed,
            Route.TIMELINE: self._timeline,
            Route.ENTITY: self._entity,
            Route.COUNT: self._counted,
            Route.LIST: self._counted,
            Route.DECISION: self._decided,
            Route.DATES: self._reckoned,
            Route.FACTS: self._plain,
        }
        work[routed.kind.route](scope, question, now, routed)
        return routed

    def _search(self, scope: Scope, question: Question, routed: Routed) -> list[Answer]:
        found = self._retrieval.query(scope, question)
        routed.degraded.update(dict.fromkeys(found.degraded))
        routed.meeting(len(found.answers))
        return list(found.answers)

    def _nothing(self, _scope: Scope, _question: Question, _now: datetime, routed: Routed) -> None:
        routed.refusing(Refused.NOT_A_QUESTION, "Nothing was searched for.")

    def _plain(self, scope: Scope, question: Question, _now: datetime, routed: Routed) -> None:
        routed.answers = self._search(scope, question, routed)
        routed.trace.append(f"Searched by meaning and words: {len(routed.answers)} found.")

    def _typed(self, scope: Scope, question: Question, now: datetime, routed: Routed) -> None:
        """Search among all, and put those of the type first within each tier: a type is no better tier."""
        types = TYPES[routed.kind.route]
        if question.filter.memory_types:
            routed.trace.append("The filter 'memory_type' says which types are searched.")
            self._plain(scope, question, now, routed)
            return
        wide = replace(question, k=max(question.k, WIDE))
        found = self._search(scope, wide, routed)
        typed = sum(each.memory.memory_type in types for each in found)
        routed.trace.append(f"Searched among all types: {len(found)} found, {typed} of type {' or '.join(types)}.")
        if typed < question.k and len(found) >= wide.k:
            further = self._further(scope, question, found, types, routed)
            routed.trace.append(f"Searched among memories of the type for the rest: {len(further)} more.")
            found += further
        found.sort(key=lambda each: (band(each.memory.tier), each.memory.memory_type not in types))
        routed.answers = found[: question.k]

    def _further(
        self, scope: Scope, question: Question, found: Sequence[Answer], types: tuple[str, ...], routed: Routed
    ) -> list[Answer]:
        """Return those of the types that a search among all did not reach.

        Scores of two searches cannot be compared; what stands behind all that the first one found has no more than its least.
        """
        known = {each.memory.memory_id for each in found}
        asked = replace(question, filter=replace(question.filter, memory_types=types))
        more = [each for each in self._search(scope, asked, routed) if each.memory.memory_id not in known]
        least = min(each.weighed.score for each in found)
        return [replace(each, weighed=replace(each.weighed, score=min(each.weighed.score, least))) for each in more]

    def _entity(self, scope: Scope, question: Question, _now: datetime, routed: Routed) -> None:
        about = routed.kind.about or question.text
        named = set(telling(about)) or set(query_stems(about))
        found = self._search(scope, replace(question, text=about, k=max(question.k, WIDE)), routed)
        naming = [each for each in found if named <= _said(each.memory)]
        routed.answers = naming[: question.k]
        routed.is_whole = len(naming) <= question.k and len(found) < WIDE
        routed.trace.append(f"Kept of {len(found)} found those that name it: {len(naming)}.")
        if not naming:
            routed.refusing(Refused.ENTITY_UNKNOWN, "No memory names it.")

    def _decided(self, scope: Scope, question: Question, _now: datetime, routed: Routed) -> None:
        found = self._search(scope, replace(question, k=max(question.k, WIDE)), routed)
        topic = set(telling(question.text))
        decided = [each for each in found if DECIDED.search(each.memory.text)]
        fitting = [each for each in decided if not topic or topic & _said(each.memory)]
        routed.trace.append(f"Kept of {len(found)} found those that tell of a decision about it: {len(fitting)}.")
        routed.answers = (fitting or found)[: question.k]
        if not fitting:
            routed.refusing(Refused.NO_DECISION, "No memory tells of such a decision; what is nearest is shown.")

    def _counted(self, scope: Scope, question: Question, now: datetime, routed: Routed) -> None:
        """Count or list by walking the owner's rows: a search by likeness would not know where to stop."""
        types = question.filter.memory_types or types_named(question.text)
        window = window_in(question.text, now, -1)
        topic = undated(question.text) if window else telling(question.text)
        of_types = replace(question, filter=replace(question.filter, memory_types=tuple(types)))
        rows, whole = self._walk(scope, of_types, lambda row: set(topic) <= _said(row) and _in(row, window, now), routed)
        if not routed.met and not question.filter.memory_types and types:
            # The type is the question's own: there may be others.
            self._search(scope, replace(question, k=1), routed)
        what = [*(f"of type {each}" for each in types), *([f"that say: {', '.join(topic)}"] if topic else [])]
        if window:
            what.append(f"from {window.first} to {window.last}")
        described = f"memories {' '.join(what)}".strip()
        routed.trace.append(f"Walked the rows for {described}: {len(rows)}{'' if whole else ', not all rows looked at'}.")
        routed.is_whole = whole
        routed.answers = self._listed(scope, rows[: question.k])
        if not rows:
            # That nothing has these very words does not mean that it never happened.
            routed.refusing(Refused.NOTHING_COUNTED, f"There are no {described}.")
            return
        text = f"{'' if whole else 'at least '}{len(rows)} {described}"
        routed.reckoned = Reckoned(counted=len(rows), text=text)

    def _timeline(self, scope: Scope, question: Question, now: datetime, routed: Routed) -> None:
        window = window_in(question.text, now, -1)
        topic = undated(question.text) if window else telling(question.text)
        self._in_order(scope, question, now, routed, window, topic)

    def _in_order(  # noqa: PLR0913, PLR0917 - one word for each thing that narrows it
        self, scope: Scope, question: Question, now: datetime, routed: Routed, window: Days | None, topic: Sequence[str]
    ) -> None:
        def fits(row: Memory) -> bool:
            return _when(row) is not None and set(topic) <= _said(row) and _in(row, window, now)

        rows, whole = self._walk(scope, question, fits, routed)
        rows.sort(key=lambda row: (_when(row) or row.created_at, row.memory_id))
        span = f" from {window.first} to {window.last}" if window else ""
        about = f" that say: {', '.join(topic)}" if topic else ""
        routed.trace.append(f"Walked the rows for dated memories{about}{span}: {len(rows)}, in the order of time.")
        routed.is_whole = whole
        routed.answers = self._listed(scope, rows[: question.k])
        routed.reckoned = Reckoned(
            counted=len(rows), text=f"{'' if whole else 'at least '}{len(rows)} dated memories{about}{span}"
        )

    def _reckoned(self, scope: Scope, question: Question, now: datetime, routed: Routed) -> None:
        asked = date_question(question.text)
        if asked is None:
            routed.refusing(Refused.FORM_UNKNOWN, "What is to be reckoned cannot be told from its words.")
            return
        tense = 1 if asked.asked is Asked.AHEAD else -1
        first = self._days(scope, question, asked.first, now, tense, routed)
        if first is None:
            return
        today = Days(now.date(), now.date())
        if asked.asked in {Asked.DATE, Asked.HAPPENED}:
            then = shifted(first, asked.shift, asked.unit)
            if then is None:
                routed.refusing(Refused.FORM_UNKNOWN, "That date is beyond the years that there are.")
            elif asked.asked is Asked.HAPPENED:
                self._in_order(scope, question, now, routed, then, ())
            else:
                routed.reckoned = Reckoned(days=then, text=str(then.first) if then.is_one else f"{then.first} to {then.last}")
            return
        if asked.asked is Asked.BETWEEN and asked.second is not None:
            second = self._days(scope, question, asked.second, now, tense, routed)
            if second is None:
                return
            start, end = sorted((first, second), key=lambda each: (each.first, each.last))
        elif asked.asked is Asked.AHEAD:
            start, end = today, first
        else:
            start, end = first, today
        if end.last < start.first:
            why = Refused.ANCHOR_BEHIND if asked.asked is Asked.AHEAD else Refused.ANCHOR_AHEAD
            routed.refusing(why, "It lies on the other side of today.")
            return
        far = distance(start, end, asked.unit)
        far = replace(far, least=max(far.least, 0))
        routed.trace.append(f"Reckoned from {start.first} to {end.last}.")
        routed.reckoned = Reckoned(distance=far, text=far.text)

    def _days(  # noqa: PLR0913, PLR0917 - one word for each thing that it goes by
        self, scope: Scope, question: Question, words: str, now: datetime, tense: int, routed: Routed
    ) -> Days | None:
        """Return the days of what a question reckons with, by the calendar or by the one dated memory that tells of it."""
        named = named_days(words, now, tense)
        if named:
            routed.trace.append(f"Read as {named.first} to {named.last} by the calendar.")
            return named
        topic = set(undated(words))
        asked = replace(question, text=words, k=WIDE)
        found = [each for each in self._search(scope, asked, routed) if topic and topic <= _said(each.memory)]
        window = window_in(words, now, tense)
        dated = [each for each in found if each.memory.event and (window is None or _in(each.memory, window, now))]
        shown = {each.memory.memory_id for each in routed.answers}
        routed.answers += [each for each in dated or found if each.memory.memory_id not in shown][: question.k]
        if not dated:
            why = Refused.ANCHOR_UNDATED if found else Refused.ANCHOR_NOT_FOUND
            lacks = "tells when it was" if found else "tells of it"
            routed.refusing(why, f"No memory that says all of {', '.join(sorted(topic)) or 'it'} {lacks}.")
            return None
        events = list(_chosen(words, [each.memory.event for each in dated if each.memory.event], now))
        spans = _narrowest([days_of(each, now.tzinfo) for each in events])
        if len(spans) != 1:
            routed.refusing(Refused.ANCHOR_AMBIGUOUS, f"{len(dated)} memories tell of it, with {len(spans)} different dates.")
            return None
        (span,) = spans
        routed.trace.append(f"Dated {span.first} to {span.last} by {', '.join(each.memory.memory_id for each in dated[:3])}.")
        return span

    def _walk(
        self, scope: Scope, question: Question, fits: Callable[[Memory], bool], routed: Routed
    ) -> tuple[list[Memory], bool]:
        """Return the rows that fit, newest first, and whether all were looked at: five pages of 200 of each state at most."""
        states = (State.ACTIVE, State.ARCHIVED) if question.filter.include_archived else (State.ACTIVE,)
        walks = [self._walk_of(state, scope, question, fits, routed) for state in states]
        rows = merge(*(found for found, _ in walks), key=lambda row: (row.created_at, row.memory_id), reverse=True)
        # One that is archived between the two walks is met by both.
        distinct = {row.memory_id: row for row in rows}
        return list(distinct.values()), all(is_whole for _, is_whole in walks)

    def _walk_of(
        self, state: State, scope: Scope, question: Question, fits: Callable[[Memory], bool], routed: Routed
    ) -> tuple[list[Memory], bool]:
        asked = question.filter
        listing = Listing(state=state, memory_types=asked.memory_types, known_at=_moment(asked.known_at), include_ended=True)
        found: list[Memory] = []
        before = None
        for _ in range(MOST_PAGES):
            page = self._store.page(scope, limit=PAGE_ROWS, before=before, now=self._clock.now(), listing=listing)
            admitted = [row for row in page.memories if any(asked.admits(each) for each in documents_of(row))]
            routed.meeting(len(admitted))
            found += [row for row in admitted if fits(row)]
            before = page.next_position
            if before is None:
                return found, True
        return found, False

    def _listed(self, scope: Scope, rows: Sequence[Memory]) -> list[Answer]:
        """Return rows as answers that all fit alike."""
        _, used = self._store.get_many_used(scope.tenant_id, [row.memory_id for row in rows]) if rows else ({}, {})
        return [Answer(row, 1.0, None, 0.0, usage=used.get(row.memory_id, UNUSED), weighed=LISTED) for row in rows]


def _said(memory: Memory) -> frozenset[str]:
    """Return the stems of what a memory says and of who says it."""
    return said(f"{memory.speaker}: {memory.text}" if memory.speaker else memory.text)


def _moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)


def _when(memory: Memory) -> datetime | None:
    return memory.event.start if memory.event else memory.occurred_at


def _in(memory: Memory, window: Days | None, now: datetime) -> bool:
    """Tell whether what a memory tells of touches these days; of an undated one, whether it was said to have happened then."""
    if window is None:
        return True
    if memory.event:
        days = days_of(memory.event, now.tzinfo)
        return days.first <= window.last and window.first <= days.last
    moment = memory.occurred_at
    return moment is not None and window.first <= moment.astimezone(now.tzinfo).date() <= window.last


def _chosen(words: str, events: Sequence[EventTime], now: datetime) -> Iterator[EventTime]:
    """Return those that "last", "first" and "next" leave."""
    named = set(words.split())
    behind = sorted((each for each in events if each.start <= now), key=lambda each: each.start)
    ahead = sorted((each for each in events if each.start > now), key=lambda each: each.start)
    if named & {"last", "latest", "recent", "previous"}:
        return iter(behind[-1:])
    if named & {"next", "upcoming", "coming"}:
        return iter(ahead[:1])
    if "first" in named:
        return iter([*behind, *ahead][:1])
    return iter(events)


def _narrowest(spans: Sequence[Days]) -> list[Days]:
    """Return the different spans, without those that hold a narrower one: a month says no more than the day in it."""
    distinct = list(dict.fromkeys(spans))
    return [
        each
        for each in distinct
        if not any(other != each and each.first <= other.first and other.last <= each.last for other in distinct)
    ]
