"""Changing what is remembered: every change is a revision, and none is lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from backend.embedding.documents import document_vectors
from backend.embedding.ports import Embedder
from backend.extraction.model import Candidate, Utterance
from backend.kit.clock import Clock
from backend.kit.errors import (
    ConflictError,
    ContentRefusedError,
    EmbeddingUnavailableError,
    Fault,
    MemoryNotFoundError,
    MemorySyncError,
    ThrottledError,
)
from backend.kit.ids import Ids
from backend.memories.archiving import BROUGHT_BACK, brought_back, guarded_again, put_aside
from backend.memories.bounds import check_bounds
from backend.memories.conflicts import joined, restored
from backend.memories.documents import changes_for
from backend.memories.model import (
    EvidencePage,
    Judgement,
    Memory,
    Revision,
    State,
)
from backend.memories.once import Once
from backend.memories.outcomes import (
    Claim,
    Done,
    Request,
)
from backend.memories.owned import check_revision, own_row
from backend.memories.policy_ports import PolicySource
from backend.memories.ports import ContestedError, Extractor, GuardTakenError, MemoryStore, Rekeying, RequestLog
from backend.tenancy.scope import Scope

MOST_TRIES = 60
"""So many writers may meet at one memory, each losing to all others once."""

UNREADABLE = "The memory cannot be decrypted, so it can only be forgotten or given a new text."


@dataclass(frozen=True, slots=True)
class Change:
    """What a caller wants changed: `fields` of `Memory`, or a new text too. `revisions` are those they know, None for any."""

    memory_id: str
    fields: dict[str, Any]
    text: str | None = None
    reason: str | None = None
    revisions: frozenset[int] | None = None


class Editing:
    """The use cases that change a memory, or tell how it came to be what it is."""

    def __init__(  # noqa: PLR0913 - one word for each thing it stands on
        self,
        *,
        store: MemoryStore,
        requests: RequestLog,
        extractor: Extractor,
        embedder: Embedder,
        policies: PolicySource,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._store = store
        self._idempotent = Once(requests=requests, clock=clock, ids=ids)
        self._extractor = extractor
        self._embedder = embedder
        self._policies = policies
        self._clock = clock
        self._ids = ids

    def change(self, scope: Scope, change: Change, request: Request | None, actor: str | None) -> tuple[Memory, bool]:
        """Return the memory with the change, as a new revision where it changes anything; and whether this is a replay.

        Raises `MemoryNotFoundError`, `PreconditionFailedError`, `ContentRefusedError` for a text that a guard refuses,
        `ConflictError` for a text that another memory has, and for anything but a new text of one that cannot be decrypted.
        """
        return self._once(scope, change.memory_id, request, lambda claim: self._changed(scope, change, claim, actor))

    def change_many(
        self, scope: Scope, changes: Sequence[tuple[Change, Request | None]], actor: str | None
    ) -> list[tuple[Memory, bool] | MemorySyncError]:
        """Do each change for itself, as `change` does: what became of it, or why it failed."""
        done: list[tuple[Memory, bool] | MemorySyncError] = []
        for change, request in changes:
            try:
                done.append(self.change(scope, change, request, actor))
            except MemorySyncError as error:
                done.append(error)
        return done

    def restore(
        self, scope: Scope, memory_id: str, request: Request | None, actor: str | None, revisions: frozenset[int] | None
    ) -> tuple[Memory, bool]:
        """Bring a memory back from the archive; of one that is not there undo the supersession, so that it holds as before.

        Either way it stands beside what was said since. Raises `MemoryNotFoundError`, `PreconditionFailedError`,
        `ConflictError` for one that is neither archived nor superseded.
        """
        return self._once(scope, memory_id, request, lambda claim: self._restored(scope, memory_id, claim, actor, revisions))

    def archive(self, scope: Scope, asked: Change, request: Request | None, actor: str | None) -> tuple[Memory, bool]:
        """Put a memory aside, for the change's reason: its owner reads it by its id and finds it only on demand.

        One that is archived already stays as it is. Raises `MemoryNotFoundError`, `PreconditionFailedError`, `ConflictError`
        for one that cannot be decrypted.
        """
        return self._once(scope, asked.memory_id, request, lambda claim: self._archived(scope, asked, claim, actor))

    def judge(self, scope: Scope, memory_id: str, judgement: Judgement, request: Request | None) -> tuple[Memory, bool]:
        """Keep what somebody thinks of a memory: its quality follows. Raises `MemoryNotFoundError`."""
        return self._once(scope, memory_id, request, lambda claim: self._judged(scope, memory_id, judgement, claim))

    def history(self, scope: Scope, memory_id: str) -> tuple[Memory, list[Revision]]:
        """Return a memory and its earlier revisions, oldest first. Raises `MemoryNotFoundError`."""
        memory = self.own(scope, memory_id)
        return memory, self._store.revisions(scope.tenant_id, memory_id) if memory.revision > 1 else []

    def evidence(self, scope: Scope, memory_id: str, limit: int, after: str | None) -> tuple[EvidencePage, int]:
        """Return one page of a memory's evidence, oldest first, and how many there are in all. Raises `MemoryNotFoundError`."""
        self.own(scope, memory_id)
        page = self._store.evidence(scope.tenant_id, memory_id, limit=limit, after=after)
        is_all = after is None and page.next_id is None
        return page, len(page.evidence) if is_all else self._store.evidence_count(scope.tenant_id, memory_id)

    def related(self, scope: Scope, memory_id: str) -> list[tuple[str, Memory]]:
        """Return what the memory stands in relation to, each with the relation's name. Raises `MemoryNotFoundError`."""
        memory = self.own(scope, memory_id)
        named = [("superseded_by", memory.superseded_by)] if memory.superseded_by else []
        named += [("supersedes", each) for each in memory.supersedes]
        named += [("disputes", each) for each in memory.disputes]
        named += [("derived_from", each) for each in memory.derived_from]
        rows = self._store.get_many(scope.tenant_id, [each for _, each in named if each])
        now = self._clock.now()
        return [(name, rows[each]) for name, each in named if each in rows and rows[each].readable_by(scope, now)]

    def own(self, scope: Scope, memory_id: str) -> Memory:
        """Return a live memory of the scope. Raises `MemoryNotFoundError`."""
        memory = own_row(self._store, scope, memory_id)
        if memory is None or not memory.readable_by(scope, self._clock.now()):
            raise MemoryNotFoundError(memory_id)
        return memory

    def _once(
        self, scope: Scope, memory_id: str, request: Request | None, work: Callable[[Claim], Memory]
    ) -> tuple[Memory, bool]:
        """Do the work once for each request, however often it is sent; a replay shows the memory as it is now."""
        return self._idempotent.done(
            scope.tenant_id, request, lambda claim: (work(claim), Done((), (memory_id,))), lambda _: self.own(scope, memory_id)
        )

    def _changed(self, scope: Scope, change: Change, claim: Claim, actor: str | None) -> Memory:
        fields = change.fields
        if change.text is not None:
            fields = {**fields, **self._read_anew(self.own(scope, change.memory_id), change.text)}
        for _ in range(MOST_TRIES):
            memory = self.own(scope, change.memory_id)
            is_same = all(getattr(memory, name) == value for name, value in fields.items() if name not in _MADE)
            if is_same and claim.resumed:
                # An attempt under this key did it and died before it could say so.
                return memory
            check_revision(memory, change.revisions)
            if is_same:
                return memory
            _check_bounds(memory, fields)
            if memory.unreadable and change.text is None:
                raise ConflictError(UNREADABLE)
            if self._is_written(memory, fields, change, actor):
                return self.own(scope, change.memory_id)
        msg = "The memory keeps changing; try again."
        raise ThrottledError(msg, retry_after=1)

    def _is_written(self, memory: Memory, fields: dict[str, Any], change: Change, actor: str | None) -> bool:
        now = self._clock.now()
        if change.text is not None:
            fields = {**fields, **self._vectors(fields), "vectors_at": memory.revision + 1}
        edited = memory.edited(now, actor, change.reason, **fields)
        closes = Revision(memory, now, actor, change.reason)
        try:
            self._store.replace(
                edited,
                changes_for(edited, [closes]),
                closes=closes,
                rekeying=self._rekeying(memory, edited),
                contest=joined(self._store, edited) if _CLAIMING & fields.keys() else None,
            )
        except GuardTakenError as taken:
            holder = self._store.get(memory.tenant_id, taken.memory_id)
            if holder is None or not holder.stands(now):
                return False
            msg = "Another memory says the same already: forget one of the two."
            raise ConflictError(msg, memory_id=taken.memory_id) from taken
        except (ConflictError, ContestedError):
            return False
        return True

    def _read_anew(self, memory: Memory, text: str) -> dict[str, Any]:
        """Return what a new text makes of a memory. The guards look at it as at any text."""
        policy = self._policies.of(memory.tenant_id).extraction
        said = Utterance(text, memory.said_at or self._clock.now(), memory.speaker, memory.role, infer=False)
        whole = self._extractor.read(said, policy).candidates[0]
        if whole.refusal:
            fault = Fault("/text", "Leave out what the rule names.")
            msg = "The text was refused by a rule of the tenant."
            raise ContentRefusedError(msg, faults=(fault,), rule=whole.refusal.rule)
        read = self._extractor.read(replace(said, text=whole.text, infer=True), policy).candidates
        kind: Candidate = read[0] if len(read) == 1 and read[0].refusal is None else whole
        return {
            "text": whole.text,
            "extracted_key": whole.extracted_key,
            "chunks": whole.chunks,
            "category": kind.category,
            "memory_type": kind.memory_type,
            "claimed": kind.claimed,
            "event": kind.event,
            "last_said": None,
            "unreadable": None,
            "unreadable_for": None,
            "embed_tries": 0,
        }

    def _vectors(self, fields: dict[str, Any]) -> dict[str, Any]:
        text: str = fields["text"]
        pieces = [text[start:end] for start, end in fields["chunks"]] or [text]
        try:
            vectors = document_vectors(self._embedder, pieces)
        except EmbeddingUnavailableError:
            return {"vector": None, "more_vectors": (), "model": None}
        return {"vector": vectors[0], "more_vectors": tuple(vectors[1:]), "model": self._embedder.model.identity}

    def _rekeying(self, memory: Memory, edited: Memory) -> Rekeying | None:
        """Return how the guards move with a new text: only what the memory itself holds is let go."""
        if edited.guard_key == memory.guard_key:
            return None
        held = self._store.guarded_by(memory.scope_key, memory.guard_key, memory.tenant_id) if memory.extracted_key else None
        is_holder = held == memory.memory_id
        taken = self._store.guarded_by(memory.scope_key, edited.guard_key, memory.tenant_id)
        holder = self._store.get(memory.tenant_id, taken) if taken else None
        is_free = holder is None or not holder.stands(self._clock.now())
        return Rekeying(memory.guard_key if is_holder else None, edited.guard_key, taken if taken and is_free else None)

    def _restored(
        self, scope: Scope, memory_id: str, claim: Claim, actor: str | None, revisions: frozenset[int] | None
    ) -> Memory:
        for _ in range(MOST_TRIES):
            memory = self.own(scope, memory_id)
            is_archived = memory.state is State.ARCHIVED
            is_nothing = not is_archived and memory.superseded_by is None
            if claim.resumed and not is_archived and (is_nothing or memory.reason == BROUGHT_BACK):
                # An attempt under this key did it and died before it could say so.
                return memory
            check_revision(memory, revisions)
            if is_nothing:
                msg = "The memory is neither archived nor superseded: there is nothing to undo."
                raise ConflictError(msg)
            if memory.unreadable:
                raise ConflictError(UNREADABLE)
            now = self._clock.now()
            step = brought_back(memory, actor, now) if is_archived else restored(memory, actor, now)
            rekeying = guarded_again(self._store, memory, now) if is_archived else None
            contest = joined(self._store, step.memory)
            try:
                self._store.replace(step.memory, step.changes, closes=step.closes, rekeying=rekeying, contest=contest)
            except (ConflictError, ContestedError, GuardTakenError):
                continue
            return step.memory
        msg = "The memory keeps changing; try again."
        raise ThrottledError(msg, retry_after=1)

    def _archived(self, scope: Scope, asked: Change, claim: Claim, actor: str | None) -> Memory:
        for _ in range(MOST_TRIES):
            memory = self.own(scope, asked.memory_id)
            is_archived = memory.state is State.ARCHIVED
            if is_archived and claim.resumed:
                return memory
            check_revision(memory, asked.revisions)
            if is_archived:
                return memory
            if memory.unreadable:
                raise ConflictError(UNREADABLE)
            step = put_aside(memory, actor, asked.reason, self._clock.now())
            try:
                self._store.replace(step.memory, step.changes, closes=step.closes)
            except ConflictError:
                continue
            return step.memory
        msg = "The memory keeps changing; try again."
        raise ThrottledError(msg, retry_after=1)

    def _judged(self, scope: Scope, memory_id: str, judgement: Judgement, claim: Claim) -> Memory:
        named = replace(judgement, judgement_id=self._ids.derived("fb", claim.claim_id, "0"), at=self._clock.now())
        for _ in range(MOST_TRIES):
            memory = self.own(scope, memory_id)
            counted = memory.changed(
                self._clock.now(),
                helpful=memory.helpful + named.is_helpful,
                unhelpful=memory.unhelpful + (not named.is_helpful),
            )
            try:
                is_new = self._store.judge(counted, changes_for(counted), named)
            except ConflictError:
                continue
            return counted if is_new else memory
        msg = "The memory keeps changing; try again."
        raise ThrottledError(msg, retry_after=1)


def _check_bounds(memory: Memory, fields: dict[str, Any]) -> None:
    """Raise `ValidationFailedError` where what is sent, with what the memory has of the rest, ends before it begins."""
    if "valid_from" in fields or "valid_until" in fields:
        pointer = "/valid_until" if "valid_until" in fields else "/valid_from"
        valid_from, valid_until = fields.get("valid_from", memory.valid_from), fields.get("valid_until", memory.valid_until)
        check_bounds(valid_from, valid_until, pointer)


_CLAIMING = frozenset({"text", "valid_from", "valid_until"})
"""A change of these makes it meet others that claim the same, or others again."""

_MADE = frozenset({"unreadable_for", "embed_tries", "category", "memory_type", "claimed", "event"})
"""What follows from the text: alone it makes no revision."""
