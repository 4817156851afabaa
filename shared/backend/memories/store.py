"""The memories table. Row, guard, claim and marker go together; what each condition means is said where it is named."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future, wait
from contextlib import suppress
from contextvars import copy_context
from datetime import datetime
from itertools import islice
from typing import Any

from backend.kit import observability
from backend.kit.clock import Clock, to_rfc3339
from backend.kit.dynamodb import (
    ConditionFailedError,
    Item,
    Put,
    Table,
    TransactionCanceledError,
    Update,
    attribute,
    set_to,
    transact,
)
from backend.kit.errors import ConflictError, DependencyUnavailableError, InternalError, OutcomeUnknownError
from backend.kit.ids import Ids
from backend.memories import items, markers
from backend.memories.lists import MemoryLists
from backend.memories.model import Changes, Evidence, EvidencePage, Judgement, Memory, Revision, State
from backend.memories.ports import Addition, Contest, ContestedError, GuardTakenError, Holders, Macs, Rekeying, Seals, Step
from backend.memories.together import Whole, batches
from backend.usage.store import DynamoUsageStore

# Nobody stored this before: a new id, or a retry that finds its own row.
IS_NEW = attribute("pk").does_not_exist()

NOBODY = "none"
"""In the place of a memory: a guard that was let go. What users call may delete nothing."""

_Writes = list[tuple[str, Put | Update]]
"""What each write is for, and the write."""


def is_version(row_version: int) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while nobody changed the row since we read it."""
    return attribute("row_version") == row_version


def is_held_by(memory_id: str) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while the guard names this memory: the one that we saw dead, or that lets go of it."""
    return attribute("memory_id") == memory_id


IS_FREE = IS_NEW | is_held_by(NOBODY)
"""No memory has the guard."""


def is_owed_since(moment: datetime) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while nobody wrote a row since that owes a vector again."""
    return attribute("since") <= to_rfc3339(moment)


def is_seen(version: int) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while the holders of a claim are those that we read."""
    return attribute("version") == version if version else IS_NEW


class DynamoMemoryStore(MemoryLists):
    """`MemoryStore` on DynamoDB."""

    def __init__(  # noqa: PLR0913 - one word for each thing it stands on
        self, table: Table, macs: Macs, seals: Seals, clock: Clock, ids: Ids, *, usages: DynamoUsageStore, executor: Executor
    ) -> None:
        super().__init__(table, seals, usages, executor)
        self._macs = macs
        self._clock = clock
        self._ids = ids

    def add(  # noqa: PLR0913 - one word for each thing that goes with a memory
        self,
        memory: Memory,
        changes: Changes,
        *,
        guarded: bool,
        replacing: str | None = None,
        contest: Contest | None = None,
        evidence: Evidence | None = None,
    ) -> Memory:
        """Store a new memory."""
        row = items.row_item(memory, self._seals)
        writes: _Writes = [("row", Put(self._table, row, IS_NEW)), *self._beside(memory, changes)]
        if evidence:
            writes.append(("evidence", Put(self._table, items.evidence_item(memory.tenant_id, evidence))))
        if memory.owes_vector:
            writes.append(("owed", Put(self._table, items.owed_item(memory))))
        if guarded:
            writes.append(("guard", self._guard(memory, self._guard_pk(memory, memory.guard_key), replacing)))
        writes += self._contested(memory.tenant_id, contest)
        try:
            refused = self._refused(writes)
        except OutcomeUnknownError:
            # The table did not answer. Before saying anything, look: it may well have taken the write.
            stored = self.get(memory.tenant_id, memory.memory_id)
            if stored is None:
                raise
            return stored
        if refused:
            stored = self.get(memory.tenant_id, memory.memory_id) if "row" in refused else None
            if stored:
                return stored
            _raise_lost(refused)
            raise InternalError
        return items.memory_of(row, self._seals)

    def add_together(self, additions: Sequence[Addition]) -> list[Memory]:
        """Store new memories in few transactions, side by side."""
        guards = [self._guard_pk(each.memory, each.memory.guard_key) if each.guarded else None for each in additions]
        # A transaction that is refused costs as much as one that is not: what is known already is not tried.
        found: list[Item] = []
        with suppress(DependencyUnavailableError):
            # Where nobody can look, the guards' own conditions refuse what is known.
            found = self._table.get_many([(pk, items.GUARD) for pk in guards if pk])
        held = {item["pk"] for item in found if item["memory_id"] != NOBODY}
        new = (self._whole_addition(each, pk) for each, pk in zip(additions, guards, strict=True) if pk not in held)
        futures: list[Future[list[Memory]]] = []
        try:
            # The first are on their way to the table while the next are made.
            for batch in batches(new):
                futures.append(self._executor.submit(copy_context().run, self._added, batch))  # noqa: PERF401 - kept if one raises
        finally:
            # Whatever happens, nobody may be told of it while others still write.
            wait(futures)
        return [memory for future in futures for memory in future.result()]

    def _whole_addition(self, addition: Addition, guard_pk: str | None) -> Whole:
        memory = addition.memory
        row = items.row_item(memory, self._seals)
        evidence = Put(self._table, items.evidence_item(memory.tenant_id, addition.evidence))
        writes = [Put(self._table, row, IS_NEW), *(write for _, write in self._beside(memory, addition.changes)), evidence]
        if memory.owes_vector:
            writes.append(Put(self._table, items.owed_item(memory)))
        if guard_pk:
            writes.append(self._guard(memory, guard_pk))
        return Whole(row, writes)

    def _added(self, batch: Sequence[Whole]) -> list[Memory]:
        """Store all of a batch, or all but what was refused; return what is known to be stored."""
        for _ in range(2):
            if not batch:
                break
            try:
                transact(self._table.seam, [write for each in batch for write in each.writes], token=self._ids.new("t"))
            except TransactionCanceledError as error:
                reasons = iter(error.reasons)
                batch = [each for each in batch if not any(tuple(islice(reasons, len(each.writes))))]
            except DependencyUnavailableError as error:
                # What may be stored of it is found by `add`.
                observability.note(not_together=type(error).__name__)
                break
            else:
                return [items.memory_of(each.row, self._seals) for each in batch]
        return []

    def replace(
        self,
        memory: Memory,
        changes: Changes,
        *,
        closes: Revision | None = None,
        rekeying: Rekeying | None = None,
        contest: Contest | None = None,
    ) -> None:
        """Store the next version of a row."""
        writes = self._steps(Step(memory, changes, closes))
        if rekeying and rekeying.release:
            released = (self._guard_pk(memory, rekeying.release), items.GUARD)
            let_go = [set_to("memory_id", NOBODY)]
            writes.append(("released", Update(self._table, released, let_go, is_held_by(memory.memory_id))))
        if rekeying and rekeying.take:
            writes.append(("guard", self._guard(memory, self._guard_pk(memory, rekeying.take), rekeying.replacing)))
        writes += self._contested(memory.tenant_id, contest)
        try:
            refused = self._refused(writes)
        except OutcomeUnknownError:
            now = self.get(memory.tenant_id, memory.memory_id)
            if now is None or now.row_version < memory.row_version:
                raise
            return
        if not refused:
            return
        found = refused.get("row")
        if found and self._is_same(found, memory):
            # It is this very version: the write was taken, its answer was lost, and the seam sent it again.
            return
        if "row" not in refused:
            _raise_lost(refused)
        msg = "The memory was changed at the same moment; read it again."
        raise ConflictError(msg)

    def judge(self, memory: Memory, changes: Changes, judgement: Judgement) -> bool:
        """Store the next version of a row with a judgement."""
        judged = Put(self._table, items.judgement_item(memory, judgement), IS_NEW)
        refused = self._refused([*self._steps(Step(memory, changes)), ("judged", judged)])
        if "judged" in refused:
            return False
        if refused:
            msg = "The memory was changed at the same moment; read it again."
            raise ConflictError(msg)
        return True

    def get(self, tenant_id: str, memory_id: str) -> Memory | None:
        """Return the row."""
        item = self._table.get(items.row_pk(tenant_id, memory_id), items.ROW)
        return items.memory_of(item, self._seals) if item else None

    def whole(self, memory: Memory) -> Memory:
        """Return it with the vectors of all pieces."""
        return self._whole(memory)

    def guarded_by(self, scope_key: str, extracted_key: str, tenant_id: str) -> str | None:
        """Return the holder of the key."""
        item = self._table.get(items.guard_pk(tenant_id, self._mac(tenant_id, "guard", scope_key, extracted_key)), items.GUARD)
        return str(item["memory_id"]) if item and item["memory_id"] != NOBODY else None

    def mark(self, tenant_id: str, *parts: str) -> str:
        """Return a keyed digest."""
        return self._mac(tenant_id, "mark", *parts)

    def holders(self, tenant_id: str, claim: tuple[str, ...]) -> Holders:
        """Return who holds a claim."""
        item = self._table.get(self._claim_pk(tenant_id, claim), items.CLAIM)
        return items.holders_of(item) if item else Holders()

    def record_evidence(self, tenant_id: str, evidence: Sequence[Evidence]) -> None:
        """Store evidence."""
        if evidence:
            self._table.put_many([items.evidence_item(tenant_id, each) for each in evidence])

    def evidence(self, tenant_id: str, memory_id: str, *, limit: int, after: str | None = None) -> EvidencePage:
        """Return one page of the evidence."""
        pk = items.row_pk(tenant_id, memory_id)
        start = {"pk": pk, "sk": f"EV#{after}"} if after else None
        where = attribute("sk").startswith("EV#")
        found: list[Item] = []
        while len(found) <= limit:
            page = self._table.query(pk, where=where, start=start, limit=limit + 1 - len(found), consistent=True)
            found += page.items
            start = page.next_key
            if start is None:
                break
        shown = tuple(items.evidence_of(memory_id, item) for item in found[:limit])
        return EvidencePage(shown, shown[-1].evidence_id if len(found) > limit else None)

    def evidence_count(self, tenant_id: str, memory_id: str) -> int:
        """Return how many pieces of evidence there are."""
        return self._table.count(items.row_pk(tenant_id, memory_id), where=attribute("sk").startswith("EV#"))

    def settle(self, *memories: Memory) -> None:
        """Drop the markers of these row versions."""
        for each in memories:
            if each.state is State.FORGOTTEN:
                # First, so that a marker that is gone tells that the usage is gone too.
                self.usages.forget(each.tenant_id, each.memory_id, self._clock.now())
        # Where one is gone already, or a newer version waits under the same key, it is as it should be.
        self._table.delete_many_if("row_version", {markers.key_of(each): each.row_version for each in memories})
        for each in memories:
            if each.owed and not each.owes_vector:
                with suppress(ConditionFailedError):
                    self._table.delete(items.owed_pk(each.scope_key), each.memory_id, condition=is_owed_since(each.updated_at))

    def set_aside(self, memory: Memory) -> None:
        """Keep the marker for readers, out of the sweep's sight."""
        if memory.state is State.FORGOTTEN:
            # The index may never hear of it: what was counted goes all the same.
            self.usages.forget(memory.tenant_id, memory.memory_id, self._clock.now())
        actions = [set_to("due_pk", None), set_to("due_sk", None)]
        with suppress(ConditionFailedError):
            self._table.update(*markers.key_of(memory), actions=actions, condition=is_version(memory.row_version))

    def _beside(self, memory: Memory, changes: Changes) -> _Writes:
        """Return what goes with a row: its marker, where the index is to hear of it, and the vectors of further pieces."""
        writes: _Writes = [("vectors", Put(self._table, item)) for item in items.vector_items(memory)]
        if changes:
            marker = markers.marker_item(memory, changes, self._clock.now(), self._seals)
            writes.append(("marker", Put(self._table, marker)))
        return writes

    def _steps(self, step: Step, name: str = "row") -> _Writes:
        memory = step.memory
        row = Put(self._table, items.row_item(memory, self._seals), is_version(memory.row_version - 1))
        writes: _Writes = [(name, row), *self._beside(memory, step.changes)]
        if step.closes:
            writes.append(("revision", Put(self._table, items.revision_item(step.closes, self._seals))))
        if memory.owes_vector:
            writes.append(("owed", Put(self._table, items.owed_item(memory))))
        return writes

    def _contested(self, tenant_id: str, contest: Contest | None) -> _Writes:
        if contest is None:
            return []
        item = items.claim_item(self._claim_pk(tenant_id, contest.claim), contest.holds)
        retired = [write for step in contest.retired for write in self._steps(step, "claim")]
        return [("claim", Put(self._table, item, is_seen(contest.seen.version))), *retired]

    def _refused(self, writes: _Writes) -> dict[str, Item]:
        """Do all writes or none. Return what was refused, with the item that is there, by what it was for."""
        try:
            transact(self._table.seam, [write for _, write in writes], token=self._ids.new("t"))
        except TransactionCanceledError as error:
            return {name: reason.item or {} for (name, _), reason in zip(writes, error.reasons, strict=True) if reason}
        return {}

    def _is_same(self, found: Item, memory: Memory) -> bool:
        """Tell whether the row that is there says what was to be written: sealed twice it never looks the same."""
        written = items.memory_of(items.row_item(memory, self._seals), self._seals)
        return items.memory_of(found, self._seals) == written

    def _guard(self, memory: Memory, pk: str, replacing: str | None = None) -> Put | Update:
        if replacing is None:
            return Put(self._table, {"pk": pk, "sk": items.GUARD, "memory_id": memory.memory_id}, IS_FREE)
        take_over = [set_to("memory_id", memory.memory_id)]
        return Update(self._table, (pk, items.GUARD), take_over, is_held_by(replacing))

    def _guard_pk(self, memory: Memory, extracted_key: str) -> str:
        return items.guard_pk(memory.tenant_id, self._mac(memory.tenant_id, "guard", memory.scope_key, extracted_key))

    def _claim_pk(self, tenant_id: str, claim: tuple[str, ...]) -> str:
        return items.claim_pk(tenant_id, self._mac(tenant_id, "claim", *claim))

    def _mac(self, tenant_id: str, *parts: str) -> str:
        return self._macs.of(tenant_id).mac(*parts)


def _raise_lost(refused: dict[str, Item]) -> None:
    """Say which of the things that others may take first was taken."""
    if "guard" in refused:
        raise GuardTakenError(str(refused["guard"].get("memory_id", "")))
    if "claim" in refused or "released" in refused:
        raise ContestedError
