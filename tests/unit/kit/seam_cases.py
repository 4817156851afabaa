"""A table behind a seam with planned faults, and one call of each kind."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ConnectionClosedError, HTTPClientError, SSLError

from backend.kit.clock import FakeClock
from backend.kit.deadline import deadline
from backend.kit.dynamodb import Put, Table, attribute, set_to, transact
from tests.support.faults import ADDRESS, PlannedFaults, no_answer, refused
from tests.support.tables import fresh_token, template_table

IS_NEW = attribute("pk").does_not_exist()
ITEM = {"pk": "p", "sk": "s", "n": 1}


def table(clock: FakeClock, faults: PlannedFaults) -> Table:
    return template_table("MemoriesTable", clock, faults)


def stored() -> dict[str, Any] | None:
    """Return what is really there."""
    return template_table("MemoriesTable").get("p", "s")


def timed(clock: FakeClock, seconds: float) -> Any:
    """Return a deadline on the fake clock."""
    return deadline(seconds, lambda: clock.now().timestamp())


READS: dict[str, Any] = {
    "GetItem": lambda target: target.get("p", "s"),
    "BatchGetItem": lambda target: target.get_many([("p", "s")]),
    "Query": lambda target: target.query("p"),
}
ONCE_ONLY: dict[str, Any] = {
    "PutItem": lambda target: target.put(ITEM, IS_NEW),
    "DeleteItem": lambda target: target.delete("p", "s", condition=attribute("pk").does_not_exist()),
    "UpdateItem": lambda target: target.update("p", "s", actions=[set_to("n", 1)], condition=IS_NEW),
    "UpdateItem without condition": lambda target: target.update("p", "s", actions=[attribute("n").add(1)]),
}
HARMLESS_TWICE: dict[str, Any] = {
    "PutItem": lambda target: target.put(ITEM),
    "DeleteItem": lambda target: target.delete("p", "s"),
    "BatchWriteItem": lambda target: target.put_many([ITEM]),
    "BatchExecuteStatement": lambda target: target.delete_many_if("n", {("p", "s"): 1}),
    "TransactWriteItems": lambda target: transact(target.seam, [Put(target, ITEM)], fresh_token()),
}
SILENCES = [
    no_answer,
    lambda: ConnectionClosedError(endpoint_url=ADDRESS),
    lambda: HTTPClientError(error="broken"),
    lambda: SSLError(endpoint_url=ADDRESS, error=OSError("broken")),
    lambda: refused("InternalServerError", 500),
    lambda: refused("ServiceUnavailable", 503),
    lambda: refused("SomethingNew", 502),
]
