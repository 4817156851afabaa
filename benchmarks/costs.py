"""What a million of an operation costs on AWS, from the units that it consumes and the milliseconds that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MEMORY_MB = 1024
MILLION = 1_000_000
MESSAGES_A_CALL = 10
LOG_BYTES = 1000
"""About what a request's one log line has."""


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars, list prices of us-east-1 as published in November 2024. Prices change: look them up before relying on this.

    Sources: aws.amazon.com/dynamodb/pricing/on-demand, /lambda/pricing (arm64), /api-gateway/pricing (HTTP API),
    /cloudwatch/pricing (ingested logs), /sqs/pricing (standard queues).
    """

    million_reads: float = 0.125
    million_writes: float = 0.625
    million_invocations: float = 0.20
    gigabyte_second: float = 0.0000133334
    million_http_requests: float = 1.00
    gigabyte_of_logs: float = 0.50
    million_messages: float = 0.40


@dataclass(frozen=True, slots=True)
class Counted:
    """How what a query returned is counted: `row` is for one query, `milliseconds` for the batch of all that come together."""

    row: Mapping[str, Any]
    queries: int
    milliseconds: float

    @property
    def name(self) -> str:
        """Say in what company."""
        return "alone" if self.queries == 1 else f"{self.queries} together"

    @property
    def messages(self) -> float:
        """Requests of SQS for a query: one sends it; one receives and one deletes up to ten."""
        return 1 + 2 / min(self.queries, MESSAGES_A_CALL)


def cost(
    row: Mapping[str, Any], milliseconds: float, prices: Prices, invocations: int = 1, counting: Counted | None = None
) -> dict[str, Any]:
    """Return what a million of an operation costs, in US dollars; `milliseconds` of a function of 1 GB for each."""
    table = _table_cost(row, prices) + (_table_cost(counting.row, prices) if counting else 0.0)
    milliseconds += counting.milliseconds / counting.queries if counting else 0.0
    calls = invocations + (1 / counting.queries if counting else 0.0)
    compute = MILLION * milliseconds / 1000 * MEMORY_MB / 1024 * prices.gigabyte_second + calls * prices.million_invocations
    edge = prices.million_http_requests + calls * LOG_BYTES * MILLION / 1e9 * prices.gigabyte_of_logs
    messages = counting.messages * prices.million_messages if counting else 0.0
    return {
        "what": f"a million: {row['what']}" + (f", counting included ({counting.name})" if counting else ""),
        "ms x GB": milliseconds * MEMORY_MB / 1024,
        "DynamoDB $": table,
        "Lambda $": compute,
        "HTTP API and logs $": edge,
        "SQS $": messages,
        "together $": table + compute + edge + messages,
    }


def _table_cost(row: Mapping[str, Any], prices: Prices) -> float:
    return float(row["read units"] * prices.million_reads + row["write units"] * prices.million_writes)
