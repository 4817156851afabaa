"""Functions that no one calls over HTTP: stream batches, schedules, operators. Never imports FastAPI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from backend.kit import observability
from backend.kit.deadline import deadline
from backend.kit.errors import InternalError, MemorySyncError

SPARE_SECONDS = 2.0


class LambdaContext(Protocol):
    """What Lambda tells a function of its call."""

    aws_request_id: str
    function_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the call may still take."""


Handler = Callable[[Any, LambdaContext], Any]


def task(work: Callable[[Any], Any]) -> Handler:
    """Turn a function of the event into a Lambda handler with a deadline and one log line.

    The handler raises our own errors as they are and `InternalError` in the place of every other.
    """

    def handler(event: Any, context: LambdaContext) -> Any:  # noqa: ANN401 - each event source has its own shape
        seconds = max(1.0, context.get_remaining_time_in_millis() / 1000 - SPARE_SECONDS)
        with observability.recording(work.__module__, context.aws_request_id), deadline(seconds):
            try:
                return work(event)
            except MemorySyncError as error:
                observability.log_failure("task failed", error)
                raise
            except Exception as error:  # noqa: BLE001 - logged, and raised again in words that are ours
                observability.log_failure("task failed", error)
                # Lambda writes the words of what it is given into the log, and these may quote a user's text.
                msg = f"The task failed: {type(error).__name__}."
                raise InternalError(msg) from None

    handler.__doc__ = work.__doc__
    return handler
