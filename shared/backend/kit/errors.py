"""The error tree. A leaf's name in kebab case, without `Error`, is its name on the wire and in state machines.

MemorySyncError
├── InvalidRequestError                what was sent cannot be meant
│   ├── MalformedRequestError          unreadable: not JSON, not UTF-8
│   ├── InvalidCursorError             a cursor that we did not issue for this list
│   ├── UnknownFilterError
│   ├── EndUserMissingError · EndUserMismatchError
│   └── ProjectRequiredError
├── ValidationFailedError              well formed, but a field's value is not allowed
│   └── ContentRefusedError            a guard found something that the tenant keeps out
├── IdempotencyKeyReusedError
├── UnauthorizedError                  nobody we know
├── ForbiddenError                     known, but not allowed
│   └── ScopeDeniedError
├── NotFoundError
│   ├── MemoryNotFoundError · ProjectNotFoundError · RouteNotFoundError · TenantNotFoundError
│   └── KeyNotFoundError · JobNotFoundError · StateNotFoundError · TurnNotFoundError
├── GoneError                          it was here once
├── MethodNotAllowedError
├── UnsupportedMediaTypeError
├── ConflictError                      true a moment ago, no longer
│   └── RequestInFlightError · JobAlreadyRunningError
├── PreconditionFailedError            If-Match named another revision
├── PayloadTooLargeError
│   └── MetadataTooLargeError
├── DependencyUnavailableError         try again later
│   ├── ThrottledError
│   ├── OutcomeUnknownError            a write that timed out: it may have happened
│   ├── EmbeddingUnavailableError · IndexUnavailableError · TableUnavailableError
│   ├── NotReadyError                  something behind the service does not answer
│   └── DeadlineExceededError
├── NewerReleaseError                  a newer release wrote it; this one must not touch it
└── InternalError                      our fault
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Fault:
    """One field that is wrong: `pointer` is an RFC 6901 JSON pointer, or `header:NAME`, `query:NAME`; `detail` names the cure."""

    pointer: str
    detail: str


class MemorySyncError(Exception):
    """Anything that went wrong, with what a caller needs to put it right.

    `detail` is a sentence for people and never holds a user's text. `faults` name the fields. `retry_after` is in seconds.
    `facts` become members of the problem document.
    """

    title: ClassVar[str] = "Something went wrong"

    def __init__(
        self,
        detail: str = "",
        *,
        faults: tuple[Fault, ...] = (),
        retry_after: int | None = None,
        **facts: str | int | list[str] | dict[str, str],
    ) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.faults = faults
        self.retry_after = retry_after
        self.facts = facts


class InvalidRequestError(MemorySyncError):
    """What was sent cannot be meant."""

    title = "Invalid request"


class MalformedRequestError(InvalidRequestError):
    """The request could not be read."""

    title = "Malformed request"


class InvalidCursorError(InvalidRequestError):
    """The cursor was not issued for this list."""

    title = "Invalid cursor"


class UnknownFilterError(InvalidRequestError):
    """A filter that does not exist; it is never dropped silently."""

    title = "Unknown filter"


class EndUserMissingError(InvalidRequestError):
    """The route needs an end user and none was named."""

    title = "End user missing"


class EndUserMismatchError(InvalidRequestError):
    """Header, body and token name different end users."""

    title = "End users differ"


class ProjectRequiredError(InvalidRequestError):
    """The tenant is strict about scope and no project was named."""

    title = "Project required"


class ValidationFailedError(MemorySyncError):
    """Well formed, but a value is not allowed."""

    title = "Validation failed"


class ContentRefusedError(ValidationFailedError):
    """A guard refuses the text; the fact `rule` names which."""

    title = "Content refused"


class IdempotencyKeyReusedError(MemorySyncError):
    """The same idempotency key came with another body."""

    title = "Idempotency key reused"


class UnauthorizedError(MemorySyncError):
    """The caller is nobody we know. Says nothing about why, so that nothing can be learned from it."""

    title = "Unauthorized"


class ForbiddenError(MemorySyncError):
    """The caller is known and not allowed."""

    title = "Forbidden"


class ScopeDeniedError(ForbiddenError):
    """The key or token lacks the scope that the route needs."""

    title = "Scope denied"


class NotFoundError(MemorySyncError):
    """Nothing that the caller may see has this id."""

    title = "Not found"


class MemoryNotFoundError(NotFoundError):
    """No live memory of the caller has this id."""

    title = "Memory not found"

    def __init__(self, memory_id: str) -> None:
        super().__init__("You have no memory with this id.", memory_id=memory_id)


class ProjectNotFoundError(NotFoundError):
    """The caller has no project with this id."""

    title = "Project not found"


class TenantNotFoundError(NotFoundError):
    """No tenant has this id."""

    title = "Tenant not found"


class KeyNotFoundError(NotFoundError):
    """No API key of the tenant has this public id."""

    title = "API key not found"


class JobNotFoundError(NotFoundError):
    """The caller has no job with this id."""

    title = "Job not found"

    def __init__(self, job_id: str) -> None:
        super().__init__("You have no job with this id.", job_id=job_id)


class StateNotFoundError(NotFoundError):
    """The caller keeps nothing under this key."""

    title = "Value not found"

    def __init__(self) -> None:
        super().__init__("You keep nothing under this key in this namespace.")


class TurnNotFoundError(NotFoundError):
    """The caller has no turn with this id, or it is no longer told of."""

    title = "Turn not found"

    def __init__(self, turn_id: str) -> None:
        super().__init__("You have no turn with this id, or it was more than thirty days ago.", turn_id=turn_id)


class RouteNotFoundError(NotFoundError):
    """No route has this path."""

    title = "Route not found"


class GoneError(MemorySyncError):
    """What was asked for existed, and was forgotten since."""

    title = "Gone"


class MethodNotAllowedError(MemorySyncError):
    """The path exists, with other methods."""

    title = "Method not allowed"


class UnsupportedMediaTypeError(MemorySyncError):
    """A body that is not JSON by its content type, or a file of a format that is not read."""

    title = "Unsupported media type"


class ConflictError(MemorySyncError):
    """What the caller wants to change is no longer as they saw it."""

    title = "Conflict"


class RequestInFlightError(ConflictError):
    """A request with the same idempotency key is being worked on."""

    title = "Request in flight"


class JobAlreadyRunningError(ConflictError):
    """A job of this kind for the same things is not finished yet."""

    title = "Job already running"

    def __init__(self, job_id: str) -> None:
        super().__init__("Such a job is at work already; ask for its state, and again when it has finished.", job_id=job_id)
        self.job_id = job_id


class PreconditionFailedError(MemorySyncError):
    """The object is not at the revision that the caller means."""

    title = "Precondition failed"


class PayloadTooLargeError(MemorySyncError):
    """A body or text over its limit."""

    title = "Payload too large"


class MetadataTooLargeError(PayloadTooLargeError):
    """Metadata over its limit."""

    title = "Metadata too large"


class DependencyUnavailableError(MemorySyncError):
    """Something we stand on does not answer; trying again later is right."""

    title = "Dependency unavailable"


class ThrottledError(DependencyUnavailableError):
    """The table refused the pace, also after retries."""

    title = "Throttled"


class OutcomeUnknownError(DependencyUnavailableError):
    """A write timed out: it may or may not have happened."""

    title = "Outcome unknown"


class TableUnavailableError(DependencyUnavailableError):
    """The table does not answer."""

    title = "Table unavailable"


class EmbeddingUnavailableError(DependencyUnavailableError):
    """The embedder does not answer, or not with what was asked."""

    title = "Embedding unavailable"


class IndexUnavailableError(DependencyUnavailableError):
    """The index does not answer."""

    title = "Index unavailable"


class NotReadyError(DependencyUnavailableError):
    """Something that the service stands on does not answer."""

    title = "Not ready"


class DeadlineExceededError(DependencyUnavailableError):
    """The request's time is used up."""

    title = "Deadline exceeded"


class NewerReleaseError(MemorySyncError):
    """A row was written by a release that this one cannot follow: reading it could get it wrong, writing it lose something.

    `scope_key` says whose row it is: nobody else may learn that it is there.
    """

    title = "Written by a newer release"

    def __init__(self, detail: str = "", *, scope_key: str = "") -> None:
        super().__init__(detail, retry_after=60)
        self.scope_key = scope_key


class InternalError(MemorySyncError):
    """Our fault; the request id finds the reason in the logs."""

    title = "Internal error"


def slug_of(error: type[MemorySyncError]) -> str:
    """Return the wire name: `MemoryNotFoundError` → `memory-not-found`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", error.__name__.removesuffix("Error")).lower()
