"""This product as something that remembers and answers: inside the process, and over HTTP. Answers name turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from backend.embedding.model import EmbeddingModel, Purpose, Vector
from backend.embedding.ports import Embedder
from backend.extraction.chunking import chunks
from backend.extraction.pipeline import Pipeline
from backend.index.embedded import EmbeddedIndex
from backend.index.in_memory import InMemoryIndex
from backend.index.model import IndexFilter
from backend.index.ports import MemoryIndex
from backend.kit.clock import SystemClock, epoch_ms
from backend.kit.ids import UlidIds
from backend.memories.fake import FakeMemoryStore, FakePolicies
from backend.memories.fake_requests import FakeRequestLog
from backend.memories.model import Said
from backend.memories.service import MemoryService
from backend.retrieval.model import Candidates, Found, Question, Weights
from backend.retrieval.service import RetrievalService
from backend.tenancy.scope import Environment, user_scope
from benchmarks.datasets import Turn
from examples.service import Service, ServiceError

TENANT, PROJECT = "bench", "main"
SETTLE_SECONDS = 180.0
"""Vectors that are owed are made once a minute."""

ITEMS, MOST_CHARACTERS = 50, 200_000
"""Of one bulk-add: as many as it takes, and no more text than is embedded within its time."""

WRITTEN_AT_ONCE = 500
_LOOK_SECONDS = 0.5


class Store(Protocol):
    """What is measured."""

    def remember(self, owner: str, turns: Sequence[Turn]) -> None:
        """Store each turn as a memory of the owner, and return when all can be found."""

    def ask(self, owner: str, question: str, k: int) -> list[str]:
        """Return the ids of the turns that the best `k` memories are of, best first."""


class Prepared:
    """An embedder that knows some texts beforehand, embedded in batches: the same vectors, in less time."""

    def __init__(self, embedder: Embedder, said: Sequence[str]) -> None:
        self._embedder = embedder
        distinct = list(dict.fromkeys(said))
        self._known = dict(zip(distinct, embedder.embed(distinct, Purpose.DOCUMENT), strict=True))

    @property
    def model(self) -> EmbeddingModel:
        """The embedder's own."""
        return self._embedder.model

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        """See the port."""
        return [self._known[text] if text in self._known else self._embedder.embed([text], purpose)[0] for text in texts]


def embedded_texts(turns: Sequence[Turn]) -> list[str]:
    """Return what is embedded of turns that are kept word for word: a long one is cut into pieces."""
    return [turn.text[start:end] for turn in turns for start, end in chunks(turn.text) or ((0, len(turn.text)),)]


class InProcess:
    """The use cases as they are, over the embedded index and a table in memory."""

    def __init__(
        self,
        index: MemoryIndex | Path,
        embedder: Embedder,
        executor: Executor | None = None,
        weights: Weights | None = None,
        *,
        infer: bool = False,
    ) -> None:
        """`index`: a path for an embedded one. `weights` are asked with instead of the defaults; `infer` is as in `OverHttp`."""
        self._clock = SystemClock()
        self._infer = infer
        self._weights = weights or Weights()
        ids = UlidIds(self._clock)
        self._rows = FakeMemoryStore(self._clock)
        self._index: MemoryIndex = EmbeddedIndex(index, self._clock) if isinstance(index, Path) else index
        executor = executor or ThreadPoolExecutor(2)
        self._memories = MemoryService(
            store=self._rows,
            requests=FakeRequestLog(ids),
            extractor=Pipeline(),
            embedder=embedder,
            policies=FakePolicies(),
            clock=self._clock,
            ids=ids,
            executor=executor,
        )
        self._retrieval = RetrievalService(
            rows=self._rows,
            index=self._index,
            recent=InMemoryIndex,
            embedder=embedder,
            policies=FakePolicies(),
            clock=self._clock,
            executor=executor,
        )
        self._turn_of: dict[str, str] = {}

    def remember(self, owner: str, turns: Sequence[Turn]) -> None:
        """See the protocol. The index is written at once, as the projector does a moment later."""
        scope = user_scope(TENANT, PROJECT, Environment.TEST, owner)
        told: set[str] = set()
        for turn in turns:
            for memory in self._memories.add(scope, _said(turn, infer=self._infer)).memories:
                self._turn_of.setdefault(memory.memory_id, turn.turn_id)
                told.add(memory.memory_id)
        # A fact that is told may have ended an earlier one: the index gets the rows as they are now.
        rows = self._rows.get_many(TENANT, sorted(told))
        changes = [change for memory in rows.values() for change in self._rows.changes(memory)]
        for start in range(0, len(changes), WRITTEN_AT_ONCE):
            self._index.write(TENANT, changes[start : start + WRITTEN_AT_ONCE])
        self._rows.settle(*rows.values())

    def candidates(self, owner: str, question: str, k: int) -> tuple[Candidates, dict[str, str]]:
        """Return all that may answer, and the turn of each memory: what a ranking is fitted on."""
        scope = user_scope(TENANT, PROJECT, Environment.TEST, owner)
        asked = Question(question, k, IndexFilter(now=epoch_ms(self._clock.now())))
        return self._retrieval.candidates(scope, asked), self._turn_of

    def found(self, owner: str, question: str, k: int) -> tuple[Found, dict[str, str]]:
        """Return the best `k` memories as the service has them, and the turn of each memory."""
        scope = user_scope(TENANT, PROJECT, Environment.TEST, owner)
        asked = Question(question, k, IndexFilter(now=epoch_ms(self._clock.now())), self._weights)
        return self._retrieval.query(scope, asked), self._turn_of

    def ask(self, owner: str, question: str, k: int) -> list[str]:
        """See the protocol."""
        found, turn_of = self.found(owner, question, k)
        return [turn_of[answer.memory.memory_id] for answer in found.answers]

    def close(self) -> None:
        """Let go of the file of an embedded index."""
        if isinstance(self._index, EmbeddedIndex):
            self._index.close()


class OverHttp:
    """A running service; owners are end users of the run's own."""

    def __init__(
        self,
        service: Service,
        run: str,
        weights: Mapping[str, float] | None = None,
        *,
        infer: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`infer` lets the service extract facts: a turn becomes several memories, one, or none if it says nothing.

        `weights` are asked with instead of the defaults.
        """
        self._service = service
        self._run = run
        self._weights = weights
        self._infer = infer
        self._sleep = sleep
        self._sent = 0
        self._turn_of: dict[str, str] = {}

    def remember(self, owner: str, turns: Sequence[Turn]) -> None:
        """See the protocol, by bulk-adds. Raises `ServiceError`."""
        user = f"{self._run}-{owner}"
        for some in bulks(turns):
            self._sent += 1
            answer = self._service.add_many(user, [self._body(turn) for turn in some], f"{self._run}-{self._sent}")
            for turn, told in zip(some, answer.body["items"], strict=True):
                for memory_id in told["result"]["memory_ids"]:
                    # What was said before in other words is evidence of the same memory: it answers for the first turn alone.
                    self._turn_of.setdefault(memory_id, turn.turn_id)
        ends = time.monotonic() + SETTLE_SECONDS
        while not self._is_settled(user):
            if time.monotonic() > ends:
                message = f"After {SETTLE_SECONDS:.0f} s not all memories can be found by meaning."
                raise ServiceError(message)
            self._sleep(_LOOK_SECONDS)

    def _body(self, turn: Turn) -> dict[str, Any]:
        return {
            "text": turn.text,
            "speaker": turn.speaker,
            "session_id": turn.session,
            "occurred_at": turn.said_at.isoformat() if turn.said_at else None,
            "deduplicate": self._infer,
            "infer": self._infer,
        }

    def _is_settled(self, user: str) -> bool:
        waiting = self._service.read(user, "/memory/pending").body
        return not (waiting["pending_embedding"] or waiting["pending_index"])

    def ask(self, owner: str, question: str, k: int) -> list[str]:
        """See the protocol. Raises `ServiceError`."""
        answer = self._service.query(f"{self._run}-{owner}", question, k, self._weights)
        return [self._turn_of[memory["id"]] for memory in answer.body["memories"]]


def bulks(turns: Sequence[Turn]) -> Iterator[list[Turn]]:
    """Yield the turns in their order, as many at once as fit into one bulk-add."""
    some: list[Turn] = []
    for turn in turns:
        if some and (len(some) == ITEMS or sum(len(each.text) for each in [*some, turn]) > MOST_CHARACTERS):
            yield some
            some = []
        some.append(turn)
    if some:
        yield some


def _said(turn: Turn, *, infer: bool) -> Said:
    """Return what the API makes of a turn. The same words said twice stay two memories, unless facts are extracted."""
    return Said(
        text=turn.text,
        speaker=turn.speaker,
        session_id=turn.session,
        occurred_at=turn.said_at,
        deduplicate=infer,
        infer=infer,
    )
