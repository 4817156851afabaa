"""Between `/v1/history` routes and the use cases."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse

from backend import bootstrap
from backend.kit import observability
from backend.kit.http import json_answer, refusals
from backend.memories.http import MemoryDoor
from backend.tenancy.model import Caller
from backend.transcripts.model import Session
from backend.transcripts.schemas import HistoryAppend, HistoryDelete, HistoryList, MessageView

READ_ANSWERS = refusals(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
WRITE_ANSWERS = refusals(HTTPStatus.CONFLICT, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
APPEND_ANSWERS = refusals(HTTPStatus.CONFLICT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)


@dataclass(frozen=True, slots=True)
class HistoryDoor(MemoryDoor):
    """The door of transcripts. They are of one project: without one a caller reads and writes what belongs to none."""

    def append(self, caller: Caller, body: HistoryAppend, key: str | None) -> JSONResponse:
        """Answer `POST /v1/history/append`."""
        scope = self.scope(caller, body.user_id)
        request = self.request(scope, "POST /v1/history/append", key, body.canonical())
        messages = [each.message() for each in body.messages]
        appended, replayed = self.container.transcripts.append(Session.of(scope, body.session_id), messages, request)
        answer = {
            "session_id": body.session_id,
            "appended": appended.last - appended.first + 1,
            "first_sequence": appended.first,
            "last_sequence": appended.last,
            "warnings": body.warnings(),
        }
        return answered(answer, HTTPStatus.CREATED, replayed=replayed)

    def messages(self, caller: Caller, body: HistoryList) -> JSONResponse:
        """Answer `POST /v1/history/list`."""
        scope = self.scope(caller, body.user_id)
        session, view = Session.of(scope, body.session_id), body.view()
        asked = (session, view.newest_first, view.since, view.until)
        cursors, purpose = self.container.cursors(scope.tenant_id), f"POST /v1/history/list {asked}"
        after = int(cursors.read(purpose, body.cursor, "/cursor")["after"]) if body.cursor else None
        page = self.container.transcripts.page(session, view, after)
        following = cursors.issue(purpose, {"after": str(page.next_after)}) if page.next_after is not None else None
        observability.count("results", len(page.entries))
        self.tell_of(caller, scope, [each.unopened for each in page.entries if each.unopened])
        answer = {
            "session_id": body.session_id,
            "items": [MessageView.fields_of(each) for each in page.entries],
            "next_cursor": following,
            "has_more": following is not None,
            "warnings": body.warnings(),
        }
        return answered(answer)

    def delete(self, caller: Caller, body: HistoryDelete, key: str | None) -> JSONResponse:
        """Answer `POST /v1/history/delete`."""
        scope = self.scope(caller, body.user_id)
        request = self.request(scope, "POST /v1/history/delete", key, body.canonical())
        count, replayed = self.container.transcripts.delete(Session.of(scope, body.session_id), body.sequence, request)
        answer = {"session_id": body.session_id, "deleted": count, "warnings": body.warnings()}
        return answered(answer, replayed=replayed)


def answered(answer: dict[str, Any], status: HTTPStatus = HTTPStatus.OK, *, replayed: bool = False) -> JSONResponse:
    """Return an answer with the request's id, and with the header of a replay."""
    headers = {"Idempotent-Replay": "true"} if replayed else {}
    return json_answer({**answer, "request_id": observability.request_id()}, status, headers)


async def _door() -> HistoryDoor:
    return HistoryDoor(bootstrap.container())


History = Annotated[HistoryDoor, Depends(_door)]
