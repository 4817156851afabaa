"""Which memories of a scope say a text: those with its key, those that say nearly the same, and what would become of it now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from backend.extraction.extracted_key import extracted_key
from backend.extraction.model import Method, Utterance
from backend.index.model import IndexFilter
from backend.index.text import stems
from backend.kit.clock import Clock
from backend.memories.listing import Listing
from backend.memories.model import WAITING
from backend.memories.policy_ports import PolicySource
from backend.memories.ports import Extractor, MemoryStore
from backend.retrieval.gates import Likeness, Match, Recognised
from backend.retrieval.model import Question
from backend.retrieval.service import RetrievalService
from backend.tenancy.scope import Scope

MOST_STATEMENTS = 8
MOST_KEYS = 64
"""Guards that are looked up, over all statements and projects."""

MOST_WAITING = 50
NEAREST = 5
NEAR_WORDS = 0.7
"""Share of all stems of two texts that both have (Jaccard) from which they are taken to say nearly the same."""

NEAR_MEANING = 0.9
"""Cosine from which they are, with at least half as many stems in common."""


class Recognising:
    """Reads by rules alone: an explanation costs no language model."""

    def __init__(
        self,
        *,
        store: MemoryStore,
        retrieval: RetrievalService,
        extractor: Extractor,
        policies: PolicySource,
        clock: Clock,
    ) -> None:
        self._store = store
        self._retrieval = retrieval
        self._extractor = extractor
        self._policies = policies
        self._clock = clock

    def recognise(self, scope: Scope, text: str) -> Recognised:
        """Return what of the scope says the text, whatever its state. Raises as a query does."""
        policy = replace(self._policies.of(scope.tenant_id).extraction, method=Method.RULES)
        candidates = self._extractor.read(Utterance(text, self._clock.now()), policy).candidates[:MOST_STATEMENTS]
        keys = list(dict.fromkeys([extracted_key(text), *(each.extracted_key for each in candidates)]))
        found = [*self._by_key(scope, keys), *self._near(scope, text), *self._waiting(scope, keys, text)]
        found.sort(key=lambda each: (each.likeness is not Likeness.KEY, not each.memory.stands(self._clock.now())))
        first = {each.memory.memory_id: each for each in reversed(found)}
        matches = sorted(first.values(), key=found.index)
        return Recognised(tuple(matches), tuple(each.refusal for each in candidates if each.refusal))

    def _by_key(self, scope: Scope, keys: Sequence[str]) -> Iterator[Match]:
        pairs = [(scope_key, key) for scope_key in scope.keys for key in keys][:MOST_KEYS]
        holders = (self._store.guarded_by(scope_key, key, scope.tenant_id) for scope_key, key in pairs)
        ids = list(dict.fromkeys(each for each in holders if each))
        for row in self._store.get_many(scope.tenant_id, ids).values() if ids else ():
            if row.scope_key in scope:
                yield Match(row, Likeness.KEY)

    def _near(self, scope: Scope, text: str) -> Iterator[Match]:
        # What has ended or is archived is looked at too: nothing but what is gone is left out.
        for answer in self._retrieval.query(scope, Question(text, NEAREST, IndexFilter(include_archived=True))).answers:
            shared = _shared(text, answer.memory.text)
            if shared >= NEAR_WORDS or (shared >= NEAR_WORDS / 2 and (answer.dense or 0.0) >= NEAR_MEANING):
                yield Match(answer.memory, Likeness.NEAR)

    def _waiting(self, scope: Scope, keys: Sequence[str], text: str) -> Iterator[Match]:
        now = self._clock.now()
        for state in sorted(WAITING):
            page = self._store.page(
                scope, limit=MOST_WAITING, before=None, now=now, listing=Listing(state=state, include_ended=True)
            )
            for row in page.memories:
                if row.extracted_key in keys:
                    yield Match(row, Likeness.KEY)
                elif _shared(text, row.text) >= NEAR_WORDS:
                    yield Match(row, Likeness.NEAR)


def _shared(one: str, other: str) -> float:
    """Return which share of the stems of two texts stands in both."""
    left, right = set(stems(one)), set(stems(other))
    return len(left & right) / len(left | right) if left | right else 0.0
