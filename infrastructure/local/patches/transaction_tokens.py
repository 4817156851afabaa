"""Gap: a transaction sent again under its token is refused as another one, when it puts a number such as `1.0`.

The emulator remembers the request itself to compare the next one with, and writes numbers in their shortest form into that
very request. So a client that was cut off and asks again gets `IdempotentParameterMismatchException` where DynamoDB
answers as the first time.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from ministack.services import dynamodb

from infrastructure.local.patches.item_copies import copied
from infrastructure.local.patches.patcher import Patcher

_as_sent: ContextVar[dict[str, Any] | None] = ContextVar("transaction_as_sent", default=None)


def apply(patcher: Patcher) -> None:
    """Remember each transaction as it was sent."""
    stock_write, stock_store = dynamodb._transact_write_items, dynamodb._txn_token_store

    def write(data: dict[str, Any]) -> Any:  # noqa: ANN401 - the emulator's own answer
        before = _as_sent.set(copied({name: value for name, value in data.items() if name != "ClientRequestToken"}))
        try:
            return stock_write(data)
        finally:
            _as_sent.reset(before)

    def store(token: str, entry: dict[str, Any]) -> None:
        as_sent = _as_sent.get()
        stock_store(token, {**entry, "signature": as_sent} if as_sent is not None else entry)

    patcher.attribute(dynamodb, "_transact_write_items", write)
    patcher.attribute(dynamodb, "_txn_token_store", store)
