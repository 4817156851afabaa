"""Between `/v1/state` routes and the use cases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Header
from fastapi.responses import JSONResponse

from backend import bootstrap
from backend.kit import observability
from backend.kit.http import json_answer, refusals
from backend.memories.http import MemoryDoor
from backend.state.model import Owner, Page, State
from backend.state.schemas import (
    StateDelete,
    StateGet,
    StateList,
    StateNamespaces,
    StatePut,
    StateSearch,
    StateView,
)
from backend.tenancy.model import Caller

READ_ANSWERS = refusals(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
DELETE_ANSWERS = refusals(HTTPStatus.CONFLICT, HTTPStatus.PRECONDITION_FAILED, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
PUT_ANSWERS = refusals(
    HTTPStatus.CONFLICT,
    HTTPStatus.GONE,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)
_ETAG = re.compile(r'"(ver_[0-9A-HJKMNP-TV-Z]{26})"')


async def versions_meant(
    tags: Annotated[
        str | None, Header(alias="If-Match", description="The ETag of the value as you know it; `*` for any.")
    ] = None,
) -> frozenset[str] | None:
    """Return the versions that If-Match names, None for any. A tag that is none of ours names no version (RFC 9110, 13.1.1)."""
    if tags is None or tags.strip() == "*":
        return None
    found = (_ETAG.fullmatch(tag.strip()) for tag in tags.split(","))
    return frozenset(tag[1] for tag in found if tag)


VersionsMeant = Annotated[frozenset[str] | None, Depends(versions_meant)]


@dataclass(frozen=True, slots=True)
class StateDoor(MemoryDoor):
    """The door of states. They are of one project: without one a caller reads and writes what belongs to none."""

    def put(self, caller: Caller, body: StatePut, key: str | None, meant: frozenset[str] | None) -> JSONResponse:
        """Answer `POST /v1/state/put`."""
        scope = self.scope(caller, body.user_id)
        state, replayed = self.container.states.put(
            Owner.of(scope),
            tuple(body.namespace),
            body.key,
            body.value,
            lasts=timedelta(minutes=body.ttl_minutes) if body.ttl_minutes is not None else None,
            meant=meant,
            request=self.request(scope, "POST /v1/state/put", key, body.canonical()),
        )
        return _shown(state, body.warnings(), replayed=replayed)

    def value(self, caller: Caller, body: StateGet) -> JSONResponse:
        """Answer `POST /v1/state/get`."""
        scope = self.scope(caller, body.user_id)
        state = self.container.states.get(Owner.of(scope), tuple(body.namespace), body.key)
        self.tell_of(caller, scope, [state.unopened] if state.unopened else [])
        return _shown(state, body.warnings())

    def values(self, caller: Caller, body: StateList) -> JSONResponse:
        """Answer `POST /v1/state/list`."""
        scope = self.scope(caller, body.user_id)
        owner = Owner.of(scope)
        asked = f"POST /v1/state/list {(owner, body.namespace)}"
        after = self._position(owner, asked, body.cursor)
        page = self.container.states.search(owner, tuple(body.namespace), {}, below=False, limit=body.limit, after=after)
        self.tell_of(caller, scope, page.unopened)
        return self._page(owner, asked, page, body.warnings())

    def search(self, caller: Caller, body: StateSearch) -> JSONResponse:
        """Answer `POST /v1/state/search`."""
        scope = self.scope(caller, body.user_id)
        owner = Owner.of(scope)
        asked = f"POST /v1/state/search {(owner, body.namespace_prefix, body.filter)}"
        after = self._position(owner, asked, body.cursor)
        prefix = tuple(body.namespace_prefix)
        page = self.container.states.search(owner, prefix, body.filter, below=True, limit=body.limit, after=after)
        self.tell_of(caller, scope, page.unopened)
        return self._page(owner, asked, page, body.warnings())

    def namespaces(self, caller: Caller, body: StateNamespaces) -> JSONResponse:
        """Answer `POST /v1/state/namespaces`."""
        scope, pattern = self.scope(caller, body.user_id), body.pattern()
        owner = Owner.of(scope)
        asked = f"POST /v1/state/namespaces {(owner, pattern)}"
        found = self.container.states.namespaces(owner, pattern, body.limit, self._position(owner, asked, body.cursor))
        self.tell_of(caller, scope, found.unopened)
        following = self._cursor(owner, asked, found.next_after)
        answer = {
            "items": [list(each) for each in found.found],
            "unreadable": len(found.unopened),
            "next_cursor": following,
            "has_more": following is not None,
            "warnings": body.warnings(),
            "request_id": observability.request_id(),
        }
        return json_answer(answer, HTTPStatus.OK)

    def remove(self, caller: Caller, body: StateDelete, key: str | None, meant: frozenset[str] | None) -> JSONResponse:
        """Answer `POST /v1/state/delete`."""
        scope = self.scope(caller, body.user_id)
        request = self.request(scope, "POST /v1/state/delete", key, body.canonical())
        deleted, replayed = self.container.states.delete(Owner.of(scope), tuple(body.namespace), body.key, meant, request)
        answer = {"deleted": deleted, "warnings": body.warnings(), "request_id": observability.request_id()}
        return json_answer(answer, HTTPStatus.OK, {"Idempotent-Replay": "true"} if replayed else {})

    def _position(self, owner: Owner, asked: str, cursor: str | None) -> str | None:
        return self.container.cursors(owner.tenant_id).read(asked, cursor, "/cursor")["after"] if cursor else None

    def _cursor(self, owner: Owner, asked: str, after: str | None) -> str | None:
        return self.container.cursors(owner.tenant_id).issue(asked, {"after": after}) if after is not None else None

    def _page(self, owner: Owner, asked: str, page: Page, warnings: list[str]) -> JSONResponse:
        observability.count("results", len(page.states))
        following = self._cursor(owner, asked, page.next_after)
        answer = {
            "items": [StateView.fields_of(each) for each in page.states],
            "next_cursor": following,
            "has_more": following is not None,
            "warnings": warnings,
            "request_id": observability.request_id(),
        }
        return json_answer(answer, HTTPStatus.OK)


def _shown(state: State, warnings: list[str], *, replayed: bool = False) -> JSONResponse:
    answer = {**StateView.fields_of(state), "warnings": warnings, "request_id": observability.request_id()}
    headers = {"ETag": f'"{state.version}"', **({"Idempotent-Replay": "true"} if replayed else {})}
    return json_answer(answer, HTTPStatus.OK, headers)


async def _door() -> StateDoor:
    return StateDoor(bootstrap.container())


Values = Annotated[StateDoor, Depends(_door)]
