"""What is composed: prompts, answers and summaries, what they are made of, and what was left out of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from backend.extraction.model import Span
from backend.memories.model import Memory
from backend.memories.outcomes import CandidateOutcome

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
    score: float
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


THRESHOLD = 0.5
"""Confidence below which there is no answer (docs/retrieval.md has what that means)."""

MOST_CITED = 3
BEST_FOUND = 10
"""How many memories an answer is looked for in."""

MOST_MEMORIES = 100
SENTENCES_OF_A_SUMMARY = 5


class Method(StrEnum):
    """How an answer or a summary was made."""

    EXTRACTIVE = "extractive"
    MODEL = "llm"


class Abstained(StrEnum):
    """Why there is no answer."""

    NOTHING_FOUND = "nothing_found"
    LOW_CONFIDENCE = "low_confidence"
    NOT_IN_MEMORIES = "not_in_memories"
    """The language model read what was found, and says that it does not answer the question."""


class Part(StrEnum):
    """What became of a memory that a summary was asked of."""

    USED = "used"
    LEFT_OUT = "left_out"
    """Others said more."""

    NOT_FOUND = "not_found"
    """There is none for this end user: forgotten, expired, never there, or somebody else's."""

    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class AnswerWanted:
    """What is asked, below which confidence there is to be no answer, and how many sentences it may have."""

    query: str
    threshold: float = THRESHOLD
    most: int = MOST_CITED


@dataclass(frozen=True, slots=True)
class SummaryWanted:
    """Of which memories, in how many sentences; `keeps` stores the summary as a memory."""

    memory_ids: tuple[str, ...]
    most: int = SENTENCES_OF_A_SUMMARY
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a memory: `span` is where it stands in the memory's text."""

    memory: Memory
    span: Span

    @property
    def text(self) -> str:
        """Its words, as they stand there."""
        return self.memory.text[slice(*self.span)]


@dataclass(frozen=True, slots=True)
class Cited:
    """A sentence that an answer stands on."""

    citation: str
    sentence: Sentence
    cosine: float | None


@dataclass(frozen=True, slots=True)
class Synthesis:
    """An answer, or why there is none. `fallback` says why a language model that was asked for did not give it."""

    text: str | None
    cited: tuple[Cited, ...]
    confidence: float
    abstained: Abstained | None = None
    method: Method = Method.EXTRACTIVE
    is_lexical: bool = False
    """The embedder did not answer: sentences were compared by their words."""

    fallback: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """What the memories say. `stored` is its memory; a replay has no sentences, as no text is kept with a request."""

    text: str
    parts: tuple[tuple[str, Part], ...]
    sentences: tuple[Sentence, ...] = ()
    method: Method = Method.EXTRACTIVE
    is_lexical: bool = False
    fallback: str | None = None
    stored: Memory | None = None
    outcomes: tuple[CandidateOutcome, ...] = ()
