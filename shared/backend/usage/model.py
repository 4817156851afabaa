"""How often a memory was returned, counted once for each query however often word of it comes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import blake2b

Target = tuple[str, str]
"""(tenant, memory id)"""

Mark = bytes
"""What an access is recognised by when word of it comes again."""

MARK_BYTES = 8
REMEMBERED = 400
"""Accesses that a tally remembers: 3,200 bytes, so that reading an item still takes one unit (4 KB)."""

COUNTED_FOR = timedelta(days=14)
"""Word of an older access is not counted: no queue keeps a message longer (Amazon SQS Developer Guide, "Message quotas")."""

GONE_FOR = timedelta(days=15)
"""So long a forgotten memory is remembered as one that is not counted: longer than word of an access counts."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How many queries have returned a memory, and when the latest of them was asked; of none there is no moment."""

    access_count: int = 0
    last_accessed: datetime | None = None


UNUSED = Usage()


@dataclass(frozen=True, slots=True)
class Access:
    """One query that returned memories, of one tenant. The id tells it from every other, also when it is told of again."""

    access_id: str
    tenant_id: str
    memory_ids: tuple[str, ...]
    at: datetime

    @property
    def mark(self) -> Mark:
        """Return what tallies remember of it."""
        return blake2b(self.access_id.encode(), digest_size=MARK_BYTES).digest()


@dataclass(frozen=True, slots=True)
class Tally:
    """What is counted of one memory: `seen` are the accesses counted last, the latest at the end; `version` counts writes.

    `is_gone` says that the memory was forgotten: nothing is counted any more.
    """

    usage: Usage = UNUSED
    seen: tuple[Mark, ...] = ()
    version: int = 0
    is_gone: bool = False

    def counting(self, accesses: Mapping[Mark, datetime]) -> Tally:
        """Return the tally with these accesses in it, itself where all of them are known or the memory is gone.

        An access is known as long as at most `REMEMBERED` others were counted since.
        """
        known = set(self.seen)
        new = {} if self.is_gone else {mark: at for mark, at in accesses.items() if mark not in known}
        if not new:
            return self
        moments = [*new.values(), *([self.usage.last_accessed] if self.usage.last_accessed else [])]
        usage = Usage(self.usage.access_count + len(new), max(moments))
        return replace(self, usage=usage, seen=(*self.seen, *new)[-REMEMBERED:], version=self.version + 1)


def folded(accesses: Iterable[Access]) -> dict[Target, dict[Mark, datetime]]:
    """Return what is to be counted of each memory, oldest first: an access once, however often it is among them."""
    found: dict[Target, dict[Mark, datetime]] = defaultdict(dict)
    for access in sorted(accesses, key=lambda each: (each.at, each.access_id)):
        for memory_id in access.memory_ids:
            found[access.tenant_id, memory_id][access.mark] = access.at
    return dict(found)
