"""Why a memory does or does not answer a question: every gate that it has to pass, in the order in which a question has them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from backend.embedding.ports import Embedder
from backend.index.model import ACTIVE, IndexDocument, IndexFilter
from backend.index.ports import MemoryIndex
from backend.kit.clock import Clock, to_rfc3339
from backend.kit.errors import IndexUnavailableError
from backend.memories.documents import documents_of
from backend.memories.model import KEPT, MOST_EMBED_TRIES, Memory, State
from backend.memories.owned import own_row
from backend.memories.ports import MemoryStore
from backend.retrieval.filters import set_filters
from backend.retrieval.gates import Check, Explanation, Gate
from backend.retrieval.model import LARGEST_K, Answer, Found, Question, band
from backend.retrieval.service import RetrievalService
from backend.tenancy.model import PROJECT_HEADER
from backend.tenancy.scope import Scope, project_of

MOST_OUTRANKING = 10

NOT_THERE = "No memory of this end user has this id here: it never was, is another's, or lies where the caller may not read."


class Explaining:
    """Asks the question itself, and looks at what a question looks at; it says nothing that the answer would not bear out."""

    def __init__(
        self, *, store: MemoryStore, index: MemoryIndex, retrieval: RetrievalService, embedder: Embedder, clock: Clock
    ) -> None:
        self._store = store
        self._index = index
        self._retrieval = retrieval
        self._embedder = embedder
        self._clock = clock

    def explain(self, scope: Scope, memory_id: str, question: Question, beside: Scope | None = None) -> Explanation:
        """Say at which gate the memory falls out, if it does. `beside` is where else the caller may read.

        What is another's and what never was have one answer. Raises `IndexUnavailableError` as a query does.
        """
        now = self._clock.now()
        row = own_row(self._store, scope, memory_id)
        if row is None:
            return self._beside(beside, memory_id, now)
        checks = [_passes(Gate.SCOPE, "It is this end user's."), _passes(Gate.PROJECT, "It is in this project.")]
        checks += _state(row, question.filter)
        if row.state is State.FORGOTTEN:
            return Explanation(row, tuple(checks))
        checks += self._of_row(row, question.filter, now)
        if row.state not in KEPT:
            return Explanation(row, tuple(checks))
        return self._asked(scope, row, question, checks)

    def _beside(self, beside: Scope | None, memory_id: str, now: datetime) -> Explanation:
        row = own_row(self._store, beside, memory_id) if beside else None
        if row is None or row.is_gone(now):
            return Explanation(None, (_fails(Gate.SCOPE, NOT_THERE),))
        project = project_of(row.scope_key)
        change = f"ask with {PROJECT_HEADER}: {project}" if project else f"ask without {PROJECT_HEADER}"
        elsewhere = _fails(Gate.PROJECT, f"It is in another project; {change}.", f"header:{PROJECT_HEADER}")
        return Explanation(row, (_passes(Gate.SCOPE, "It is this end user's."), elsewhere))

    def _of_row(self, row: Memory, asked: IndexFilter, now: datetime) -> Iterator[Check]:
        """Yield what filters and times make of the row, by the very documents that the index holds of it."""
        # Its state has a gate of its own.
        documents = [replace(each, state=ACTIVE) for each in self._documents(row, asked)]
        known = [each for each in documents if IndexFilter(known_at=asked.known_at).admits(each)]
        if asked.known_at is not None:
            told = "It was known then." if known else f"It was not known then: it was stored at {to_rfc3339(row.created_at)}."
            yield Check(Gate.KNOWN, bool(known), told, "/known_at")
        for each in set_filters(asked) if known else ():
            is_sealed = row.unreadable is not None and each.name == "metadata"  # Then nobody can tell.
            if each.name not in {"as_of", "known_at"} and not is_sealed:
                alone = replace(each.alone, known_at=asked.known_at)
                passed = any(alone.admits(document) for document in known)
                yield Check(Gate.FILTER, passed, _filtered(each.name, passed=passed), each.pointer)
        yield _validity(row, known, asked, now)
        if row.expires_at is not None:
            expired = row.is_expired(now)
            told = f"It {'expired' if expired else 'expires'} at {to_rfc3339(row.expires_at)}."
            yield Check(Gate.EXPIRY, not expired, told)
        if row.unreadable is not None:
            # It is found all the same, with words in place of its text.
            yield _passes(Gate.DECRYPTION, "Its text cannot be decrypted; answers show it as such.")

    def _documents(self, row: Memory, asked: IndexFilter) -> Sequence[IndexDocument]:
        if asked.known_at is None or row.revision == 1:
            return documents_of(row)
        return [each for each in self._store.changes(row) if isinstance(each, IndexDocument)]

    def _asked(self, scope: Scope, row: Memory, question: Question, checks: list[Check]) -> Explanation:
        found = looked = self._retrieval.query(scope, question)
        place = _place(found, row)
        falls_out = any(not each.passed for each in checks)
        if place is None and not falls_out and question.k < LARGEST_K:
            looked = self._retrieval.query(scope, replace(question, k=LARGEST_K))
            at = _place(looked, row)
            # Among more candidates scores are scaled anew: what is not among the first k stands behind them.
            further = None if at is None else max(at, question.k)
            found, place = (looked, further) if at is not None else (found, None)
        checks += self._reached(scope, row, ranked=place is not None)
        if place is None:
            if not falls_out:
                checks.append(_tier(row, looked.answers))
                checks.append(_fails(Gate.RANK, f"It is not among the best {LARGEST_K}."))
            return Explanation(row, tuple(checks), degraded=found.degraded, outranked_by=_first(found, question, falls_out))
        rank = place + 1
        answer = next(each for each in found.answers if each.memory.memory_id == row.memory_id)
        is_found = rank <= question.k
        above = tuple(each for each in found.answers[:place] if each.memory.memory_id != row.memory_id)
        checks.append(_tier(answer.memory, () if is_found else above))
        checks.append(_passes(Gate.RANK, f"Its rank is {rank}."))
        told = f"'k' is {question.k}; ask for {rank} or more." if not is_found else f"'k' is {question.k}."
        checks.append(Check(Gate.BUDGET, is_found, told, "/k"))
        return Explanation(
            row,
            tuple(checks),
            rank=rank,
            score=answer.weighed.score,
            found=is_found,
            outranked_by=above[:MOST_OUTRANKING],
            degraded=found.degraded,
        )

    def _reached(self, scope: Scope, row: Memory, *, ranked: bool) -> Iterator[Check]:
        """Yield whether vector and index have it; what has a rank was reached, by its words if not by its meaning."""
        if row.vector is None:
            given_up = f"Making its vector failed {MOST_EMBED_TRIES} times; nobody tries any more."
            why = given_up if row.is_given_up else "Its vector is not made yet (pending_embedding)."
            yield Check(Gate.VECTOR, ranked, f"{why} Only its words are found.")
        elif row.model != self._embedder.model.identity:
            yield Check(Gate.VECTOR, ranked, "Its vector is of another model and cannot be compared. Only its words are found.")
        else:
            yield _passes(Gate.VECTOR, "Its vector is there.")
        yield self._in_index(scope, row, ranked=ranked)

    def _in_index(self, scope: Scope, row: Memory, *, ranked: bool) -> Check:
        try:
            held = self._index.versions(scope, [row.memory_id]).get(row.memory_id, 0)
        except IndexUnavailableError:
            return Check(Gate.INDEX, ranked, "The index does not answer; only what it had not taken in yet is found.")
        if held >= row.row_version:
            return _passes(Gate.INDEX, "The index has it as it is now.")
        changes, _ = self._store.pending(scope)
        if any(each.memory_id == row.memory_id for each in changes):
            return _passes(Gate.INDEX, "The index has not taken it in as it is now; it is read besides it.")
        lag = "The index has not taken it in as it is now, and too much waits for it to be read besides it."
        return Check(Gate.INDEX, ranked, lag)


def _passes(gate: Gate, detail: str, pointer: str | None = None) -> Check:
    return Check(gate, True, detail, pointer)  # noqa: FBT003 - said once


def _fails(gate: Gate, detail: str, pointer: str | None = None) -> Check:
    return Check(gate, False, detail, pointer)  # noqa: FBT003 - said once


def _state(row: Memory, asked: IndexFilter) -> Iterator[Check]:
    if row.state is State.QUARANTINED:
        yield _passes(Gate.STATE, "It is stored.")
        told = "It waits in quarantine: nobody finds it until it is approved (POST /memory/quarantine/{id}/approve)."
        yield _fails(Gate.GUARD, told)
        return
    if row.state is State.ARCHIVED:
        yield _passes(Gate.STATE, "It is stored.")
        since = f"It was archived at {to_rfc3339(row.archived_at)}" if row.archived_at else "It is archived"
        told = f"{since}: it is found only with 'include_archived', until it is restored (POST /memory/{{id}}/restore)."
        yield Check(Gate.ARCHIVED, asked.include_archived, told, "/include_archived")
        return
    told = {
        State.ACTIVE: "It is active.",
        State.FORGOTTEN: "It was forgotten.",
        State.DISPUTED: "It contradicts what holds and waits for a decision (POST /memory/decision/resolve).",
    }[row.state]
    yield Check(Gate.STATE, row.state is State.ACTIVE, told)


def _filtered(name: str, *, passed: bool) -> str:
    return f"It passes the filter '{name}'." if passed else f"The filter '{name}' leaves it out."


def _validity(row: Memory, known: Sequence[IndexDocument], asked: IndexFilter, now: datetime) -> Check:
    """Tell whether it holds at `as_of`, or holds still."""
    at = IndexFilter(as_of=asked.as_of, known_at=asked.known_at, now=asked.now)
    holds = any(at.admits(replace(each, expires_at=None)) for each in known)
    if asked.as_of is not None:
        until = f" until {to_rfc3339(row.valid_until)}" if row.valid_until else ""
        span = f"It holds from {to_rfc3339(row.valid_from)}{until}."
        return Check(Gate.VALIDITY, holds or not known, span, "/as_of")
    if holds or not known or not row.is_ended(now):
        return _passes(Gate.VALIDITY, "It has not ceased to hold.")
    why = f" It was superseded by {row.superseded_by}." if row.superseded_by else ""
    ended = f"It held until {to_rfc3339(row.valid_until)}.{why} Ask with 'as_of' for what held then." if row.valid_until else why
    return _fails(Gate.VALIDITY, ended, "/as_of")


def _tier(memory: Memory, above: Sequence[Answer]) -> Check:
    """Tell whether something else than a better tier keeps it behind what is above it."""
    bands = sorted({each.memory.tier for each in above if band(each.memory.tier) < band(memory.tier)}, key=band)
    if not above or any(band(each.memory.tier) >= band(memory.tier) for each in above):
        return _passes(Gate.TIER, f"Its tier is {memory.tier}.")
    better = ", ".join(bands)
    told = f"Its tier is {memory.tier}; all that outrank it stand in a better one ({better}), which comes before any score."
    return _fails(Gate.TIER, told, "/filters/tier")


def _place(found: Found, row: Memory) -> int | None:
    return next((at for at, each in enumerate(found.answers) if each.memory.memory_id == row.memory_id), None)


def _first(found: Found, question: Question, falls_out: bool) -> tuple[Answer, ...]:  # noqa: FBT001 - one of two cases
    """Return what answers instead, where rank alone keeps the memory out."""
    return () if falls_out else found.answers[: min(question.k, MOST_OUTRANKING)]
