"""Which memories go into a prompt: each thing said once, the best as long as there is room, in an order that helps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from backend.composing.model import Dropped, Order, Reason
from backend.index.text import stems
from backend.memories.model import Memory
from backend.retrieval.model import Answer

NEARLY_ALL = 0.9
"""Of all stems of two texts so many stand in both: then they say the same."""

_TURNS = frozenset({"not", "no", "never", "without", "don", "didn", "doesn", "isn", "wasn", "won", "can", "cannot", "t"})
"""One of these makes the opposite of a text, and a number another fact."""

_T = TypeVar("_T")


def distinct(answers: Sequence[Answer]) -> tuple[list[Answer], list[Dropped]]:
    """Return what can be told, each thing once by the best of those that say it, and what fell out."""
    kept: list[tuple[Answer, frozenset[str]]] = []
    dropped: list[Dropped] = []
    for answer in answers:
        memory = answer.memory
        if memory.unreadable is not None:
            dropped.append(Dropped(memory.memory_id, Reason.UNREADABLE))
            continue
        said = frozenset(stems(memory.text))
        if any(_says_the_same(memory, said, other.memory, others) for other, others in kept):
            dropped.append(Dropped(memory.memory_id, Reason.DUPLICATE))
        else:
            kept.append((answer, said))
    return [answer for answer, _ in kept], dropped


def ordered(best_first: Sequence[_T], order: Order, moments: Sequence[datetime]) -> list[_T]:
    """Return the entries in the order of a prompt; `moments` says when each was said."""
    if order is Order.RELEVANCE:
        return list(best_first)
    if order is Order.CHRONOLOGICAL:
        return [best_first[place] for place in sorted(range(len(best_first)), key=lambda place: (moments[place], place))]
    return [*best_first[0::2], *reversed(best_first[1::2])]


def said_at(memory: Memory) -> datetime:
    """Return when it happened, as far as that is known."""
    return memory.occurred_at or memory.created_at


def _says_the_same(memory: Memory, said: frozenset[str], other: Memory, others: frozenset[str]) -> bool:
    if memory.speaker != other.speaker:
        return False
    if memory.text.split() == other.text.split():
        return True
    differing = said ^ others
    if any(stem in _TURNS or any(character.isdigit() for character in stem) for stem in differing):
        return False
    return bool(said) and len(said & others) >= NEARLY_ALL * len(said | others)
