"""Between `/memory` routes and the use cases."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Header, Path
from fastapi.responses import JSONResponse

from backend import bootstrap
from backend.kit import observability, wire
from backend.kit.errors import Fault, MemoryNotFoundError, ValidationFailedError
from backend.kit.http import json_answer, refusals
from backend.memories.answers import answer_of, preview_of, status_of
from backend.memories.list_parameters import Moments
from backend.memories.listing import ListAsked
from backend.memories.model import (
    Memory,
)
from backend.memories.outcomes import (
    Request,
)
from backend.memories.schemas import AddPreview, MemoryAdd, MemoryAdded, MemorySkipped, UsedMemoryView
from backend.memories.sealed_values import Unopened
from backend.tenancy.model import Caller
from backend.tenancy.scope import Scope
from backend.usage.model import UNUSED, Usage

LONGEST_KEY = 255
OTHER_ROUTES = {
    **dict.fromkeys(
        (
            *("/memory/add", "/memory/bulk-add", "/memory/upload", "/memory/batch-update", "/memory/refresh"),
            *("/memory/query", "/memory/retrieve", "/memory/explain"),
            *("/memory/compose", "/memory/summarize", "/memory/synthesize"),
        ),
        "POST",
    ),
    **dict.fromkeys(("/memory/conflicts", "/memory/quarantine", "/memory/pending"), "GET"),
}
"""What `/memory/{id}` fits, and is a route of its own: the method that it takes."""

ADD_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": MemoryAdded | MemorySkipped | AddPreview, "description": "Nothing new to store, or a dry run"},
    207: {"model": MemoryAdded, "description": "Several memories"},
    **refusals(
        HTTPStatus.CONFLICT,
        HTTPStatus.GONE,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    ),
}
_MEMORY_ID = re.compile(r"mem_[0-9A-HJKMNP-TV-Z]{26}")
_ETAG = re.compile(r'"r([1-9][0-9]{0,8})"')
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
FIELD_VALUE = "^[!-~]([ -~]*[!-~])?$"
"""What is left of a header of printable ASCII: blanks around it are not part of its value (RFC 9110, 5.5)."""


async def idempotency_key(
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description=f"The same key and body again gives the same answer. 1 to {LONGEST_KEY} characters.",
            json_schema_extra={"minLength": 1, "maxLength": LONGEST_KEY, "pattern": FIELD_VALUE},
        ),
    ] = None,
) -> str | None:
    """Return the request's idempotency key. Raises `ValidationFailedError`."""
    if key is not None and (not 0 < len(key) <= LONGEST_KEY or not _PRINTABLE.fullmatch(key)):
        cure = f"Send 1 to {LONGEST_KEY} printable ASCII characters."
        msg = "The idempotency key is not usable."
        raise ValidationFailedError(msg, faults=(Fault("header:Idempotency-Key", cure),))
    return key


async def memory_id(
    given: Annotated[
        str, Path(alias="id", description="The memory's id.", json_schema_extra={"pattern": f"^{_MEMORY_ID.pattern}$"})
    ],
) -> str:
    """Return the id of the path. What cannot be an id names no memory."""
    if not _MEMORY_ID.fullmatch(given):
        raise MemoryNotFoundError(given[:64])
    observability.note(memory_id=given)
    return given


async def revisions_meant(
    tags: Annotated[
        str | None, Header(alias="If-Match", description='The ETag of the memory as you know it, such as `"r1"`; `*` for any.')
    ] = None,
) -> frozenset[int] | None:
    """Return the revisions that If-Match names, None for any. A tag that is none of ours names no revision (RFC 9110, 13.1.1)."""
    if tags is None or tags.strip() == "*":
        return None
    found = (_ETAG.fullmatch(tag.strip()) for tag in tags.split(","))
    return frozenset(int(tag[1]) for tag in found if tag)


IfMatch = Annotated[frozenset[int] | None, Depends(revisions_meant)]
IdempotencyKey = Annotated[str | None, Depends(idempotency_key)]
MemoryId = Annotated[str, Depends(memory_id)]


def one_key(key: str | None, client_ref: str | None) -> str | None:
    """Return the idempotency key, which has two names. Raises `ValidationFailedError` when they differ."""
    if key and client_ref and key != client_ref:
        cure = "It is another name for the header Idempotency-Key; send one of them."
        msg = "Two different idempotency keys."
        raise ValidationFailedError(msg, faults=(Fault("/client_ref", cure),))
    return key or client_ref


@dataclass(frozen=True, slots=True)
class MemoryDoor:
    """From a caller's request to the use case, and from what came of it to the answer."""

    container: bootstrap.Container

    def add(self, caller: Caller, body: MemoryAdd, key: str | None) -> JSONResponse:
        """Answer `POST /memory/add`."""
        scope = self.scope(caller, body.user_id)
        if body.dry_run:
            return self._preview(scope, body)
        keyed = self.request(scope, "POST /memory/add", one_key(key, body.client_ref), body.canonical())
        added = self.container.memories.add(scope, body.said(), keyed, caller.actor)
        told = sorted({each.outcome.value for each in added.outcomes})
        observability.note(memory_id=added.memories[0].memory_id if added.memories else None, outcome=" ".join(told))
        headers = {"ETag": etag(added.memories[0])} if added.memories else {}
        if added.replayed:
            headers["Idempotent-Replay"] = "true"
        answer = {**answer_of(added, body), "request_id": observability.request_id()}
        return json_answer(answer, status_of(added), headers)

    def get(self, caller: Caller, memory_id: str, moments: Moments) -> JSONResponse:
        """Answer `GET /memory/{id}`."""
        memory = self.container.memories.get(self.scope(caller, None), memory_id, moments.as_of, moments.known_at)
        self.tell(caller, [memory])
        # Only now: of what is not the caller's nothing else is read.
        used = self.container.usage_store.get_many(memory.tenant_id, [memory_id])
        (shown,) = self._with_usage([memory], used)
        body = {**shown, "warnings": list(moments.warnings), "request_id": observability.request_id()}
        return json_answer(body, HTTPStatus.OK, {"ETag": etag(memory)})

    def page(self, caller: Caller, asked: ListAsked, end_user_id: str | None = None) -> JSONResponse:
        """Answer `GET /memory`, and what lists the memories of an end user whom the path names."""
        scope = self.scope(caller, end_user_id, "path:user")
        cursors, purpose = self.container.cursors(scope.tenant_id), f"GET /memory {asked.listing} {' '.join(scope.keys)}"
        before = cursors.read(purpose, asked.cursor)["before"] if asked.cursor is not None else None
        page = self.container.memories.page(scope, asked.limit, before, asked.listing)
        self.tell(caller, page.memories)
        used = self.container.usage_store.get_many(scope.tenant_id, [memory.memory_id for memory in page.memories])
        following = cursors.issue(purpose, {"before": page.next_position}) if page.next_position else None
        body = {
            "items": self._with_usage(page.memories, used),
            "next_cursor": following,
            "has_more": following is not None,
            "warnings": list(asked.warnings),
            "request_id": observability.request_id(),
        }
        observability.count("results", len(page.memories))
        return json_answer(body, HTTPStatus.OK)

    def forget(self, caller: Caller, memory_id: str, key: str | None, revisions: frozenset[int] | None = None) -> JSONResponse:
        """Answer `DELETE /memory/{id}`."""
        scope = self.scope(caller, None)
        keyed = self.request(scope, "DELETE /memory/{id}", key, memory_id)
        memory, replayed = self.container.memories.forget(scope, memory_id, keyed, revisions)
        body = {
            "id": memory.memory_id,
            "state": memory.state.value,
            "forgotten_at": wire.shown(memory.forgotten_at),
            "request_id": observability.request_id(),
        }
        headers = {"Idempotent-Replay": "true"} if replayed else {}
        return json_answer(body, HTTPStatus.OK, headers)

    def tell(self, caller: Caller, memories: Sequence[Memory]) -> None:
        """Let operators know of those that are answered without their text."""
        failed = [each for each in memories if each.unreadable is not None]
        if failed:
            self.container.decryption_failures.tell(caller, failed)

    def tell_of(self, caller: Caller, scope: Scope, failed: Sequence[Unopened]) -> None:
        """Let operators know of messages or values of the scope that are answered without their words."""
        if failed:
            self.container.decryption_failures.tell_of(caller, scope, failed)

    def scope(self, caller: Caller, named_user_id: str | int | None, pointer: str = "/user_id") -> Scope:
        """Return what this request may touch; `pointer` says where in it the end user is named."""
        return self.container.access.scope_for(caller, caller.acting_for(named_user_id, pointer))

    def request(self, scope: Scope, route: str, key: str | None, body: str) -> Request | None:
        """Return what the request is recorded under: owner, route and key, so that no other end user ever meets it."""
        if key is None:
            return None
        tenant = self.container.macs.of(scope.tenant_id)
        return Request(
            record_id=tenant.mac("request", scope.project_id or "", scope.home, route, key),
            body_mac=tenant.mac("body", body),
        )

    def _with_usage(self, memories: Sequence[Memory], used: Mapping[str, Usage]) -> list[dict[str, Any]]:
        """Return these memories of one tenant as answers show them."""
        if not memories:
            return []
        policy, now = self.container.policies.of(memories[0].tenant_id), self.container.clock.now()
        pairs = [(each, used.get(each.memory_id, UNUSED)) for each in memories]
        return [
            UsedMemoryView.fields_with(memory, usage, is_stale=policy.is_stale(memory, usage, now)) for memory, usage in pairs
        ]

    def _preview(self, scope: Scope, body: MemoryAdd) -> JSONResponse:
        answer = preview_of(self.container.memories.preview(scope, body.said()), body)
        return json_answer({**answer, "request_id": observability.request_id()}, HTTPStatus.OK)


def etag(memory: Memory) -> str:
    """Return the memory's entity tag: its revision."""
    return f'"r{memory.revision}"'


async def _door() -> MemoryDoor:
    return MemoryDoor(bootstrap.container())


Memories = Annotated[MemoryDoor, Depends(_door)]
