"""Plans of what goes wrong between the seam and the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

Answer = dict[str, Any]
Change = Callable[[Mapping[str, Any], Answer], Answer]
ADDRESS = "https://dynamodb.example"


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to one attempt: an error before it is sent, an error after it was done, or another answer."""

    before: Exception | None = None
    after: Exception | None = None
    change: Change | None = None


FINE = Step()


@dataclass(slots=True)
class PlannedFaults:
    """`Faults` by plan: each attempt takes the next step, and after the last everything is fine.

    `operation` limits the plan to one operation. `sent` holds (operation, arguments) of every attempt, as it was sent.
    """

    steps: list[Step] = field(default_factory=list)
    operation: str | None = None
    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    _now: Step = FINE

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        self.sent.append((operation, deepcopy(dict(arguments))))
        planned = self.operation in {None, operation} and self.steps
        self._now = self.steps.pop(0) if planned else FINE
        if self._now.before:
            raise self._now.before

    def after(self, operation: str, arguments: Mapping[str, Any], answer: Answer) -> Answer:  # noqa: ARG002 - the port's signature
        if self._now.after:
            raise self._now.after
        return self._now.change(arguments, answer) if self._now.change else answer

    @property
    def operations(self) -> list[str]:
        """The operations that were sent, in order."""
        return [operation for operation, _ in self.sent]


def plan(*steps: Step | Exception, operation: str | None = None) -> PlannedFaults:
    """Return a plan; an exception stands for one before the call is sent."""
    return PlannedFaults([each if isinstance(each, Step) else Step(before=each) for each in steps], operation)


def refused(code: str, status: int = 400, **more: object) -> ClientError:
    """Return the service's refusal with this code."""
    response: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(response, "an operation")


def cancelled(*codes: str) -> ClientError:
    """Return a transaction's cancellation with a reason for each write, "None" for one without fault."""
    return refused("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


def throttled() -> ClientError:
    """Return the refusal of an on-demand table that is asked too much."""
    return refused("ThrottlingException")


def no_answer() -> ReadTimeoutError:
    """Return a time-out after the call was sent: it may have happened."""
    return ReadTimeoutError(endpoint_url=ADDRESS)


def no_connection() -> EndpointConnectionError:
    """Return a connection that was never made."""
    return EndpointConnectionError(endpoint_url=ADDRESS)


def slow_connection() -> ConnectTimeoutError:
    """Return a connection that was not made in time."""
    return ConnectTimeoutError(endpoint_url=ADDRESS)
