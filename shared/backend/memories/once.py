"""Work that is done once for each request, however often it is sent."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from backend.kit.clock import Clock
from backend.kit.errors import (
    DependencyUnavailableError,
    GoneError,
    InvalidRequestError,
    NotFoundError,
    PreconditionFailedError,
    ValidationFailedError,
)
from backend.kit.ids import Ids
from backend.memories.outcomes import Claim, Done, Request
from backend.memories.ports import RequestLog

_T = TypeVar("_T")

REFUSALS = (NotFoundError, GoneError, PreconditionFailedError, ValidationFailedError, InvalidRequestError)
"""What is raised before anything is written, never after it."""


class Once:
    """Remembers under a request's key what came of it."""

    def __init__(self, *, requests: RequestLog, clock: Clock, ids: Ids) -> None:
        self._requests = requests
        self._clock = clock
        self._ids = ids

    def done(
        self, tenant_id: str, request: Request | None, work: Callable[[Claim], tuple[_T, Done]], replay: Callable[[Done], _T]
    ) -> tuple[_T, bool]:
        """Do the work, which says what is to be remembered of it, or replay what is; tell which.

        Raises `IdempotencyKeyReusedError`, `RequestInFlightError`, and what the work raises: then nothing is remembered.
        """
        claim = self.claim(tenant_id, request)
        if isinstance(claim, Done):
            return replay(claim), True
        try:
            made, done = work(claim)
            self._requests.complete(claim, done, keep_forever=False, now=self._clock.now())
        except Exception as error:
            # What an earlier attempt under the claim did is not undone by this one's being refused.
            self.release(claim, did_nothing=isinstance(error, REFUSALS) and not claim.resumed)
            raise
        return made, False

    def claim(self, tenant_id: str, request: Request | None) -> Claim | Done:
        """Take the request, or return what came of it. Raises as `RequestLog.claim` does."""
        if request is None:
            return Claim(self._ids.new("clm"))
        return self._requests.claim(tenant_id, request, self._clock.now())

    def release(self, claim: Claim, *, did_nothing: bool = False) -> None:
        """Let the next attempt in: this one failed, or was refused before it did anything."""
        # The claim ends by itself; failing to end it early must not hide what went wrong.
        with suppress(DependencyUnavailableError):
            self._requests.release(claim, self._clock.now(), did_nothing=did_nothing)
