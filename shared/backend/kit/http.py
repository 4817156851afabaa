"""From an API Gateway event to a use case and back: the app every HTTP function is made of."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from mangum import Mangum
from starlette.exceptions import HTTPException

from backend.kit import observability, problems
from backend.kit.bodies import JsonRoute
from backend.kit.deadline import REQUEST_SECONDS, deadline
from backend.kit.errors import (
    InternalError,
    MalformedRequestError,
    MemorySyncError,
    MethodNotAllowedError,
    RouteNotFoundError,
    UnauthorizedError,
    ValidationFailedError,
)
from backend.kit.faults import REFUSED, faults_of
from backend.kit.tasks import Handler, LambdaContext

SPARE_SECONDS = 1.5
_EVERYWHERE = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


def create_app(other_routes: Mapping[str, str] | None = None) -> FastAPI:
    """Return an empty app that answers every failure with a problem document.

    `other_routes` are paths that a pattern of this app fits and that are routes of their own, with the methods that they take:
    a gateway hands over their other methods, which are refused before anything else is looked at.
    """
    app = FastAPI(title="MemorySync", docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.add_exception_handler(MemorySyncError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_refused)
    app.add_exception_handler(Exception, _on_failure)
    app.router.route_class = JsonRoute
    app.state.other_routes = other_routes or {}
    app.middleware("http")(_around)
    return app


def serve(app: FastAPI) -> Handler:
    """Return the Lambda handler of the app."""
    # Mangum logs the path as sent, and the words of errors. What may be known of a request stands in our own line.
    observability.quiet("mangum", logging.CRITICAL + 1)
    asyncio.set_event_loop(_loop())
    mangum = Mangum(app, lifespan="off", text_mime_types=["text/", "application/json", problems.MEDIA_TYPE])

    def handler(event: dict[str, Any], context: LambdaContext) -> Any:  # noqa: ANN401 - Mangum's answer
        http = event["requestContext"]["http"]
        request_id = event["requestContext"].get("requestId") or context.aws_request_id
        seconds = min(REQUEST_SECONDS, context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS)
        with observability.recording("request", request_id), deadline(seconds):
            # The template's route, never the path as sent: a path may hold what somebody typed.
            observability.note(route=event.get("routeKey"), method=http["method"])
            # Mangum asks for the thread's event loop, and whoever else runs one in this thread takes it away.
            asyncio.set_event_loop(_loop())
            try:
                answer = mangum(event, context)  # type: ignore[arg-type]  # any object with Lambda's attributes will do
            except ValueError:
                # Mangum could not even read the event: a Host with two colons, a body that is no text.
                answer = _unreadable(http["path"])
            answer["statusCode"] = int(answer["statusCode"])
            observability.note(status=answer["statusCode"])
            return answer

    return handler


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _unreadable(path: str) -> dict[str, Any]:
    error = MalformedRequestError("The request could not be read.")
    body = problems.document(error, instance=quote(path, errors="replace"), request_id=observability.request_id())
    observability.note(error=body["code"])
    return {
        "statusCode": problems.status_of(type(error)),
        "headers": {"content-type": problems.MEDIA_TYPE},
        "body": json.dumps(body, ensure_ascii=True),
        "isBase64Encoded": False,
    }


def problem(error: MemorySyncError, request: Request) -> Response:
    """Return the answer for an error."""
    status = problems.status_of(type(error))
    body = problems.document(error, instance=quote(request.scope["path"]), request_id=observability.request_id())
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
        return _method_refused(request, (error.headers or {}).get("Allow", ""))
    if error.status_code == HTTPStatus.NOT_FOUND:
        return problem(RouteNotFoundError("No route has this path; /openapi.json lists them all."), request)
    return problem(MalformedRequestError("The request could not be read."), request)


def _method_refused(request: Request, allow: str) -> Response:
    return problem(MethodNotAllowedError(f"This path takes {allow}.", allow=allow), request)


async def _on_invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class only
    faults = faults_of(error.errors(), error.body)
    return problem(ValidationFailedError(REFUSED, faults=faults), request)


async def _around(request: Request, call_next: Callable[[Request], Any]) -> Response:
    """Answer what nothing inside answered, and add the headers that a dependency left on the request."""
    answer: Response
    allow = request.app.state.other_routes.get(request.scope["path"])
    if allow is not None:
        return _method_refused(request, allow)
    try:
        answer = await call_next(request)
    except Exception as error:  # noqa: BLE001 - logged and answered here; further out it would be logged with its words
        answer = await _on_failure(request, error)
    answer.headers.update(getattr(request.state, "answer_headers", {}))
    return answer


def refusals(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Document the problem documents that a route may answer: these, and those that every route shares."""
    return documented(*_EVERYWHERE, *statuses)


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Document the problem documents of just these statuses."""
    return {
        int(status): {
            "description": status.phrase,
            "content": {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted(set(statuses))
    }


def json_answer(body: dict[str, Any], status: HTTPStatus, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return an answer with a status decided by what happened."""
    return JSONResponse(body, status_code=status, headers=headers)
