"""Gap: a transaction sent again under its token is refused as another one, when it puts a number such as `1.0`.

The emulator remembers the request itself to compare the next one with, and writes numbers in their shortest form into that
very request. So a client that was cut off and asks again gets `IdempotentParameterMismatchException` where DynamoDB
answers as the first time.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

import marshal
from contextvars import ContextVar
from typing import Any

from ministack.services import dynamodb

from infrastructure.local.patches.patcher import Patcher

_request: ContextVar[dict[str, Any] | None] = ContextVar("transaction_request", default=None)
_as_sent: ContextVar[AsSent | None] = ContextVar("transaction_as_sent", default=None)


class AsSent:
    """A transaction as it was sent, equal to one that says the same.

    Held as bytes: it is made for each transaction, and read only for one that comes again.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        self._bytes = marshal.dumps({name: value for name, value in data.items() if name != "ClientRequestToken"})

    __hash__ = None  # type: ignore[assignment]  # it stands for a dictionary

    def __eq__(self, other: object) -> bool:
        """Return whether a dictionary says the same."""
        return bool(marshal.loads(self._bytes) == other)  # noqa: S302 - what this process itself has written


def apply(patcher: Patcher) -> None:
    """Remember each transaction as it was sent."""
    stock_write, stock_lookup, stock_store = dynamodb._transact_write_items, dynamodb._txn_token_lookup, dynamodb._txn_token_store

    def write(data: dict[str, Any]) -> Any:  # noqa: ANN401 - the emulator's own answer
        before = _request.set(data), _as_sent.set(None)
        try:
            return stock_write(data)
        finally:
            _request.reset(before[0])
            _as_sent.reset(before[1])

    def lookup(token: str) -> Any:  # noqa: ANN401 - the emulator's own entry
        # Asked when the request has been read, and before the first number in it changes.
        prior, request = stock_lookup(token), _request.get()
        if prior is None and request is not None:
            _as_sent.set(AsSent(request))
        return prior

    def store(token: str, entry: dict[str, Any]) -> None:
        as_sent = _as_sent.get()
        stock_store(token, {**entry, "signature": as_sent} if as_sent is not None else entry)

    patcher.attribute(dynamodb, "_transact_write_items", write)
    patcher.attribute(dynamodb, "_txn_token_lookup", lookup)
    patcher.attribute(dynamodb, "_txn_token_store", store)
