"""What found memories lead to: what they were made of, what took their place or lost it to them, and what was said around them.

Nothing is kept for it: provenance and supersession stand in the rows, and what stands around a hit in its session came with the
search. So it costs one read of rows for each step away from what was found, whatever `k`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from backend.index.model import IndexFilter, SearchResult
from backend.kit.clock import epoch_ms
from backend.memories.documents import documents_of
from backend.memories.model import Memory
from backend.retrieval.model import Related, Relation
from backend.tenancy.scope import Scope

MOST_OF_ONE = 10
"""Related memories of one that was found."""

MOST_OF_ALL = 50
"""Related memories of an answer, those of the best first."""

MOST_READ = 100
"""Rows that are read for one step: what one round trip holds (DynamoDB, BatchGetItem). Some may not be the caller's to see."""

Link = tuple[Relation, str]
"""What a memory is to another, and the id of that other."""


class Rows(Protocol):
    """What relating needs of the table."""

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Return the rows that exist, as they are now, by id."""


@dataclass(slots=True)
class _Trail:
    """What one found memory led to so far: whom it has met, and where it goes on from."""

    met: set[str]
    ends: list[Memory]
    found: list[Related] = field(default_factory=list)

    def steps(self, sessions: Sessions) -> Iterator[tuple[Memory, Link]]:
        """Yield what is one step away from its ends and was not met yet, each once."""
        met = set(self.met)
        for end in self.ends:
            for link in (*links_of(end), *sessions.beside(end.memory_id)):
                if link[1] not in met:
                    met.add(link[1])
                    yield end, link

    def follow(self, steps: Sequence[tuple[Memory, Link]], rows: Mapping[str, Memory], depth: int, room: int) -> int:
        """Go these steps as far as there are rows and room; return how many that were."""
        ends: list[Memory] = []
        self.met.update(memory_id for _, (_, memory_id) in steps)
        for end, (relation, memory_id) in steps:
            row = rows.get(memory_id)
            if row and len(ends) < room and len(self.found) < MOST_OF_ONE:
                self.found.append(Related(row, relation, depth, end.memory_id))
                ends.append(row)
        self.ends = ends
        return len(ends)


class Sessions:
    """What stands next to what in its session, of all that a search brought back."""

    def __init__(self, result: SearchResult) -> None:
        placed = [(each.place, each.memory_id) for each in (*result.hits, *result.around) if each.place is not None]
        self._at = dict(placed)
        self._places: dict[str, list[int]] = {}
        for place, memory_id in placed:
            self._places.setdefault(memory_id, []).append(place)

    def beside(self, memory_id: str) -> Iterator[Link]:
        """Yield what was said right before and right after a memory, as far as the search looked."""
        places = self._places.get(memory_id)
        if places is None:
            return
        for relation, start, step in ((Relation.PREVIOUS, min(places), -1), (Relation.NEXT, max(places), 1)):
            place = start + step
            # Pieces of the memory itself may stand between. What lies behind an empty place is not next to it.
            while place in self._at and self._at[place] == memory_id:
                place += step
            if place in self._at:
                yield relation, self._at[place]


def links_of(memory: Memory) -> list[Link]:
    """Return what a memory's row names: what took its place, whose place it took, what it disputes and was made of."""
    found = [(Relation.SUPERSEDED_BY, memory.superseded_by)] if memory.superseded_by else []
    found += [(Relation.SUPERSEDES, each) for each in memory.supersedes]
    found += [(Relation.DISPUTES, each) for each in memory.disputes]
    return found + [(Relation.DERIVED_FROM, each) for each in memory.derived_from]


def related(  # noqa: PLR0913 - one word for each thing that decides
    rows: Rows,
    scope: Scope,
    found: Sequence[Memory],
    result: SearchResult,
    asked: IndexFilter,
    *,
    depth: int,
    known: Mapping[str, Memory],
    now: datetime,
) -> list[tuple[Related, ...]]:
    """Return for each found memory what it leads to in at most `depth` steps, the nearest first.

    What a question's filters leave out is not shown here either; only its times are not asked, for what was superseded has
    ended. With `known_at` what was changed or stored later stays out. `known` are rows that were read already.
    """
    trails = [_Trail({memory.memory_id}, [memory]) for memory in found]
    sessions = Sessions(result)
    rows_by_id = dict(known)
    room = MOST_OF_ALL
    for step in range(1, depth + 1):
        steps = [list(trail.steps(sessions)) for trail in trails] if room else []
        wanted = [memory_id for each in steps for _, (_, memory_id) in each if memory_id not in rows_by_id]
        distinct = list(dict.fromkeys(wanted))[:MOST_READ]
        if distinct:
            rows_by_id.update(rows.get_many(scope.tenant_id, distinct))
        named = {memory_id for each in steps for _, (_, memory_id) in each}
        seen = {each: rows_by_id[each] for each in named if each in rows_by_id and _is_seen(rows_by_id[each], scope, asked, now)}
        for trail, each in zip(trails, steps, strict=False):
            room -= trail.follow(each, seen, step, room)
    return [tuple(trail.found) for trail in trails]


def _is_seen(row: Memory, scope: Scope, asked: IndexFilter, now: datetime) -> bool:
    """Tell whether whoever asks may read a row, and asks for such as it."""
    if not row.readable_by(scope, now) or (asked.known_at is not None and epoch_ms(row.since) > asked.known_at):
        return False
    timeless = replace(asked, as_of=None, known_at=None, now=0)
    # No filter asks for words, and these are what a document takes its time for.
    (document,) = documents_of(replace(row, text="", chunks=(), more_vectors=()))
    return timeless.admits(document)
