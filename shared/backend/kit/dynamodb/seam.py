"""The seam that every DynamoDB call passes: bounded, counted, held to the service's limits, open to planned faults."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ProxyConnectionError,
    SSLError,
)
from botocore.session import Session
from pynamodb.connection import Connection

from backend.kit import deadline, observability
from backend.kit.clock import Clock
from backend.kit.dynamodb import limits, wire
from backend.kit.dynamodb.values import from_item
from backend.kit.errors import (
    ConflictError,
    DependencyUnavailableError,
    InternalError,
    OutcomeUnknownError,
    TableUnavailableError,
    ThrottledError,
)

CONNECT_SECONDS = 1.0
READ_SECONDS = 4.0
MAX_ATTEMPTS = 7
FIRST_WAIT_SECONDS = 0.025
LONGEST_WAIT_SECONDS = 1.0

THROTTLES = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
SERVER_FAULTS = frozenset({"InternalServerError", "ServiceUnavailable", "InternalFailure", "500", "502", "503"})
UNREACHED = (EndpointConnectionError, ConnectTimeoutError, ProxyConnectionError)
UNANSWERED = (HTTPClientError, IncompleteReadError, SSLError)
READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "DescribeTable"})
BUSY = THROTTLES | SERVER_FAULTS
BATCHES = {"BatchGetItem": ("RequestItems", "UnprocessedKeys"), "BatchWriteItem": ("RequestItems", "UnprocessedItems")}


class ConditionFailedError(ConflictError):
    """The write's condition did not hold. `item` is what was there, when it was asked for."""

    title = "Condition failed"

    def __init__(self, item: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.item = item


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one write of a cancelled transaction was refused: the service's code, and what was there when it was asked for."""

    code: str
    item: dict[str, Any] | None

    @property
    def condition_failed(self) -> bool:
        """Tell whether it was this write's own condition."""
        return self.code == "ConditionalCheckFailed"


class TransactionCanceledError(ConflictError):
    """A transaction was refused whole. `reasons` stand in the order of its writes, None for those without fault."""

    title = "Transaction canceled"

    def __init__(self, reasons: Sequence[Reason | None]) -> None:
        super().__init__()
        self.reasons = tuple(reasons)


class Faults(Protocol):
    """A plan of things that go wrong, for tests: each method may raise what botocore would, or answer with something else."""

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Act before the call is sent."""

    def after(self, operation: str, arguments: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        """Act after the service did it; return the answer that is to be seen."""


class Seam(Connection):
    """A pynamodb connection whose every call passes the checks and the retries of this file."""

    def __init__(self, clock: Clock, region: str, endpoint: str | None = None, faults: Faults | None = None) -> None:
        super().__init__(
            region=region,
            host=endpoint,
            connect_timeout_seconds=CONNECT_SECONDS,
            read_timeout_seconds=READ_SECONDS,
            max_retry_attempts=0,
            max_pool_connections=30,
        )
        self._clock = clock
        self._faults = faults
        # At their lowest level all three write whole calls, users' text and all, into the log.
        for library in ("pynamodb", "botocore", "urllib3"):
            observability.quiet(library)

    @property
    def session(self) -> Session:
        """The session of this thread, whose clients read items at once."""
        session: Session = super().session
        wire.speed_up(session)
        return session

    @property
    def client(self) -> Any:  # noqa: ANN401 - as the parent's
        """The client of all threads, which writes items at once."""
        before, client = self._client, super().client
        if client is not before:
            wire.write_at_once(client)
        return client

    def _make_api_call(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Send one call: check it, retry what is retryable inside the deadline, and raise in our own words.

        Once an attempt may have happened unseen, every later failure to get through is `OutcomeUnknownError` too.

        Raises `ConditionFailedError`, `TransactionCanceledError`, `ThrottledError`, `OutcomeUnknownError`,
        `TableUnavailableError`, `DeadlineExceededError`, `InternalError`.
        """
        limits.check(operation_name, operation_kwargs)
        if operation_name in BATCHES:
            return self._batch(operation_name, operation_kwargs)
        if operation_name == "BatchExecuteStatement":
            return self._statements(operation_name, operation_kwargs)
        return self._retried(operation_name, operation_kwargs)

    def _retried(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        doubt: OutcomeUnknownError | None = None
        for attempt in range(MAX_ATTEMPTS):
            if doubt is not None and deadline.remaining() <= 0:
                raise doubt
            deadline.check()
            try:
                return self._sent(operation, arguments)
            except (ClientError, BotoCoreError) as error:
                meaning = _meaning(operation, arguments, error)
                if isinstance(meaning.error, OutcomeUnknownError):
                    doubt = meaning.error
                if meaning.final or attempt == MAX_ATTEMPTS - 1 or deadline.remaining() < meaning.needs_seconds:
                    raise _truest(meaning.error, doubt) from error
            self._wait(attempt)
        raise InternalError  # pragma: no cover - the last attempt returns or raises

    def _batch(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Send what the service left over again, to a bound, and answer as if it had been one call."""
        asked_name, left_name = BATCHES[operation]
        merged: dict[str, list[Any]] = {}
        answer: dict[str, Any] = {}
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                self._wait(attempt - 1)
            answer = self._retried(operation, arguments)
            for table, items in answer.get("Responses", {}).items():
                merged.setdefault(table, []).extend(items)
            left = answer.get(left_name)
            if not left:
                return {**answer, "Responses": merged, left_name: {}}
            observability.count("dynamodb_leftovers")
            arguments = {**arguments, asked_name: left}
        raise _left_over()

    def _statements(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Send the statements that met a busy table again, to a bound. One whose condition does not hold is done."""
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                self._wait(attempt - 1)
            answer = self._retried(operation, arguments)
            codes = [response.get("Error", {}).get("Code") for response in answer["Responses"]]
            refused = {code for code in codes if code} - BUSY - {"ConditionalCheckFailed"}
            if refused:
                msg = f"a statement was refused: {', '.join(sorted(refused))}"
                raise InternalError(msg)
            left = [statement for statement, code in zip(arguments["Statements"], codes, strict=True) if code in BUSY]
            if not left:
                return answer
            observability.count("dynamodb_leftovers")
            arguments = {**arguments, "Statements": left}
        raise _left_over()

    def _sent(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        observability.count("dynamodb_calls")
        if self._faults:
            self._faults.before(operation, arguments)
        # The client's own method and not the parent's: the parent turns errors into pynamodb's before we can read them.
        answer: dict[str, Any] = self.client._make_api_call(operation, arguments)  # noqa: SLF001 - as pynamodb does itself
        if self._faults:
            answer = self._faults.after(operation, arguments, answer)
        consumed = answer.get("ConsumedCapacity") or []
        for each in consumed if isinstance(consumed, list) else [consumed]:
            observability.count("dynamodb_units", each.get("CapacityUnits", 0))
        return answer

    def _wait(self, attempt: int) -> None:
        """Wait with full jitter (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015)."""
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2**attempt, deadline.remaining())
        self._clock.sleep(random.uniform(0, longest))  # noqa: S311 - jitter is no secret


@dataclass(frozen=True, slots=True)
class _Meaning:
    error: Exception
    final: bool
    # How much time must be left for another attempt to make sense.
    needs_seconds: float = 0.0


def _meaning(  # noqa: PLR0911 - one answer a kind of error is the whole point
    operation: str, arguments: Mapping[str, Any], error: ClientError | BotoCoreError
) -> _Meaning:
    """Say in our own words what the vendor's error means, and whether sending the call again can help."""
    if isinstance(error, UNREACHED):
        return _Meaning(TableUnavailableError("The table cannot be reached.", retry_after=2), final=False)
    if isinstance(error, UNANSWERED):
        return _unanswered(operation, arguments)
    if isinstance(error, BotoCoreError):
        # No credentials, no region, ...: nothing was sent, and nothing will be until somebody mends it.
        return _Meaning(InternalError(f"{operation} could not be sent: {type(error).__name__}"), final=True)
    code = str(error.response.get("Error", {}).get("Code", ""))
    if code == "ConditionalCheckFailedException":
        found: Any = error.response.get("Item")
        return _Meaning(ConditionFailedError(from_item(found) if found else None), final=True)
    if code == "TransactionCanceledException":
        return _cancelled(error)
    if code in THROTTLES:
        return _Meaning(ThrottledError("The table is refusing the pace; try again.", retry_after=1), final=False)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    if code in SERVER_FAULTS or status >= 500:  # noqa: PLR2004 - HTTP: 500 and above are the server's faults
        return _unanswered(operation, arguments)
    return _Meaning(InternalError(f"{operation} was refused: {code}"), final=True)


def _unanswered(operation: str, arguments: Mapping[str, Any]) -> _Meaning:
    """Judge a call without an answer: it may have happened, so only what is the same done twice is sent again."""
    repeatable = (
        operation in READS
        # Of statements only conditional deletes are sent: twice is as once.
        or operation in {"BatchWriteItem", "BatchExecuteStatement"}
        or (operation == "TransactWriteItems" and "ClientRequestToken" in arguments)
        or (operation in {"PutItem", "DeleteItem"} and "ConditionExpression" not in arguments)
    )
    failure: DependencyUnavailableError
    if operation in READS:
        failure = TableUnavailableError("The table does not answer.", retry_after=2)
    else:
        failure = OutcomeUnknownError("The table did not say whether it took the write; try again.", retry_after=2)
    return _Meaning(failure, final=not repeatable, needs_seconds=READ_SECONDS)


def _left_over() -> ThrottledError:
    return ThrottledError("The table did not take everything that was sent to it.", retry_after=1)


def _truest(failure: Exception, doubt: OutcomeUnknownError | None) -> Exception:
    """Return what is true of all attempts together: a refusal of the last says nothing about one that went unanswered."""
    return doubt if doubt is not None and isinstance(failure, DependencyUnavailableError) else failure


def _cancelled(error: ClientError) -> _Meaning:
    reasons = [
        None
        if reason.get("Code", "None") == "None"
        else Reason(reason["Code"], from_item(reason["Item"]) if reason.get("Item") else None)
        for reason in error.response.get("CancellationReasons", [])
    ]
    if any(reason and reason.condition_failed for reason in reasons):
        return _Meaning(TransactionCanceledError(reasons), final=True)
    if reasons and all(reason is None or reason.code in THROTTLES for reason in reasons):
        return _Meaning(ThrottledError("The table is busy with the same rows; try again.", retry_after=1), final=False)
    codes = sorted({reason.code for reason in reasons if reason})
    return _Meaning(InternalError(f"a transaction was refused: {', '.join(codes)}"), final=True)
