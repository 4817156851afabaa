"""Memories read anew: with the rules of today, and embedded with the model of today. Text and key stay as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from backend.embedding.model import Purpose, Vector
from backend.embedding.ports import Embedder
from backend.extraction.guards import GuardPolicy, Reaction
from backend.extraction.model import Method, Utterance
from backend.extraction.pipeline import ExtractionPolicy
from backend.jobs.model import Counts, Cursor, Job, Step
from backend.kit import observability
from backend.kit.clock import Clock
from backend.kit.errors import ConflictError, DependencyUnavailableError
from backend.memories.conflicts import joined
from backend.memories.documents import changes_for
from backend.memories.model import Memory
from backend.memories.ports import ContestedError, Extractor, MemoryStore
from backend.tenancy.scope import Scope

ROWS_A_PAGE = 20
"""The longest texts have 90 pieces each: half a minute of embedding at most."""

MOST_TRIES = 5

# What is remembered was let in when it was said: the guards have no say about it any more, and no text goes to anybody else.
BY_RULES = ExtractionPolicy(Method.RULES, GuardPolicy(Reaction.ALLOW, Reaction.ALLOW, Reaction.ALLOW))


@dataclass(frozen=True, slots=True)
class _Reread:
    """A memory, what of it reads otherwise today, and whether its vectors have to be made."""

    memory: Memory
    fields: dict[str, Any]
    needs_vectors: bool

    @property
    def texts(self) -> list[str]:
        """The pieces as they are cut today."""
        text = self.memory.text
        return [text[start:end] for start, end in self.fields.get("chunks", self.memory.chunks)] or [text]


class Refreshing:
    """`Worker` of refreshes."""

    def __init__(self, *, store: MemoryStore, extractor: Extractor, embedder: Embedder, clock: Clock) -> None:
        self._store = store
        self._extractor = extractor
        self._embedder = embedder
        self._clock = clock

    def step(self, job: Job) -> Step:
        """Do the next memories of the job's scope. One that fails keeps none of the others from being done."""
        if job.scope is None:
            msg = "a refresh has a scope"
            raise ValueError(msg)
        if job.memory_ids:
            at = int(job.cursor["at"]) if job.cursor else 0
            asked = job.memory_ids[at : at + ROWS_A_PAGE]
            rows = self._store.get_many(job.tenant_id, asked)
            now = self._clock.now()
            found = [rows[each] for each in asked if each in rows and rows[each].readable_by(job.scope, now)]
            # Those that are not there, or somebody else's, are told apart by nobody.
            counts = Counts(skipped=len(asked) - len(found))
            cursor: Cursor | None = {"at": str(at + ROWS_A_PAGE)} if at + ROWS_A_PAGE < len(job.memory_ids) else None
        else:
            found, cursor = self._page(job.scope, job.cursor)
            counts = Counts()
        for outcome in self._refreshed(found):
            counts += outcome
        return Step(counts, cursor)

    def _page(self, scope: Scope, cursor: Cursor | None) -> tuple[list[Memory], Cursor | None]:
        before = cursor["before"] if cursor else None
        page = self._store.page(scope, limit=ROWS_A_PAGE, before=before, now=self._clock.now())
        return list(page.memories), {"before": page.next_position} if page.next_position else None

    def _refreshed(self, found: Sequence[Memory]) -> list[Counts]:
        read = [self._read(each) for each in found if not each.unreadable]
        waiting = [each for each in read if each.needs_vectors]
        vectors = dict(zip((each.memory.memory_id for each in waiting), self._vectors(waiting), strict=True))
        done = [self._written(each, vectors.get(each.memory.memory_id)) for each in read]
        return [*done, Counts(failed=len(found) - len(read))]

    def _read(self, memory: Memory) -> _Reread:
        said = Utterance(memory.text, memory.said_at or memory.since, memory.speaker, memory.role, infer=False)
        whole = self._extractor.read(said, BY_RULES).candidates[0]
        read = self._extractor.read(_inferring(said), BY_RULES).candidates
        kind = read[0] if len(read) == 1 and read[0].refusal is None else whole
        today: dict[str, Any] = {"category": kind.category, "memory_type": kind.memory_type, "chunks": whole.chunks}
        # What was said around a statement may have given it its time or its subject, and is not kept: what the text alone
        # does not say any more stays.
        today.update({name: value for name, value in (("event", kind.event), ("claimed", kind.claimed)) if value})
        fields = {name: value for name, value in today.items() if getattr(memory, name) != value}
        is_old = memory.vector is None or memory.model != self._embedder.model.identity
        return _Reread(memory, fields, is_old or "chunks" in fields)

    def _vectors(self, waiting: Sequence[_Reread]) -> list[tuple[Vector, ...] | None]:
        """Return the vectors of each memory's pieces, None for one whose text the embedder cannot do."""
        try:
            made = iter(self._embedder.embed([text for each in waiting for text in each.texts], Purpose.DOCUMENT))
        except DependencyUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, one text must not hold up the others
            observability.log_failure("texts could not be embedded together", error)
            return [None] if len(waiting) == 1 else [vectors for each in waiting for vectors in self._vectors([each])]
        return [tuple(next(made) for _ in each.texts) for each in waiting]

    def _written(self, read: _Reread, vectors: tuple[Vector, ...] | None) -> Counts:
        if read.needs_vectors and vectors is None:
            return Counts(failed=1)
        if not read.fields and not read.needs_vectors:
            return Counts(skipped=1)
        for _ in range(MOST_TRIES):
            if self._replaced(read, vectors):
                return Counts(changed=1)
            again = self._store.get(read.memory.tenant_id, read.memory.memory_id)
            if again is None or not again.is_live(self._clock.now()) or again.text != read.memory.text:
                # Forgotten, or given another text, which was read with the rules of today.
                return Counts(skipped=1)
            read = _Reread(again, read.fields, read.needs_vectors)
        return Counts(failed=1)

    def _replaced(self, read: _Reread, vectors: tuple[Vector, ...] | None) -> bool:
        now = self._clock.now()
        fields = read.fields
        if vectors:
            made = {"vector": vectors[0], "more_vectors": vectors[1:], "vectors_at": read.memory.revision, "embed_tries": 0}
            fields = {**fields, **made, "model": self._embedder.model.identity}
        memory = read.memory.changed(now, **fields)
        contest = joined(self._store, memory) if "claimed" in fields else None
        try:
            self._store.replace(memory, changes_for(memory), contest=contest)
        except (ConflictError, ContestedError):
            return False
        return True


def _inferring(said: Utterance) -> Utterance:
    return Utterance(said.text, said.said_at, said.speaker, said.role)
