"""From an API Gateway event to a use case and back: the app every HTTP function is made of."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from starlette.exceptions import HTTPException

from backend.kit import observability, problems
from backend.kit.deadline import REQUEST_SECONDS, deadline
from backend.kit.errors import (
    Fault,
    InternalError,
    MalformedRequestError,
    MemorySyncError,
    MethodNotAllowedError,
    RouteNotFoundError,
    UnauthorizedError,
    UnsupportedMediaTypeError,
    ValidationFailedError,
)
from backend.kit.tasks import Handler, LambdaContext

SPARE_SECONDS = 1.5
_BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
_MOST_FAULTS = 20
_EVERYWHERE = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def create_app() -> FastAPI:
    """Return an empty app that answers every failure with a problem document."""
    app = FastAPI(title="MemorySync", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_exception_handler(MemorySyncError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_refused)
    app.add_exception_handler(Exception, _on_failure)
    app.middleware("http")(_require_json)
    return app


def serve(app: FastAPI) -> Handler:
    """Return the Lambda handler of the app."""
    # Mangum asks for the thread's event loop, which Python no longer makes by itself.
    asyncio.set_event_loop(asyncio.new_event_loop())
    mangum = Mangum(app, lifespan="off", text_mime_types=["text/", "application/json", problems.MEDIA_TYPE])

    def handler(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401 - Mangum's answer
        http = event["requestContext"]["http"]
        request_id = event["requestContext"].get("requestId") or context.aws_request_id
        seconds = min(REQUEST_SECONDS, context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS)
        with observability.recording("request", request_id), deadline(seconds):
            # The template's route, never the path as sent: a path may hold what somebody typed.
            observability.note(route=event.get("routeKey"), method=http["method"])
            answer = mangum(event, context)  # type: ignore[arg-type]  # any object with Lambda's attributes will do
            observability.note(status=answer["statusCode"])
            return answer

    return handler


def problem(error: MemorySyncError, request: Request) -> Response:
    """Return the answer for an error."""
    status = problems.status_of(type(error))
    body = problems.document(error, instance=request.url.path, request_id=observability.request_id())
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if isinstance(error, UnauthorizedError):
        headers["WWW-Authenticate"] = 'Bearer realm="memorysync", ApiKey realm="memorysync"'
    if isinstance(error, MethodNotAllowedError) and "allow" in error.facts:
        headers["Allow"] = str(error.facts["allow"])
    observability.note(error=body["code"])
    return Response(json.dumps(body, ensure_ascii=True), status_code=status, headers=headers, media_type=problems.MEDIA_TYPE)


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MemorySyncError)  # noqa: S101 - registered for this class only
    if problems.status_of(type(error)) is HTTPStatus.INTERNAL_SERVER_ERROR:
        observability.log_failure("request failed", error)
    return problem(error, request)


async def _on_failure(request: Request, error: Exception) -> Response:
    observability.log_failure("request failed", error)
    return problem(InternalError(), request)


async def _on_refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allow = (error.headers or {}).get("Allow", "")
        return problem(MethodNotAllowedError(f"This path takes {allow}.", allow=allow), request)
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem(RouteNotFoundError("No route has this path; /openapi.json lists them all."), request)
    return problem(MalformedRequestError("The request could not be read."), request)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        cure = "Send one JSON object in UTF-8."
        return problem(MalformedRequestError("The body is not JSON.", faults=(Fault("", cure),)), request)
    faults = tuple(Fault(pointer_to(each["loc"]), _cure(each)) for each in found[:_MOST_FAULTS])
    return problem(ValidationFailedError("A value is not allowed; see errors.", faults=faults), request)


def pointer_to(location: Sequence[str | int]) -> str:
    """Return where a value stands: a JSON pointer into the body, `query:NAME`, `header:NAME` or `path:NAME`."""
    place, *rest = [str(step) for step in location]
    if place == "body":
        return "".join("/" + step.replace("~", "~0").replace("/", "~1") for step in rest)
    return f"{place}:{'/'.join(rest)}"


def _cure(fault: dict[str, Any]) -> str:
    """Return pydantic's sentence. It never quotes the input (pydantic keeps that apart), so no user's text comes back."""
    message: str = fault["msg"].removeprefix("Value error, ")
    return message[0].upper() + message[1:] + ("" if message.endswith(".") else ".")


async def _require_json(request: Request, call_next: Callable[[Request], Any]) -> Response:
    """Refuse a body that does not call itself JSON, and one that is not UTF-8."""
    if request.method in _BODY_METHODS or (request.method == "DELETE" and await request.body()):
        kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
        if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
            cure = Fault("header:Content-Type", "Send Content-Type: application/json.")
            return problem(UnsupportedMediaTypeError("The body must be JSON by its content type.", faults=(cure,)), request)
        try:
            (await request.body()).decode()
        except UnicodeDecodeError:
            return problem(MalformedRequestError("The body is not UTF-8."), request)
    answer: Response = await call_next(request)
    # What a dependency has to say beside the answer, whoever makes the answer: headers it left on the request.
    answer.headers.update(getattr(request.state, "answer_headers", {}))
    return answer


def refusals(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Document the problem documents that a route may answer: these, and those that every route shares."""
    return {
        int(status): {
            "description": status.phrase,
            "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({*_EVERYWHERE, *statuses})
    }


def json_answer(body: dict[str, Any], status: HTTPStatus, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an answer with a status decided by what happened."""
    return JSONResponse(body, status_code=status, headers=headers)
