"""Between the routes that change memories, or tell how they came to be, and the use cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Depends
from fastapi.responses import JSONResponse

from backend import bootstrap
from backend.kit import observability, wire
from backend.kit.errors import Fault, MemorySyncError, ValidationFailedError
from backend.kit.http import json_answer, refusals
from backend.memories.answer_sizes import brief_addition, brief_update, brief_waiting, fitted, how_many_fit, left_out
from backend.memories.batch_answers import added_item, replay_header, updated_item, waiting_items
from backend.memories.edit_schemas import (
    BatchUpdate,
    BulkAdd,
    EvidenceView,
    Feedback,
    MemoryArchive,
    MemoryPatch,
    MemoryText,
    Resolve,
    UpdateItem,
    revision_views,
)
from backend.memories.editing import Change
from backend.memories.http import IdempotencyKey, IfMatch, MemoryDoor, etag
from backend.memories.model import (
    Judgement,
    Memory,
    State,
)
from backend.memories.outcomes import (
    Added,
    Preview,
    Request,
)
from backend.memories.reviewing import Decision
from backend.memories.schemas import MemoryAdd, MemoryView
from backend.memories.service import Asked
from backend.tenancy.model import Caller, end_users_differ
from backend.tenancy.scope import Scope

MOST_OWED = 1000
_Item = TypeVar("_Item", MemoryAdd, UpdateItem)
REPLAYED = {"Idempotent-Replay": "true"}
_ONE = (
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
CHANGE_ANSWERS = refusals(*_ONE)
PATCH_ANSWERS = refusals(*_ONE, HTTPStatus.METHOD_NOT_ALLOWED)
"""A name of another route stands where the id does: see `OTHER_ROUTES`."""
BATCH_ANSWERS = refusals(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a change is asked for: once only, under this key, and of these revisions."""

    key: str | None
    revisions: frozenset[int] | None


async def terms_of(key: IdempotencyKey, meant: IfMatch) -> Terms:
    """Return the terms that the headers name."""
    return Terms(key, meant)


@dataclass(frozen=True, slots=True)
class EditDoor(MemoryDoor):
    """The door of `/memory`, and of what changes there."""

    def patch(self, caller: Caller, memory_id: str, body: MemoryPatch, terms: Terms) -> JSONResponse:
        """Answer `PATCH /memory/{id}`."""
        change = Change(memory_id, body.changes(), reason=body.reason, revisions=terms.revisions)
        return self._changed(caller, "PATCH /memory/{id}", change, terms.key, body)

    def rewrite(self, caller: Caller, memory_id: str, body: MemoryText, terms: Terms) -> JSONResponse:
        """Answer `PUT /memory/{id}/text`."""
        change = Change(memory_id, {}, body.text, body.reason, terms.revisions)
        return self._changed(caller, "PUT /memory/{id}/text", change, terms.key, body)

    def restore(self, caller: Caller, memory_id: str, terms: Terms) -> JSONResponse:
        """Answer `POST /memory/{id}/restore`."""
        scope = self.scope(caller, None)
        request = self.request(scope, "POST /memory/{id}/restore", terms.key, memory_id)
        memory, replayed = self.container.editing.restore(scope, memory_id, request, caller.actor, terms.revisions)
        return _memory_answer(memory, [], replayed=replayed)

    def archive(self, caller: Caller, memory_id: str, body: MemoryArchive, terms: Terms) -> JSONResponse:
        """Answer `POST /memory/{id}/archive`."""
        scope = self.scope(caller, body.user_id)
        request = self.request(scope, "POST /memory/{id}/archive", terms.key, f"{memory_id} {body.canonical()}")
        asked = Change(memory_id, {}, reason=body.reason, revisions=terms.revisions)
        memory, replayed = self.container.editing.archive(scope, asked, request, caller.actor)
        return _memory_answer(memory, body.warnings(), replayed=replayed)

    def judge(self, caller: Caller, memory_id: str, body: Feedback, key: str | None) -> JSONResponse:
        """Answer `POST /memory/{id}/feedback`."""
        scope = self.scope(caller, body.user_id)
        request = self.request(scope, "POST /memory/{id}/feedback", key, f"{memory_id} {body.canonical()}")
        judgement = Judgement(body.helpful, caller.actor, body.reason)
        memory, replayed = self.container.editing.judge(scope, memory_id, judgement, request)
        self.tell(caller, [memory])
        return _memory_answer(memory, body.warnings(), replayed=replayed)

    def update_many(self, caller: Caller, body: BatchUpdate, key: str | None) -> JSONResponse:
        """Answer `POST /memory/batch-update`."""
        scope = self.scope(caller, body.user_id)
        changes = {number: self._change(scope, number, item, key) for number, item in enumerate(body.items)}
        good = {number: each for number, each in changes.items() if not isinstance(each, MemorySyncError)}
        done = dict(zip(good, self.container.editing.change_many(scope, list(good.values()), caller.actor), strict=True))
        every = [done.get(number, each) for number, each in changes.items()]
        items = [updated_item(number, each) for number, each in enumerate(every)]
        failed = sum(isinstance(each, MemorySyncError) for each in every)
        shown = fitted(items, brief_update)
        warnings = [*body.warnings(), *_warnings(body.items), *left_out(items, shown)]
        answer = {"items": shown, "updated": len(items) - failed, "failed": failed, "warnings": warnings}
        answer["request_id"] = observability.request_id()
        return json_answer(answer, HTTPStatus.MULTI_STATUS, replay_header(items))

    def add_many(self, caller: Caller, body: BulkAdd, key: str | None) -> JSONResponse:
        """Answer `POST /memory/bulk-add`."""
        told = self.added(self.scope(caller, body.user_id), caller, body, key, "POST /memory/bulk-add")
        answer = {**told, "warnings": [*body.warnings(), *told["warnings"]], "request_id": observability.request_id()}
        return json_answer(answer, HTTPStatus.MULTI_STATUS, replay_header(told["items"]))

    def added(self, scope: Scope, caller: Caller, body: BulkAdd, key: str | None, route: str) -> dict[str, Any]:
        """Return what became of each item, how many of what there were, and a warning where the answer holds not all."""
        items = [_fitting(scope, item, is_dry=body.dry_run) for item in body.items]
        bodies = {number: item for number, item in enumerate(items) if isinstance(item, MemoryAdd)}
        results: dict[int, Added | Preview | MemorySyncError] = {}
        if body.dry_run:
            foreseen = self.container.memories.preview_many(scope, [item.said() for item in bodies.values()])
            results.update(zip(bodies, foreseen, strict=True))
        elif bodies:
            asked = [self._asked(scope, number, item, key, route) for number, item in bodies.items()]
            added = self.container.memories.add_many(scope.tenant_id, asked, caller.actor)
            results.update(zip(bodies, added, strict=True))
        every = [results.get(number, item) for number, item in enumerate(items)]
        done = [each for each in every if isinstance(each, Added | Preview)]
        stored = [outcome for each in done if isinstance(each, Added) for outcome in each.outcomes]
        observability.count("results", len(done))
        told = [
            added_item(number, each, bodies.get(number), shows_candidates=body.return_candidates)
            for number, each in enumerate(every)
        ]
        shown = fitted(told, brief_addition)
        return {
            "items": shown,
            "warnings": left_out(told, shown),
            "candidates_extracted": sum(len(each.outcomes) for each in done),
            "candidates_stored": sum(each.outcome.is_new for each in stored),
            "failed": len(every) - len(done),
        }

    def history(self, caller: Caller, memory_id: str, limit: int, cursor: str | None) -> JSONResponse:
        """Answer `GET /memory/{id}/history`."""
        scope = self.scope(caller, None)
        cursors, purpose = self.container.cursors(scope.tenant_id), f"GET /memory/{memory_id}/history"
        below = cursors.read(purpose, cursor)["below"] if cursor is not None else None
        memory, earlier = self.container.editing.history(scope, memory_id)
        self.tell(caller, [memory, *(each.memory for each in earlier)])
        views = [each for each in revision_views(memory, earlier) if below is None or each["revision"] < below]
        shown = views[: how_many_fit(views[:limit])]
        following = cursors.issue(purpose, {"below": shown[-1]["revision"]}) if len(shown) < len(views) else None
        return _page_answer(memory_id, shown, following)

    def evidence(self, caller: Caller, memory_id: str, limit: int, cursor: str | None) -> JSONResponse:
        """Answer `GET /memory/{id}/evidence`."""
        scope = self.scope(caller, None)
        cursors, purpose = self.container.cursors(scope.tenant_id), f"GET /memory/{memory_id}/evidence"
        after = cursors.read(purpose, cursor)["after"] if cursor is not None else None
        page, count = self.container.editing.evidence(scope, memory_id, limit, after)
        following = cursors.issue(purpose, {"after": page.next_id}) if page.next_id else None
        return _page_answer(memory_id, [EvidenceView.fields_of(each) for each in page.evidence], following, count=count)

    def relations(self, caller: Caller, memory_id: str) -> JSONResponse:
        """Answer `GET /memory/{id}/relations`."""
        found = self.container.editing.related(self.scope(caller, None), memory_id)
        self.tell(caller, [memory for _, memory in found])
        items = [{"relation": name, "memory": MemoryView.fields_of(memory)} for name, memory in found]
        return json_answer(
            {"id": memory_id, "items": fitted(items, brief_update), "request_id": observability.request_id()}, HTTPStatus.OK
        )

    def waiting(self, caller: Caller, state: State, limit: int, cursor: str | None) -> JSONResponse:
        """Answer `GET /memory/conflicts` and `GET /memory/quarantine`."""
        scope = self.scope(caller, None)
        cursors, purpose = self.container.cursors(scope.tenant_id), f"GET {state.value} " + " ".join(scope.keys)
        before = cursors.read(purpose, cursor)["before"] if cursor is not None else None
        page, others = self.container.reviewing.waiting(scope, state, limit, before)
        items = waiting_items(page, others)
        fit = how_many_fit([brief_waiting(each) for each in items])
        if fit < len(items):
            page, others = self.container.reviewing.waiting(scope, state, fit, before)
            items = waiting_items(page, others)
        self.tell(caller, [*page.memories, *others.values()])
        following = cursors.issue(purpose, {"before": page.next_position}) if page.next_position else None
        answer = {"items": fitted(items, brief_waiting), "next_cursor": following, "has_more": following is not None}
        return json_answer({**answer, "request_id": observability.request_id()}, HTTPStatus.OK)

    def resolve(self, caller: Caller, body: Resolve, key: str | None) -> JSONResponse:
        """Answer `POST /memory/decision/resolve`."""
        scope = self.scope(caller, body.user_id)
        request = self.request(scope, "POST /memory/decision/resolve", key, body.canonical())
        return self._decide(scope, caller, body.memory_id, Decision(body.decision), request)

    def review(self, caller: Caller, memory_id: str, decision: Decision, key: str | None) -> JSONResponse:
        """Answer `POST /memory/quarantine/{id}/approve` and `.../reject`."""
        scope = self.scope(caller, None)
        request = self.request(scope, f"POST /memory/quarantine/{{id}}/{decision.value}", key, memory_id)
        return self._decide(scope, caller, memory_id, decision, request)

    def pending(self, caller: Caller) -> JSONResponse:
        """Answer `GET /memory/pending`."""
        scope = self.scope(caller, None)
        count, since = self.container.memory_store.owed(scope, MOST_OWED)
        changes, _ = self.container.memory_store.pending(scope)
        now = self.container.clock.now()
        answer = {
            "pending_embedding": count,
            "oldest_since": wire.shown(since),
            "oldest_age_seconds": _age(since, now),
            "pending_index": len({each.memory_id for each in changes}),
            "request_id": observability.request_id(),
        }
        return json_answer(answer, HTTPStatus.OK)

    def _changed(
        self, caller: Caller, route: str, change: Change, key: str | None, body: MemoryPatch | MemoryText
    ) -> JSONResponse:
        scope = self.scope(caller, body.user_id)
        request = self.request(scope, route, key, f"{change.memory_id} {body.canonical()}")
        memory, replayed = self.container.editing.change(scope, change, request, caller.actor)
        return _memory_answer(memory, body.warnings(), replayed=replayed)

    def _change(
        self, scope: Scope, number: int, item: UpdateItem | MemorySyncError, key: str | None
    ) -> tuple[Change, Request | None] | MemorySyncError:
        item = _fitting(scope, item)
        if isinstance(item, MemorySyncError):
            return item
        try:
            change = item.change()
        except MemorySyncError as error:
            return error
        return change, self.request(scope, "POST /memory/batch-update", key and f"{key}#{number}", item.canonical())

    def _asked(self, scope: Scope, number: int, item: MemoryAdd, key: str | None, route: str) -> Asked:
        # Each item is a request of its own: what was done is not done again, what failed is, when all are sent again.
        own = item.client_ref or (f"{key}#{number}" if key else None)
        named = "POST /memory/add" if item.client_ref else route
        return Asked(scope, item.said(), self.request(scope, named, own, item.canonical()))

    def _decide(self, scope: Scope, caller: Caller, memory_id: str, decision: Decision, request: Request | None) -> JSONResponse:
        decided, replayed = self.container.reviewing.decide(scope, memory_id, decision, request, caller.actor)
        observability.note(memory_id=decided.memory.memory_id, outcome=decided.outcome.outcome.value)
        # What was rejected is forgotten: its words are not told again.
        memory = replace(decided.memory, text="", summary=None, metadata={}) if decided.memory.forgotten_at else decided.memory
        answer = {
            **MemoryView.fields_of(memory),
            "outcome": decided.outcome.outcome.value,
            "rule": decided.outcome.rule,
            "request_id": observability.request_id(),
        }
        headers = {"ETag": etag(decided.memory), **(REPLAYED if replayed else {})}
        return json_answer(answer, HTTPStatus.OK, headers)


def _fitting(scope: Scope, item: _Item | MemorySyncError, *, is_dry: bool = False) -> _Item | MemorySyncError:
    """Return the item, or why it cannot be done: it has the end user of the whole request, and no dry run of its own."""
    if isinstance(item, MemorySyncError):
        return item
    if item.user_id is not None and str(item.user_id) != scope.end_user_id:
        return end_users_differ("/user_id")
    if isinstance(item, MemoryAdd) and item.dry_run and not is_dry:
        msg = "A value is not allowed; see errors."
        return ValidationFailedError(msg, faults=(Fault("/dry_run", "Send it beside 'items': it holds for all of them."),))
    return item


def _age(since: datetime | None, now: datetime) -> int | None:
    return max(0, int((now - since).total_seconds())) if since else None


def _memory_answer(memory: Memory, warnings: Sequence[str], *, replayed: bool) -> JSONResponse:
    body = {**MemoryView.fields_of(memory), "warnings": list(warnings), "request_id": observability.request_id()}
    return json_answer(body, HTTPStatus.OK, {"ETag": etag(memory), **(REPLAYED if replayed else {})})


def _page_answer(memory_id: str, items: list[dict[str, Any]], following: str | None, **more: int) -> JSONResponse:
    answer = {"id": memory_id, **more, "items": items, "next_cursor": following, "has_more": following is not None}
    return json_answer({**answer, "request_id": observability.request_id()}, HTTPStatus.OK)


def _warnings(items: Sequence[Any]) -> list[str]:
    return [
        f"Item {number}: {warning}"
        for number, item in enumerate(items)
        if isinstance(item, UpdateItem)
        for warning in item.warnings()
    ]


async def _door() -> EditDoor:
    return EditDoor(bootstrap.container())


OnTerms = Annotated[Terms, Depends(terms_of)]
Edits = Annotated[EditDoor, Depends(_door)]
