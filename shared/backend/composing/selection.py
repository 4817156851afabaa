"""Which memories go into a prompt: each thing said once, the best as long as there is room, in an order that helps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, TypeVar

from backend.composing.model import Dropped, Order, Reason
from backend.index.text import stems
from backend.memories.model import Memory
from backend.retrieval.model import Answer

NEARLY_ALL = 0.9
"""Of all stems of two texts so many stand in both: then they say the same."""

LONGEST_COMPARED = 2000
"""Characters. What is longer says the same only in the same words: nine tenths of a document leave room for another one."""

_TURNS = frozenset({"not", "no", "never", "without", "don", "didn", "doesn", "isn", "wasn", "won", "can", "cannot", "t"})
"""One of these makes the opposite of a text, and a number another fact."""

_T = TypeVar("_T")


class _Told(NamedTuple):
    """An answer with its words, one space apart, and their stems; none of a text that is compared by its words alone."""

    answer: Answer
    words: str
    stems: frozenset[str]


def distinct(answers: Sequence[Answer]) -> tuple[list[Answer], list[Dropped]]:
    """Return what can be told, each thing once by the best of those that say it, and what fell out."""
    kept: list[_Told] = []
    dropped: list[Dropped] = []
    for answer in answers:
        memory = answer.memory
        if memory.unreadable is not None:
            dropped.append(Dropped(memory.memory_id, Reason.UNREADABLE))
            continue
        words = " ".join(memory.text.split())
        told = _Told(answer, words, frozenset(stems(words)) if len(words) <= LONGEST_COMPARED else frozenset())
        if any(_says_the_same(told, other) for other in kept):
            dropped.append(Dropped(memory.memory_id, Reason.DUPLICATE))
        else:
            kept.append(told)
    return [each.answer for each in kept], dropped


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


def _says_the_same(told: _Told, other: _Told) -> bool:
    if told.answer.memory.speaker != other.answer.memory.speaker:
        return False
    if told.words == other.words:
        return True
    sizes = sorted((len(told.stems), len(other.stems)))
    # Each pair is looked at: what cannot share so much is told by its size alone.
    if not sizes[0] or sizes[0] < NEARLY_ALL * sizes[1]:
        return False
    if len(told.stems & other.stems) < NEARLY_ALL * len(told.stems | other.stems):
        return False
    differing = told.stems ^ other.stems
    return not any(stem in _TURNS or any(character.isdigit() for character in stem) for stem in differing)
