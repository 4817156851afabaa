"""What is composed: the prompt, what it is made of, and what was left out of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.extraction.model import Span
from backend.memories.model import Memory

DEFAULT_BUDGET = 2000
SMALLEST_BUDGET = 32
LARGEST_BUDGET = 32_768
"""Tokens. Of the longest tokens there are (some hundred bytes) so many still fit an answer."""

DEFAULT_K = 20
PLACE_OF_MEMORIES, PLACE_OF_QUERY = "{memories}", "{query}"
DEFAULT_TEMPLATE = f"{PLACE_OF_MEMORIES}\n\n{PLACE_OF_QUERY}"


class Order(StrEnum):
    """How the memories of a prompt follow each other."""

    EDGES = "edges"
    """The best first, the second best last, and so on inwards: models use what stands at the edges of their context better
    than what stands in its middle (Liu et al., Lost in the Middle, TACL 2024, https://arxiv.org/abs/2307.03172)."""

    RELEVANCE = "relevance"
    CHRONOLOGICAL = "chronological"


class Reason(StrEnum):
    """Why a memory that was found is not in the prompt."""

    BUDGET = "budget"
    DUPLICATE = "duplicate"
    """Another one says the same, and is in."""

    UNREADABLE = "unreadable"
    """It cannot be decrypted."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What kind of prompt is wanted."""

    query: str
    budget: int = DEFAULT_BUDGET
    template: str = DEFAULT_TEMPLATE
    order: Order = Order.EDGES
    cites: bool = True
    wraps: bool = True


@dataclass(frozen=True, slots=True)
class Used:
    """A memory in the prompt: what of its text stands there, how it is cited, and its share of the tokens."""

    memory: Memory
    relevance: float
    span: Span
    citation: str | None
    tokens: int


@dataclass(frozen=True, slots=True)
class Dropped:
    """A memory that was found and left out."""

    memory_id: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Composition:
    """A prompt of `tokens` tokens, at most as many as were asked for."""

    prompt: str
    tokens: int
    used: tuple[Used, ...]
    dropped: tuple[Dropped, ...]

    @property
    def is_truncated(self) -> bool:
        """Tell whether the budget left anything out: a memory, or a part of one."""
        return any(each.reason is Reason.BUDGET for each in self.dropped) or any(
            each.span != (0, len(each.memory.text)) for each in self.used
        )
