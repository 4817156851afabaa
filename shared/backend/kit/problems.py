"""RFC 9457 problem documents, and the one table that gives an error its status."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from backend.kit import errors
from backend.kit.errors import MemorySyncError, slug_of

MEDIA_TYPE = "application/problem+json"
TYPE_BASE = "https://memorysync.io/problems/"

STATUS_OF: dict[type[MemorySyncError], HTTPStatus] = {
    errors.InvalidRequestError: HTTPStatus.BAD_REQUEST,
    errors.ValidationFailedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.IdempotencyKeyReusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    errors.ForbiddenError: HTTPStatus.FORBIDDEN,
    errors.NotFoundError: HTTPStatus.NOT_FOUND,
    errors.GoneError: HTTPStatus.GONE,
    errors.MethodNotAllowedError: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.UnsupportedMediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    errors.ConflictError: HTTPStatus.CONFLICT,
    errors.PreconditionFailedError: HTTPStatus.PRECONDITION_FAILED,
    errors.PayloadTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.DependencyUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NewerReleaseError: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.InternalError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


def status_of(error: type[MemorySyncError]) -> HTTPStatus:
    """Return the status of the closest ancestor that has one."""
    return next(STATUS_OF[kind] for kind in error.__mro__ if kind in STATUS_OF)


def document(error: MemorySyncError, *, instance: str, request_id: str) -> dict[str, Any]:
    """Return the problem document. What went wrong inside us is not told to the outside."""
    # What a part of the product adds to the tree for its own use is known outside by its ancestor there.
    known = (each for each in type(error).__mro__ if each.__module__ == errors.__name__)
    kind = next(each for each in known if issubclass(each, MemorySyncError))
    status = status_of(kind)
    if status is HTTPStatus.INTERNAL_SERVER_ERROR:
        error = errors.InternalError("Something failed on our side. The request id finds it in our logs.")
        kind = errors.InternalError
    slug = slug_of(kind)
    problem: dict[str, Any] = {
        "type": TYPE_BASE + slug,
        "title": kind.title,
        "status": int(status),
        "detail": error.detail,
        "instance": instance,
        "code": slug,
        "request_id": request_id,
    }
    if error.faults:
        problem["errors"] = [{"pointer": fault.pointer, "detail": fault.detail} for fault in error.faults]
    if error.retry_after is not None:
        problem["retry_after"] = error.retry_after
    return problem | {name: fact for name, fact in error.facts.items() if name not in problem}
