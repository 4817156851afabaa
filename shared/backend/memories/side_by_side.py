"""Which of several things can be remembered at the same time, and which only one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping

from backend.extraction.model import Reading
from backend.memories.model import Said
from backend.tenancy.scope import Scope


def groups(asked: Mapping[int, tuple[Scope, Said, Reading]]) -> list[list[int]]:
    """Return the numbers in groups: those of one group meet at a fact or a claim, so their order decides what becomes of them.

    Within a group the order is kept, and groups stand in the order of their first.
    """
    head: dict[int, int] = {}
    first_with: dict[Hashable, int] = {}
    for number, (scope, said, reading) in asked.items():
        head[number] = number
        for met in _met(scope, said, reading):
            ours, theirs = _head(head, number), _head(head, first_with.setdefault(met, number))
            head[max(ours, theirs)] = min(ours, theirs)
    found: dict[int, list[int]] = {}
    for number in asked:
        found.setdefault(_head(head, number), []).append(number)
    return list(found.values())


def alone(asked: Mapping[int, tuple[Scope, Said, Reading]]) -> dict[int, frozenset[int]]:
    """Return which candidates of each, by their places, claim nothing and state a fact that no other one here does."""
    every = Counter((scope.home, each.extracted_key) for scope, _, reading in asked.values() for each in reading.candidates)
    return {
        number: frozenset(
            place
            for place, each in enumerate(reading.candidates)
            if each.claimed is None and every[scope.home, each.extracted_key] == 1
        )
        for number, (scope, _, reading) in asked.items()
    }


def _met(scope: Scope, said: Said, reading: Reading) -> Iterator[Hashable]:
    for candidate in reading.candidates:
        yield scope.home, candidate.extracted_key
        if candidate.claimed:
            yield scope.home, said.speaker or "", candidate.claimed.subject, candidate.claimed.attribute


def _head(head: Mapping[int, int], number: int) -> int:
    while head[number] != number:
        number = head[number]
    return number
