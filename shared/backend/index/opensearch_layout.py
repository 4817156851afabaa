"""Which indexes there are: names, the two aliases, and what each index says of itself.

Searches ask the index behind the read alias; writes go to every index behind the write alias. Most of the time that is one and
the same. While a new one is filled beside it, both are written, so the new one misses nothing and the old one stays whole until
the last searcher has left it (infrastructure/search).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from backend.index.opensearch_documents import Space
from backend.index.opensearch_engine import Engine
from backend.kit.clock import Clock
from backend.kit.errors import IndexUnavailableError

MAPPING_VERSION = 3
"""What a new index gets: 2 has the columns of places (`said_at`, `session`, `traits`), 3 facets for ranges of numbers."""

KNOWN_VERSIONS = (1, 2, MAPPING_VERSION)
"""An index of a version before serves until it is replaced, without what it has no columns or facets for."""

_WITH_PLACES = 2
_WITH_RANGES = 3

DEFAULT_NAME = "memories"
LAYOUT_LASTS = timedelta(seconds=30)
"""So long a process may go by what it knows of the aliases. A migration waits longer than this after each move of one."""


@dataclass(frozen=True, slots=True)
class Target:
    """One index: its name, the vectors that it holds, and the version of its mapping."""

    index: str
    space: Space
    version: int = MAPPING_VERSION

    @property
    def has_places(self) -> bool:
        """Whether it holds when something was said, in which session, and the traits of its text."""
        return self.version >= _WITH_PLACES

    @property
    def has_ranges(self) -> bool:
        """Whether all its documents have facets for the ranges that their numbers lie in."""
        return self.version >= _WITH_RANGES


@dataclass(frozen=True, slots=True)
class Layout:
    """The index that searches ask, and those that writes go to."""

    reading: Target
    writing: tuple[Target, ...]


def read_alias(name: str) -> str:
    """Return the alias that searches go by."""
    return f"{name}-read"


def write_alias(name: str) -> str:
    """Return the alias that writes go by."""
    return f"{name}-write"


def layout_of(answer: Mapping[str, Any], name: str) -> Layout:
    """Read what the engine says of the indexes behind the write alias. Raises `IndexUnavailableError` when it cannot be used."""
    reading = [_target(index, said) for index, said in answer.items() if read_alias(name) in said["aliases"]]
    writing = [_target(index, said) for index, said in answer.items() if write_alias(name) in said["aliases"]]
    if len(reading) != 1 or not writing:
        msg = f"{len(reading)} indexes are there to be read and {len(writing)} to be written; one and at least one are needed."
        raise IndexUnavailableError(msg)
    return Layout(reading[0], tuple(sorted(writing, key=lambda each: each.index)))


def _target(index: str, said: Mapping[str, Any]) -> Target:
    meta = said.get("mappings", {}).get("_meta", {})
    version = meta.get("mapping_version")
    if version not in KNOWN_VERSIONS:
        known = ", ".join(str(each) for each in KNOWN_VERSIONS)
        msg = f"{index} has mapping {version}; this release knows {known}. Deploy before migrating."
        raise IndexUnavailableError(msg)
    return Target(index, Space(meta["model"], meta["dimension"]), version)


class Layouts:
    """Knows the layout, and asks for it again now and then."""

    def __init__(self, engine: Engine, clock: Clock, name: str) -> None:
        self._engine = engine
        self._clock = clock
        self._name = name
        self._known: tuple[datetime, Layout] | None = None

    def now(self) -> Layout:
        """Return the layout, at most `LAYOUT_LASTS` old. Raises `IndexUnavailableError`."""
        moment = self._clock.now()
        if self._known is None or not moment - self._known[0] < LAYOUT_LASTS:
            # What is read is written too: the index that searches ask is among those behind the write alias.
            self._known = moment, layout_of(self._engine.call("GET", f"/{write_alias(self._name)}"), self._name)
        return self._known[1]

    def forget(self) -> None:
        """Ask anew next time."""
        self._known = None
