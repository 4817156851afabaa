"""Which memories a list asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from backend.memories.model import MAX_PAGE_BYTES, Memory, State, json_bytes
from backend.tenancy.scope import Scope


@dataclass(frozen=True, slots=True)
class Listing:
    """What a memory must be to be listed; empty asks nothing. Of several values of one kind one is enough.

    `as_of` asks for what holds then, `known_at` for what was known then: such a list shows revisions as they were. Without
    `as_of` what has ended is left out, unless asked for.
    """

    state: State = State.ACTIVE
    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    memory_types: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    created_since: datetime | None = None
    created_until: datetime | None = None
    as_of: datetime | None = None
    known_at: datetime | None = None
    include_ended: bool = False

    def admits(self, memory: Memory, now: datetime) -> bool:
        """Tell whether the list shows it. Every span of time begins with its first moment and ends before its last."""
        return (
            (not self.sources or memory.source in self.sources)
            and (not self.tags or any(tag in self.tags for tag in memory.tags))
            and (not self.memory_types or memory.memory_type in self.memory_types)
            and (not self.categories or memory.category in self.categories)
            and (self.created_since is None or self.created_since <= memory.created_at)
            and (self.created_until is None or memory.created_at < self.created_until)
            and (self.as_of is None or memory.holds(self.as_of))
            and (self.as_of is not None or self.include_ended or not memory.is_ended(now))
        )


EVERYTHING = Listing(include_ended=True)


@dataclass(frozen=True, slots=True)
class ListAsked:
    """A page that a caller asks for: how many at most, of what, from where on (an issued cursor), and what they are warned of."""

    limit: int
    listing: Listing = EVERYTHING
    cursor: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """Memories, newest first, and the position to go on from, None at the end. `is_full`: no more bytes fit an answer."""

    memories: tuple[Memory, ...]
    next_position: str | None
    is_full: bool = False


def page_of(  # noqa: PLR0913 - one word for each thing that makes a page
    places: Sequence[tuple[str, str]],
    rows: Mapping[str, Memory | None],
    scope: Scope,
    *,
    limit: int,
    now: datetime,
    listing: Listing = EVERYTHING,
    chosen: Sequence[Memory] = (),
    before: str | None = None,
) -> Page:
    """Return the page of these places, each (position, memory id), the newest first: what may be read of the first `limit`.

    `chosen` stand on the page already, down to the position `before`. It ends early where the memories would come to more
    than 4 MB as JSON, but never before the first of them, and where it has `limit` of them.
    """
    found = list(chosen)
    size = sum(json_bytes(each) for each in found)
    last = before
    for position, memory_id in places[:limit]:
        memory = rows.get(memory_id)
        if memory and _may_be_shown(memory, scope, listing, now):
            size += json_bytes(memory)
            if len(found) == limit or (found and size > MAX_PAGE_BYTES):
                return Page(tuple(found), last, is_full=True)
            found.append(memory)
        last = position
    return Page(tuple(found), last if len(places) > limit else None)


def _may_be_shown(memory: Memory, scope: Scope, listing: Listing, now: datetime) -> bool:
    is_own = memory.tenant_id == scope.tenant_id and memory.scope_key in scope and not memory.is_expired(now)
    return is_own and memory.state is listing.state and listing.admits(memory, now)
