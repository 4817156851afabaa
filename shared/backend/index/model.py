"""What the index holds and what it is asked. Times are epoch milliseconds; None in an upper bound means open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from backend.embedding.model import Vector
from backend.index.ranges import NumberRange

MetadataValue = str | int | float | bool | None
ACTIVE = "active"
"""The only state that any search finds unasked."""

ARCHIVED = "archived"
"""The state that a search finds when it is asked for too."""

_ABSENT = object()


def same_value(held: object, asked: MetadataValue) -> bool:
    """Tell whether two metadata values are one value of JSON: 1 is 1.0, but not true."""
    return held == asked and isinstance(held, bool) == isinstance(asked, bool)


def _within(moment: int, first: int | None, end: int | None) -> bool:
    return (first is None or first <= moment) and (end is None or moment < end)


@dataclass(frozen=True, slots=True)
class IndexDocument:
    """One memory, revision and chunk. `stems` are the analysed words with their counts; the text itself never comes here.

    `state` is that of the memory: only "active" is found, and "archived" on demand. `known_until` is open in the current
    revision.
    """

    scope_key: str
    memory_id: str
    revision: int
    chunk: int
    row_version: int
    stems: Mapping[str, int]
    vector: Vector | None
    model: str | None
    created_at: int
    occurred_at: int | None = None
    valid_from: int | None = None
    valid_until: int | None = None
    known_from: int = 0
    known_until: int | None = None
    expires_at: int | None = None
    span: tuple[int, int] | None = None
    session_id: str | None = None
    speaker: str | None = None
    source: str | None = None
    tags: tuple[str, ...] = ()
    memory_type: str = "fact"
    tier: str = "hot"
    state: str = "active"
    is_summary: bool = False
    importance: float = 0.5
    confidence: float = 1.0
    traits: int = 0
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)

    @property
    def document_id(self) -> str:
        """`memory#revision#chunk`."""
        return f"{self.memory_id}#{self.revision}#{self.chunk}"

    @property
    def said_at(self) -> int:
        """When it happened, as far as that is known: what orders a session."""
        return self.created_at if self.occurred_at is None else self.occurred_at

    @property
    def length(self) -> int:
        """How many stems, repeats counted."""
        return sum(self.stems.values())


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A memory that is forgotten, as of this row version."""

    scope_key: str
    memory_id: str
    row_version: int
    recorded_at: int


@dataclass(frozen=True, slots=True)
class IndexFilter:
    """What a document must be to be found. Empty tuples and None ask nothing.

    Of several sources, tags, tiers or types one is enough; of several metadata fields all must be equal, or numbers within
    their `ranges`. Created: from `created_since`, before `created_until`.
    """

    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    memory_types: tuple[str, ...] = ()
    session_id: str | None = None
    created_since: int | None = None
    created_until: int | None = None
    include_summaries: bool = True
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    ranges: Mapping[str, NumberRange] = field(default_factory=dict)
    as_of: int | None = None
    known_at: int | None = None
    include_archived: bool = False
    now: int = 0
    left_out: frozenset[str] = frozenset()
    """Memory ids that are not to be found: what goes on where an earlier search ended."""

    def admits(self, document: IndexDocument) -> bool:
        """Tell whether a search with this filter may find the document.

        Only active ones, archived ones too where these are asked for, and of these what is known now, or was known at
        `known_at`, and holds at `as_of`. Every span of time begins with its first moment and ends before its last. `now`
        hides what has expired and, without `as_of`, what has ceased to hold; what is yet to begin is found. A `now` of 0 asks
        nothing.
        """
        known = (
            document.known_until is None
            if self.known_at is None
            else _within(self.known_at, document.known_from, document.known_until)
        )
        return (
            (document.state == ACTIVE or (self.include_archived and document.state == ARCHIVED))
            and document.memory_id not in self.left_out
            and known
            and (self.as_of is None or _within(self.as_of, document.valid_from, document.valid_until))
            and (self.as_of is not None or not self.now or _within(self.now, None, document.valid_until))
            and (not self.now or _within(self.now, None, document.expires_at))
            and _within(document.created_at, self.created_since, self.created_until)
            and (self.include_summaries or not document.is_summary)
            and (not self.sources or document.source in self.sources)
            and (not self.tags or any(tag in self.tags for tag in document.tags))
            and (not self.tiers or document.tier in self.tiers)
            and (not self.memory_types or document.memory_type in self.memory_types)
            and (self.session_id is None or document.session_id == self.session_id)
            and all(same_value(document.metadata.get(name, _ABSENT), asked) for name, asked in self.metadata.items())
            and all(asked.holds(document.metadata.get(name)) for name, asked in self.ranges.items())
        )


@dataclass(frozen=True, slots=True)
class IndexQuery:
    """A question: its vector (None when the embedder is down: lexical only), its stems with repeats, filters and list length.

    `speaker` is the one that it names, as `speakers.names_of` writes names. `around` is how many places before and after
    each document found, in its session, come back too.
    """

    vector: Vector | None
    model: str | None
    stems: tuple[str, ...]
    filter: IndexFilter
    limit: int = 200
    speaker: str | None = None
    around: int = 0

    @property
    def terms(self) -> tuple[str, ...]:
        """The distinct stems, in the question's order."""
        return tuple(dict.fromkeys(self.stems))


class Hit(NamedTuple):
    """One document found: cosine in [-1, 1] (None without a comparable vector) and BM25 (0 when no word is shared).

    `counts` says how often each of the query's `terms` stands in it, `length` how many stems it has; `named` is whether its
    speaker is the one whom the query names; `traits` is what `backend.index.traits` saw in its text. Documents that stand
    next to each other in a session have consecutive places; apart from that at least `around` places lie empty between
    any two. `place` is None outside of sessions, and where nothing around was asked for.
    """

    scope_key: str
    memory_id: str
    revision: int
    chunk: int
    row_version: int
    dense: float | None
    lexical: float
    tier: str
    created_at: int
    from_overlay: bool = False
    said_at: int = 0
    length: int = 0
    traits: int = 0
    named: bool = False
    counts: tuple[int, ...] = ()
    place: int | None = None


@dataclass(frozen=True, slots=True)
class WordStatistics:
    """What a scope key's own documents say of the query's `terms`: how telling each is. And their mean length in stems."""

    idf: tuple[float, ...]
    average_length: float


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The union of the best `limit` documents by each field, every one with both scores; `considered` passed the filters.

    A document is found by its vector if it can be compared, by its words if it shares one. Best first by dense score (those
    without one last), then by lexical score, then in the order of memory id, revision and chunk; equal scores are decided by
    that order in each of the two lists too, so the same question always has the same answer.

    `around` are the documents that stand near a hit in its session and are no hits themselves, in the order of sessions, which
    is that of `said_at`, then `created_at`, then the ids. What the filters leave out stands nowhere.
    """

    hits: Sequence[Hit]
    considered: int
    around: Sequence[Hit] = ()
    words: Mapping[str, WordStatistics] = field(default_factory=dict)
