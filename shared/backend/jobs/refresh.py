"""Memories read anew: with the rules of today, and embedded with the model of today. The text stays as it is.

So does the key, but for one of an older version: the memory takes today's if nobody has it, so that what is said again finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from backend.embedding.documents import Unembeddable, vectors_of_each
from backend.embedding.model import Vector
from backend.embedding.ports import Embedder
from backend.extraction.extracted_key import is_outdated
from backend.extraction.model import Method, Utterance
from backend.extraction.policy import ExtractionPolicy, GuardPolicy, Reaction
from backend.jobs.model import Counts, Cursor, Job, Step
from backend.kit.clock import Clock
from backend.kit.errors import ConflictError
from backend.memories.conflicts import joined
from backend.memories.documents import changes_for
from backend.memories.model import Memory, State
from backend.memories.ports import ContestedError, Extractor, GuardTakenError, MemoryStore, Rekeying
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
    rekeying: Rekeying | None = None

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
        rekeying = self._rekeying(memory, whole.extracted_key)
        if rekeying:
            fields["extracted_key"] = whole.extracted_key
        return _Reread(memory, fields, is_old or "chunks" in fields, rekeying)

    def _rekeying(self, memory: Memory, key: str) -> Rekeying | None:
        """Return how the guard of a key of an older version moves, None where it stays: it is another's, or nobody's."""
        if memory.state is not State.ACTIVE or not is_outdated(memory.extracted_key):
            return None
        if self._store.guarded_by(memory.scope_key, memory.guard_key, memory.tenant_id) != memory.memory_id:
            return None
        taken = self._store.guarded_by(memory.scope_key, key, memory.tenant_id)
        return None if taken else Rekeying(memory.guard_key, key)

    def _vectors(self, waiting: Sequence[_Reread]) -> list[tuple[Vector, ...] | None]:
        """Return the vectors of each memory's pieces, None for one whose text the embedder cannot do."""
        made = vectors_of_each(self._embedder, [each.texts for each in waiting])
        return [None if isinstance(found, Unembeddable) else found for found in made]

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
            read = replace(self._read(again), needs_vectors=read.needs_vectors)
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
            self._store.replace(memory, changes_for(memory), rekeying=read.rekeying, contest=contest)
        except (ConflictError, ContestedError, GuardTakenError):
            return False
        return True


def _inferring(said: Utterance) -> Utterance:
    return Utterance(said.text, said.said_at, said.speaker, said.role)
