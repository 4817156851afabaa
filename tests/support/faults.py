"""Plans of what goes wrong between the seam and the tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from backend.kit.errors import DependencyUnavailableError

Answer = dict[str, Any]
_T = TypeVar("_T")
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


class DiedError(BaseException):
    """The process is gone. Nothing of ours may catch it."""


class Fault(Enum):
    """What happens to one call that leaves the process."""

    NONE = "it is answered"
    THROTTLED = "it is refused for its pace"
    CONFLICT = "another transaction holds the row"
    UNREACHED = "it is never sent"
    LOST = "it never arrives, and nobody answers"
    UNANSWERED = "it is done, and nobody answers"
    LEFT_OVER = "half of a batch is not taken"
    DIED_BEFORE = "the process dies before it is sent"
    DIED_AFTER = "the process dies after it is done"


@dataclass(slots=True)
class Gate:
    """What every call of a process passes: those of the table as the seam's `Faults`, all others through `call`.

    `plan` gives the faults of the calls to come by their number, from 0; `lasting` that of every call without one. `calls`
    are the names of those that came. `leave_over` tells the table to take the next batch only in part. `meanwhile` is what
    others do just before the call of a number: their own calls are not counted.
    """

    leave_over: Callable[[], None]
    meanwhile: dict[int, Callable[[], object]] = field(default_factory=dict)
    plan: Mapping[int, Fault] = field(default_factory=dict)
    lasting: Fault = Fault.NONE
    calls: list[str] = field(default_factory=list)
    struck: int = 0
    _now: Fault = Fault.NONE

    def expect(self, plan: Mapping[int, Fault], lasting: Fault = Fault.NONE) -> None:
        """Count calls from 0 again, under this plan."""
        self.plan, self.lasting, self.calls, self.struck = plan, lasting, [], 0

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """See the seam's `Faults`."""
        self._now = fault = self._next(operation)
        if fault is Fault.THROTTLED:
            raise throttled()
        if fault is Fault.CONFLICT:
            raise _conflict(operation, arguments)
        if fault is Fault.UNREACHED:
            raise no_connection()
        if fault is Fault.LOST:
            raise no_answer()
        if fault is Fault.LEFT_OVER and operation.startswith("Batch"):
            self.leave_over()

    def after(self, operation: str, arguments: Mapping[str, Any], answer: Answer) -> Answer:
        """See the seam's `Faults`."""
        del operation, arguments
        if self._now is Fault.UNANSWERED:
            raise no_answer()
        self._live_on()
        return answer

    def call(self, name: str, work: Callable[[], _T], failure: type[DependencyUnavailableError]) -> _T:
        """Do a call that is not the table's; `failure` is how it says that it was not done, or not answered."""
        self._now = fault = self._next(name)
        if fault in {Fault.THROTTLED, Fault.CONFLICT, Fault.UNREACHED, Fault.LOST}:
            raise failure(fault.value)
        answer = work()
        if fault is Fault.UNANSWERED:
            raise failure(fault.value)
        self._live_on()
        return answer

    def _next(self, name: str) -> Fault:
        others = self.meanwhile.pop(len(self.calls), None)
        if others:
            mine = self.plan, self.lasting, self.calls, self.struck
            self.expect({})
            others()
            self.plan, self.lasting, self.calls, self.struck = mine
        fault = self.plan.get(len(self.calls), self.lasting)
        self.calls.append(name)
        self.struck += fault is not Fault.NONE
        if fault is Fault.DIED_BEFORE:
            raise DiedError
        return fault

    def _live_on(self) -> None:
        if self._now is Fault.DIED_AFTER:
            raise DiedError


def _conflict(operation: str, arguments: Mapping[str, Any]) -> ClientError:
    """Return what the service answers while another transaction holds the row; plain reads it lets through, and throttles."""
    if operation == "TransactWriteItems":
        return cancelled("TransactionConflict", *["None"] * (len(arguments["TransactItems"]) - 1))
    single = operation in {"PutItem", "UpdateItem", "DeleteItem"}
    return refused("TransactionConflictException") if single else throttled()
