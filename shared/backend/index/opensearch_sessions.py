"""What stands around the documents found, in their sessions: asked for when it is known what is found.

First how many documents those sessions have, then for all of them while they are few enough. When they are not, for those that
stand nearest to the best of what is found. How near is told by time, in the measure of each session: so many documents are likely
to be said in between, if it has as many at all times. So neither a long session nor a slow one takes the room of the others.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf
from typing import Any, NamedTuple

from backend.index.model import Hit
from backend.index.opensearch_documents import OPEN_END, OPEN_START
from backend.index.opensearch_engine import Engine
from backend.index.opensearch_questions import Query, Question
from backend.index.opensearch_scores import Scores, Seen
from backend.index.places import identity, in_places

MOST_MEMBERS = 600
"""The most documents that may come back. One costs 0.07 ms: the engine, the way, and here to be read."""


class Span(NamedTuple):
    """How many documents a session has, and when the first and the last of them were said."""

    first: int = OPEN_START
    last: int = OPEN_END
    documents: int = 0

    @property
    def density(self) -> float:
        """Documents a millisecond."""
        return self.documents / (self.last - self.first + 1)

    def around(self, moments: int, wide: int) -> float:
        """Return how many documents are likely to stand up to `wide` places from so many moments."""
        return min(self.documents, max(self.density, (2 * wide + 1) * moments))


UNBOUNDED = Span()


class Stretch:
    """One session around what is found in it: as far as `reach`, a number of documents, all of it came back.

    `moments` are when what is found was said. What is pending may have been said before or after all that is held; nothing
    can be missing there, so it counts as if said at that end.
    """

    def __init__(self, moments: Sequence[int], span: Span = UNBOUNDED, reach: float = inf) -> None:
        self._span = span
        self._reach = reach
        self.moments = sorted({self._within(moment) for moment in moments})
        # Of two moments that are so far apart, what stands in the middle may not have come back.
        broken = [self._expected((after - before) / 2) >= reach for before, after in pairwise(self.moments)]
        self._parts = [sum(broken[:number]) for number in range(len(self.moments))]

    def part_of(self, hit: Hit, *, is_found: bool) -> Hashable:
        """Return what part of the session the hit stands in without a gap. None: there may be gaps before it."""
        said = self._within(hit.said_at)
        after = bisect_left(self.moments, said)
        near = [number for number in (after - 1, after) if 0 <= number < len(self.moments)]
        number = min(near, key=lambda each: abs(said - self.moments[each]))
        if self._expected(abs(said - self.moments[number])) < self._reach:
            return self._parts[number]
        return identity(hit) if is_found else None

    def _within(self, moment: int) -> int:
        return min(max(moment, self._span.first), self._span.last)

    def _expected(self, distance: float) -> float:
        """Return how many documents are likely to be said within so many milliseconds; `NEARNESS_SCRIPT` does the same."""
        return (distance + 1) * self._span.density


def places(
    engine: Engine, scored: Scores, hidden: Sequence[str], found: Sequence[Seen], pending: Sequence[Seen]
) -> dict[Hit, int]:
    """Return the place of what is found, and of what stands around it. `pending` are all pending documents that pass.

    Raises `IndexUnavailableError`.
    """
    around = scored.question.query.around
    if not around or not scored.question.target.has_places:
        return {}
    standing = [(session, hit) for hit, session in best_first(found) if session is not None]
    if not standing:
        return {}
    stretches, members = _members(engine, scored, hidden, standing)
    hits = frozenset(seen.hit for seen in found)
    sessions: dict[Hashable, list[Hit]] = {}
    # What is found stays as it is, though the index may hold something newer by now.
    for hit, session in {identity(seen.hit): seen for seen in (*members, *pending, *found)}.values():
        if session is not None:
            is_found = hit in hits
            stretch = stretches.get(session)
            part = stretch.part_of(hit, is_found=is_found) if stretch else identity(hit) if is_found else None
            if part is not None:
                sessions.setdefault((session, part), []).append(hit)
    return in_places(sessions, hits, around)


def best_first(found: Sequence[Seen]) -> list[Seen]:
    """Return what is found by the sum of both scores, each scaled over all of it."""
    dense = _scaled([hit.dense for hit, _ in found])
    words = _scaled([hit.lexical for hit, _ in found])
    ranked = sorted(zip(dense, words, found, strict=True), key=lambda each: (-each[0] - each[1], identity(each[2].hit)))
    return [seen for _, _, seen in ranked]


def _scaled(scores: Sequence[float | None]) -> list[float]:
    """Return where each score stands between the lowest (0) and the highest (1); 0 for none, and where all are equal."""
    known = [score for score in scores if score is not None] or [0.0]
    low, width = min(known), max(known) - min(known)
    return [(score - low) / width if score is not None and width else 0.0 for score in scores]


def _members(
    engine: Engine, scored: Scores, hidden: Sequence[str], standing: Sequence[tuple[str, Hit]]
) -> tuple[dict[str, Stretch], list[Seen]]:
    """Return how far the sessions of these hits came back, and what came back of them. The hits come best first."""
    question = scored.question
    around, moments = question.query.around, _moments(standing)
    counted = _asked(engine, question, question.sessions(hidden, list(moments)))["aggregations"]
    spans = {bucket["key"]: _span(bucket) for bucket in counted["sessions"]["buckets"]}
    # Nothing is held of a session that is not counted: what is pending is all that it has.
    stretches = {session: Stretch(when) for session, when in moments.items()}
    if not spans:
        return stretches, []
    if sum(span.documents for span in spans.values()) <= MOST_MEMBERS:
        answer = _asked(engine, question, question.members(hidden, list(spans), MOST_MEMBERS))
        return stretches, [scored.held(entry) for entry in answer["hits"]["hits"]]
    stretches = {session: stretch for session, stretch in stretches.items() if session not in spans}
    chosen = _moments(fitting(standing, spans, around))
    if not chosen:
        return stretches, []
    near = {session: Stretch(when, spans[session]).moments for session, when in chosen.items()}
    densities = {session: spans[session].density for session in chosen}
    answer = _asked(engine, question, question.nearest_members(hidden, near, densities, MOST_MEMBERS))
    entries = answer["hits"]["hits"]
    reach = entries[-1]["sort"][0] if len(entries) == MOST_MEMBERS else inf
    stretches |= {session: Stretch(when, spans[session], reach) for session, when in chosen.items()}
    return stretches, [scored.held(entry) for entry in entries]


def fitting(standing: Iterable[tuple[str, Hit]], spans: Mapping[str, Span], around: int) -> Iterator[tuple[str, Hit]]:
    """Yield the first of the hits, as many as have room together with all that stands around them.

    One that has none is passed over: a long session that was stored with one time throughout must come whole or not at all.
    """
    room: float = MOST_MEMBERS
    moments: Counter[str] = Counter()
    taken: dict[str, float] = {}
    for session, hit in standing:
        if session not in spans:
            continue
        wanted = spans[session].around(moments[session] + 1, around)
        more = wanted - taken.get(session, 0.0)
        if more <= room:
            room -= more
            moments[session] += 1
            taken[session] = wanted
            yield session, hit


def _moments(hits: Iterable[tuple[str, Hit]]) -> dict[str, list[int]]:
    """Return when these hits were said, by session."""
    moments: dict[str, list[int]] = {}
    for session, hit in hits:
        moments.setdefault(session, []).append(hit.said_at)
    return moments


def _asked(engine: Engine, question: Question, asked: Query) -> dict[str, Any]:
    (answer,) = engine.search(question.target.index, [asked], question.coder.routing)
    return answer


def _span(bucket: Mapping[str, Any]) -> Span:
    return Span(int(bucket["first"]["value"]), int(bucket["last"]["value"]), bucket["doc_count"])
