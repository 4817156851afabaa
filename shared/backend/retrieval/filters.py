"""The filters of a question one by one: what each is called on the wire, and the question with it alone or without it."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from backend.index.model import IndexFilter
from backend.kit.wire import pointer_step

POINTERS = {
    "sources": "/filters/sources",
    "tags": "/filters/tags",
    "tiers": "/filters/tier",
    "memory_types": "/filters/memory_type",
    "session_id": "/session_id",
    "created_since": "/filters/since",
    "created_until": "/filters/until",
    "include_summaries": "/filters/include_summaries",
    "metadata": "/filters/metadata",
    "ranges": "/filters/metadata",
    "as_of": "/as_of",
    "known_at": "/known_at",
}
"""By the index's name of a filter: where it stands in a request (JSON pointer, RFC 6901)."""

_BY_FIELD = ("metadata", "ranges")
"""Filters of which each member is one of its own."""

_NEUTRAL = {each.name: each.default for each in fields(IndexFilter)} | {name: {} for name in _BY_FIELD}


@dataclass(frozen=True, slots=True)
class SetFilter:
    """A filter that asks for something, by its name on the wire.

    `alone` asks for this only; `without` is the question's filter with this left out.
    """

    name: str
    pointer: str
    alone: IndexFilter
    without: IndexFilter


def set_filters(asked: IndexFilter) -> list[SetFilter]:
    """Return the filters that ask for something, in the order of `POINTERS`; each field of the metadata is one."""
    found = []
    for name, pointer in POINTERS.items():
        value = getattr(asked, name)
        if value == _NEUTRAL[name]:
            continue
        parts: dict[str, Any] = {pointer: value}
        if name in _BY_FIELD:
            parts = {f"{pointer}/{pointer_step(each)}": {each: wanted} for each, wanted in value.items()}
        for place, part in parts.items():
            rest: Any = _NEUTRAL[name]
            if name in _BY_FIELD:
                rest = {each: wanted for each, wanted in value.items() if each not in part}
            alone = replace(IndexFilter(), **{name: part})
            found.append(SetFilter(pointer.rpartition("/")[2], place, alone, replace(asked, **{name: rest})))
    return found


def unfiltered(asked: IndexFilter) -> IndexFilter:
    """Return the filter that asks for nothing but what may be found now."""
    return IndexFilter(include_archived=asked.include_archived, now=asked.now)
