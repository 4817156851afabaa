"""What is said of why a memory does not answer: gates and checks, and which memories were recognised."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.extraction.model import Refusal
from backend.memories.model import Memory
from backend.retrieval.model import Answer


class Gate(StrEnum):
    """What keeps a memory from answering, in this order."""

    STORED = "stored"
    SCOPE = "scope"
    PROJECT = "project"
    STATE = "state"
    GUARD = "guard"
    ARCHIVED = "archived"
    KNOWN = "known_at"
    FILTER = "filter"
    VALIDITY = "validity"
    EXPIRY = "expiry"
    DECRYPTION = "decryption"
    VECTOR = "vector"
    INDEX = "index"
    TIER = "tier"
    RANK = "rank"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class Check:
    """A gate, whether the memory passes it, and why; `pointer` is what of the request asks for it (JSON pointer)."""

    gate: Gate
    passed: bool
    detail: str
    pointer: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of a memory. `memory` is None where the caller has none; `rank` counts from 1, up to `LARGEST_K`.

    `score` is that of an answer, of the batch that its rank is of: so are the scores of what outranks it.
    """

    memory: Memory | None
    checks: tuple[Check, ...]
    rank: int | None = None
    score: float | None = None
    found: bool = False
    outranked_by: tuple[Answer, ...] = ()
    degraded: tuple[str, ...] = ()

    @property
    def gate(self) -> Check | None:
        """The first gate that it does not pass, None where it answers."""
        return None if self.found else next((each for each in self.checks if not each.passed), None)


class Likeness(StrEnum):
    """How a memory was recognised."""

    KEY = "same_key"
    NEAR = "near"


@dataclass(frozen=True, slots=True)
class Match:
    """A memory that says the text."""

    memory: Memory
    likeness: Likeness


@dataclass(frozen=True, slots=True)
class Recognised:
    """What says a text, the surest first, and why its statements would not be stored now, if so."""

    matches: tuple[Match, ...]
    refusals: tuple[Refusal, ...]
