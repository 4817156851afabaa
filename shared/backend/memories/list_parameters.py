"""What `GET /memory` and `GET /memory/{id}` can be asked for in their query strings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends, Query
from fastapi import Request as HttpRequest

from backend.extraction.model import Category
from backend.kit import wire
from backend.kit.errors import Fault, UnknownFilterError
from backend.kit.wire import Moment, Name
from backend.memories.listing import ListAsked, Listing
from backend.memories.model import State

LIST_PARAMETERS = frozenset(
    {
        "limit",
        "cursor",
        "source",
        "tag",
        "memory_type",
        "category",
        "state",
        "since",
        "until",
        "as_of",
        "known_at",
        "include_ended",
    }
)
MOST_VALUES = 20
DEFAULT_LIMIT = 50
LARGEST_LIMIT = 200
_AS_OF = "What held in the world at this moment (RFC 3339)."
_KNOWN_AT = "What was known at this moment: earlier revisions as they were."
_ENDED = "Whether what held once and does so no more, such as what was superseded, is listed too."

_STATE = "What is active, what is archived, or what waits for a decision."
Limit = Annotated[int, Query(ge=1, le=LARGEST_LIMIT, description="How many at most.")]
Cursor = Annotated[
    str | None,
    Query(
        description="`next_cursor` of the page before.",
        max_length=2048,
        json_schema_extra={"minLength": 1, "pattern": "^[A-Za-z0-9_-]+$"},
    ),
]
Sources = Annotated[list[Name], Query(max_length=MOST_VALUES, description="Of one of these sources.")]
Tags = Annotated[list[Name], Query(max_length=MOST_VALUES, description="With one of these tags.")]
Types = Annotated[list[Name], Query(max_length=MOST_VALUES, description="Of one of these types.")]
Categories = Annotated[list[Category], Query(max_length=MOST_VALUES, description="Of one of these categories.")]
Since = Annotated[Moment | None, Query(description="Created at or after this moment.")]
Until = Annotated[Moment | None, Query(description="Created before this moment.")]
AsOf = Annotated[Moment | None, Query(description=_AS_OF)]
KnownAt = Annotated[Moment | None, Query(description=_KNOWN_AT)]


async def only_known_parameters(request: HttpRequest) -> None:
    """Refuse a parameter of the list that does not exist: dropped silently it would change the answer."""
    unknown = sorted(set(request.query_params) - LIST_PARAMETERS)
    if unknown:
        cure = f"Use one of: {', '.join(sorted(LIST_PARAMETERS))}."
        msg = "A parameter does not exist. It was not dropped: that would have changed the answer."
        raise UnknownFilterError(msg, faults=tuple(Fault(f"query:{name[:64]}", cure) for name in unknown[:20]))


async def listing_of(  # noqa: PLR0913, PLR0917 - one word for each parameter
    source: Sources = [],  # noqa: B006 - FastAPI copies it
    tag: Tags = [],  # noqa: B006 - as above
    memory_type: Types = [],  # noqa: B006 - as above
    category: Categories = [],  # noqa: B006 - as above
    state: Annotated[Literal["active", "archived", "conflict_inbox", "quarantined"], Query(description=_STATE)] = "active",
    since: Since = None,
    until: Until = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    include_ended: Annotated[bool, Query(description=_ENDED)] = False,  # noqa: FBT002 - FastAPI's form of a default
) -> tuple[Listing, tuple[str, ...]]:
    """Return what the list is to be of, and a warning for each moment that was sent without an offset."""
    naive = wire.read_as_utc({"since": since, "until": until, "as_of": as_of, "known_at": known_at})
    listing = Listing(
        state=State(state),
        sources=tuple(source),
        tags=tuple(tag),
        memory_types=tuple(memory_type),
        categories=tuple(each.value for each in category),
        created_since=wire.utc(since),
        created_until=wire.utc(until),
        as_of=wire.utc(as_of),
        known_at=wire.utc(known_at),
        include_ended=include_ended,
    )
    return listing, tuple(naive)


async def list_asked(
    listed: Annotated[tuple[Listing, tuple[str, ...]], Depends(listing_of)], limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> ListAsked:
    """Return the page that a list is asked for."""
    listing, warnings = listed
    return ListAsked(limit, listing, cursor, warnings)


@dataclass(frozen=True, slots=True)
class Moments:
    """When something is to have held, and to have been known; None for now. `warnings` say what was sent without an offset."""

    as_of: datetime | None = None
    known_at: datetime | None = None
    warnings: tuple[str, ...] = ()


async def moments_of(as_of: AsOf = None, known_at: KnownAt = None) -> Moments:
    """Return the moments that a read asks for."""
    naive = wire.read_as_utc({"as_of": as_of, "known_at": known_at})
    return Moments(wire.utc(as_of), wire.utc(known_at), tuple(naive))


Listed = Annotated[ListAsked, Depends(list_asked)]
At = Annotated[Moments, Depends(moments_of)]
