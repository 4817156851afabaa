"""A small app to try the kit's HTTP on: one route for each thing that can happen."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import Field

from backend.kit.deadline import check, remaining
from backend.kit.errors import (
    ConflictError,
    ForbiddenError,
    InternalError,
    MethodNotAllowedError,
    ThrottledError,
    UnauthorizedError,
)
from backend.kit.http import create_app, json_answer
from backend.kit.tasks import Handler
from backend.kit.wire import Clean, EndUserId, Moment, Wire
from tests.support.events import FakeLambdaContext, HttpAnswer, http_event

PROBLEM = "application/problem+json"


class Note(Wire):
    """A body to try things on."""

    text: Clean
    end_user: EndUserId | None = None
    at: Moment | None = None
    k: Annotated[int, Field(ge=1, le=200)] = 5
    tags: list[Annotated[str, Field(max_length=5)]] = Field(default_factory=list)
    metadata: dict[str, int] = Field(default_factory=dict)


def leave_header(request: Request) -> None:
    request.state.answer_headers = {"X-Scope-Warning": "project_missing"}


def build() -> FastAPI:  # noqa: C901 - one small route for each thing that can happen
    app = create_app()

    @app.post("/notes", status_code=201)
    def add(body: Note) -> JSONResponse:
        return json_answer({"text": body.text, "warnings": body.warnings()}, HTTPStatus.CREATED, {"ETag": '"r1"'})

    @app.get("/notes")
    def page(limit: Annotated[int, Query(ge=1, le=200)] = 50, x_number: Annotated[int, Header()] = 0) -> dict[str, int]:
        return {"limit": limit, "number": x_number}

    @app.get("/notes/{note_id}")
    def get(note_id: str) -> dict[str, str]:
        return {"id": note_id}

    @app.delete("/notes/{note_id}", status_code=204)
    def delete(note_id: str) -> None:
        assert note_id

    @app.delete("/notes")
    def forget(body: Note) -> dict[str, str]:
        return {"text": body.text}

    @app.post("/ping")
    def ping() -> dict[str, bool]:
        return {"pong": True}

    @app.post("/maybe")
    def maybe(body: Note | None = None) -> dict[str, bool]:
        return {"body": body is not None}

    @app.post("/fail")
    def fail(body: Note) -> None:
        raise RuntimeError(body.text)

    @app.get("/late")
    def late() -> dict[str, float]:
        check()
        return {"left": remaining()}

    @app.get("/refused/{kind}")
    def refused(kind: str) -> None:
        raise {
            "conflict": ConflictError("No longer so.", memory_id="mem_1"),
            "throttled": ThrottledError("Slow down.", retry_after=7),
            "unauthorized": UnauthorizedError(),
            "forbidden": ForbiddenError(),
            "method": MethodNotAllowedError("This path takes POST.", allow="POST"),
            "internal": InternalError("the table is on fire"),
        }[kind]

    @app.get("/warned", dependencies=[Depends(leave_header)])
    def warned(*, fail: bool = False) -> dict[str, bool]:
        if fail:
            raise ConflictError
        return {"ok": True}

    @app.get("/bytes")
    def image() -> Response:
        return Response(b"\x89PNG\xff", media_type="image/png")

    return app


def call(handler: Handler, *request: Any, remaining: float = 28.0, **more: Any) -> HttpAnswer:
    return HttpAnswer.of(handler(http_event(*request, **more), FakeLambdaContext(remaining)))


def problem(answer: HttpAnswer) -> dict[str, Any]:
    """Return the problem document, after checking what is true of every one."""
    document: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == PROBLEM
    assert answer.raw["isBase64Encoded"] is False
    assert document["status"] == answer.status
    assert document["request_id"] == "a-request"
    assert document["type"].endswith("/" + document["code"])
    return document


def pointers(answer: HttpAnswer) -> list[str]:
    return [each["pointer"] for each in problem(answer)["errors"]]
