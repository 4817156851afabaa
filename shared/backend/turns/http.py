"""Between the routes of turns and the use cases."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated

from fastapi import Depends, Path
from fastapi.responses import JSONResponse

from backend import bootstrap
from backend.kit import observability
from backend.kit.errors import Fault, ForbiddenError, TurnNotFoundError
from backend.kit.http import json_answer, refusals
from backend.memories.http import MemoryDoor
from backend.memories.list_parameters import only_known_parameters
from backend.memories.listing import ListAsked
from backend.tenancy.model import Caller
from backend.transcripts.schemas import SentMessage
from backend.turns.schemas import AddTurn, TurnAdded, TurnRead, left_out
from backend.turns.service import Spoken

ADD_TURN_ANSWERS = refusals(
    HTTPStatus.CONFLICT, HTTPStatus.GONE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE
)
RECALL_ANSWERS = refusals(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
_ROUTE = "POST /v1/memory/add_turn"
_TURN_ID = re.compile(r"turn_[0-9A-HJKMNP-TV-Z]{26}")


async def turn_id(
    given: Annotated[str, Path(alias="id", description="The turn's id.", json_schema_extra={"pattern": f"^{_TURN_ID.pattern}$"})],
) -> str:
    """Return the id of the path. What cannot be an id names no turn."""
    if not _TURN_ID.fullmatch(given):
        raise TurnNotFoundError(given[:64])
    observability.note(turn_id=given)
    return given


TurnId = Annotated[str, Depends(turn_id)]


async def owner_named(
    _known: Annotated[None, Depends(only_known_parameters)],
    tenant: Annotated[str, Path(description="The key's own tenant.", json_schema_extra={"minLength": 1, "maxLength": 64})],
    user: Annotated[str, Path(description="The end user.", json_schema_extra={"minLength": 1, "maxLength": 256})],
) -> tuple[str, str]:
    """Return whom the path names."""
    return tenant, user


OwnerNamed = Annotated[tuple[str, str], Depends(owner_named)]


@dataclass(frozen=True, slots=True)
class TurnDoor(MemoryDoor):
    """The door of turns. A turn is of one project: without one it is of none."""

    def add_turn(self, caller: Caller, body: AddTurn, key: str | None) -> JSONResponse:
        """Answer `POST /v1/memory/add_turn`."""
        scope = self.scope(caller, body.user_id)
        whole = body.canonical()

        def spoken(number: int, sent: SentMessage) -> Spoken:
            # Each message is a request of its own: what was remembered is not remembered again when all are sent again.
            own = self.request(scope, f"{_ROUTE} message", f"{key}#{number}", whole) if key else None
            message = sent.message()
            said_at = body.occurred_at if message.occurred_at is None else None
            return Spoken(replace(message, occurred_at=said_at) if said_at else message, body.remembered(sent), own)

        messages = [spoken(number, sent) for number, sent in enumerate(body.said())]
        request = self.request(scope, _ROUTE, key, whole)
        progress, replayed = self.container.turns.add(scope, body.session_id, messages, request, caller.actor)
        observability.note(turn_id=progress.turn.turn_id, outcome=" ".join(sorted(progress.turn.counts)))
        answer = {
            **TurnRead.fields_of(progress),
            "outcomes": TurnAdded.told_of(progress),
            "warnings": [*body.warnings(), *left_out(progress)],
            "request_id": observability.request_id(),
        }
        return json_answer(answer, HTTPStatus.CREATED, {"Idempotent-Replay": "true"} if replayed else {})

    def status(self, caller: Caller, turn_id: str) -> JSONResponse:
        """Answer `GET /v1/memory/status/{id}`."""
        progress = self.container.turns.progress(self.scope(caller, None), turn_id)
        return json_answer({**TurnRead.fields_of(progress), "request_id": observability.request_id()}, HTTPStatus.OK)

    def listed(self, caller: Caller, named: tuple[str, str], asked: ListAsked) -> JSONResponse:
        """Answer `GET /v1/memory/{tenant}/{user}/list`. Raises `ForbiddenError` for another tenant than the caller's."""
        tenant_id, end_user_id = named
        if tenant_id != caller.tenant_id:
            # Nothing is looked up, so the answer is the same for a tenant that exists and for one that does not.
            msg = "The key or token does not belong to the tenant that the path names."
            raise ForbiddenError(msg, faults=(Fault("path:tenant", "Name the key's own tenant."),))
        return self.page(caller, asked, end_user_id)


async def _door() -> TurnDoor:
    return TurnDoor(bootstrap.container())


TurnsDoor = Annotated[TurnDoor, Depends(_door)]
