"""Which documents of a slice a filter admits: the rules of `IndexFilter.admits`, a column at a time."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from backend.index.embedded_columns import Column, Mask
from backend.index.embedded_rows import FILED, LARGEST, Facet, Fact, Hasher
from backend.index.embedded_shelf import Slice
from backend.index.model import ACTIVE, ARCHIVED, IndexFilter


def passing(part: Slice, asked: IndexFilter, hasher: Hasher) -> Mask:
    """Return which documents `asked` admits."""
    facts = part.segment.facts
    passed = _known(part, asked)
    if asked.as_of is not None:
        passed &= (facts[Fact.VALID_FROM] <= asked.as_of) & _before(asked.as_of, facts[Fact.VALID_UNTIL])
    elif asked.now:
        passed &= _before(asked.now, facts[Fact.VALID_UNTIL])
    if asked.now:
        passed &= _before(asked.now, facts[Fact.EXPIRES_AT])
    if asked.created_since is not None:
        passed &= facts[Fact.CREATED_AT] >= asked.created_since
    if asked.created_until is not None:
        passed &= facts[Fact.CREATED_AT] < asked.created_until
    if not asked.include_summaries:
        passed &= facts[Fact.SUMMARY] == 0
    if asked.left_out:
        passed &= ~np.isin(part.segment.names.ids, [each.encode() for each in asked.left_out])
    for alternatives in _asked_facets(asked, hasher):
        one_of = np.zeros(len(part.segment), dtype=np.bool_)
        for place in part.segment.facets.find(alternatives):
            one_of[part.segment.facets.rows[place]] = True
        passed &= one_of
    return passed


def _known(part: Slice, asked: IndexFilter) -> Mask:
    """Return which documents are of a state that is asked for, and known now or at the moment that is asked for."""
    facts = part.segment.facts
    if asked.known_at is None and not asked.include_archived:
        return part.current.copy()
    states = facts[Fact.STATE]
    found = states == FILED[ACTIVE]
    if asked.include_archived:
        found |= states == FILED[ARCHIVED]
    if asked.known_at is None:
        known = facts[Fact.KNOWN_UNTIL] == LARGEST
    else:
        known = (facts[Fact.KNOWN_FROM] <= asked.known_at) & _before(asked.known_at, facts[Fact.KNOWN_UNTIL])
    passed: Mask = part.alive & found & known
    return passed


def _before(moment: int, ends: Column) -> Mask:
    """Return which ends are open or later; one answer for all where all are equal."""
    some = ends[:1] if ends.strides == (0,) else ends
    before: Mask = (some > moment) | (some == LARGEST)
    return before


def _asked_facets(asked: IndexFilter, hasher: Hasher) -> Iterable[list[int]]:
    """Yield lists of facets; a document must have one of each list."""
    for kind, values in (
        (Facet.SOURCE, asked.sources),
        (Facet.TAG, asked.tags),
        (Facet.TIER, asked.tiers),
        (Facet.TYPE, asked.memory_types),
        (Facet.SESSION, () if asked.session_id is None else (asked.session_id,)),
    ):
        if values:
            yield [hasher.facet(kind, value) for value in values]
    for name, value in asked.metadata.items():
        yield [hasher.metadata(name, value)]
    for name, numbers in asked.ranges.items():
        yield [hasher.number(name, prefix) for prefix in numbers.covering()]
