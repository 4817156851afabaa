"""In what order hits come back, and where those of a session stand in it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

from backend.index.model import Hit

_Session = TypeVar("_Session")


def identity(hit: Hit) -> tuple[str, int, int, str]:
    """Return what decides between hits of equal score."""
    return hit.memory_id, hit.revision, hit.chunk, hit.scope_key


def order(hit: Hit) -> tuple[bool, float, float, tuple[str, int, int, str]]:
    """Return the key of the order that the port promises: by meaning, then by words, then by ids."""
    return hit.dense is None, -(hit.dense or 0.0), -hit.lexical, identity(hit)


def in_places(sessions: Mapping[_Session, Sequence[Hit]], found: Collection[Hit], around: int) -> dict[Hit, int]:
    """Return the place of everything that stands up to `around` before or after something found.

    `sessions` are all hits of each session that has some found, in any order.
    """
    places: dict[Hit, int] = {}
    start = 0
    for hits in sessions.values():
        standing = sorted(hits, key=in_session)
        wanted = [number for number, hit in enumerate(standing) if hit in found]
        near = sorted({number for each in wanted for number in range(each - around, each + around + 1)})
        places.update({standing[number]: start + number for number in near if 0 <= number < len(standing)})
        start += len(standing) + around + 1
    return places


def in_session(hit: Hit) -> tuple[int, int, tuple[str, int, int, str]]:
    """Return the key of the order in which things were said."""
    return hit.said_at, hit.created_at, identity(hit)
