"""The deployed local stack, spoken to over HTTP; nobody sees inside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from backend.memories.markers import pending_pk
from infrastructure.local.stack import Stack
from tests.isolation.document import Call
from tests.isolation.owners import Row
from tests.isolation.world import Answer
from tests.support.files import bytes_beside
from tests.support.waiting import until

PATIENCE_SECONDS = 120.0


@dataclass
class OverHttp:
    """`Door` to a deployed stack."""

    stack: Stack
    client: httpx.Client

    def send(self, call: Call) -> Answer:
        """Send the request."""
        headers = [(name.encode(), value.encode("latin-1")) for name, value in call.headers]
        path = f"{call.path}?{call.query_string}" if call.query else call.path
        if call.operation.is_form:
            content, kind = call.form
            headers.append((b"content-type", kind.encode()))
            answer = self.client.request(call.operation.method, path, headers=headers, content=content)
        else:
            body = {"json": call.body} if call.body is not None else {}
            answer = self.client.request(call.operation.method, path, headers=headers, **body)
        return Answer(answer.status_code, dict(answer.headers), answer.content)

    def operate(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Call the operators' function."""
        answer: dict[str, Any] = self.stack.invoke("Administer", dict(command))
        return answer

    def settle(self, rows: Sequence[Row]) -> None:
        """Wait until no change of these rows waits for the index."""
        waiting = {(pending_pk(row.owner.scope_key, row.memory_id), row.memory_id) for row in rows}
        table, dynamodb = self.stack.outputs()["MemoriesTableName"], self.stack.client("dynamodb")

        def settled() -> bool:
            for pk, sk in [*waiting]:
                key = {"pk": {"S": pk}, "sk": {"S": sk}}
                if "Item" in dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True):
                    return False
                waiting.discard((pk, sk))
            return True

        until(settled, PATIENCE_SECONDS)

    def trace(self) -> None:
        """See the port."""

    def items(self, table: str) -> Iterator[dict[str, Any]]:
        """Yield all items of a table, as DynamoDB writes them."""
        pages = self.stack.client("dynamodb").get_paginator("scan").paginate(TableName=self.stack.outputs()[f"{table}Name"])
        for page in pages:
            yield from page["Items"]

    def logs(self) -> Iterator[tuple[str, str]]:
        """Yield everything that the stack logged: files, and what CloudWatch took, each with its name."""
        for path in sorted(self.stack.directory.glob("*.log")):
            yield path.name, path.read_text(errors="replace")
        logs = self.stack.client("logs")
        for group in logs.describe_log_groups()["logGroups"]:
            events = logs.filter_log_events(logGroupName=group["logGroupName"])["events"]
            yield group["logGroupName"], "\n".join(event["message"] for event in events)

    def metrics(self) -> list[dict[str, Any]]:
        """Return the names and dimensions of all metrics."""
        found: list[dict[str, Any]] = self.stack.client("cloudwatch").list_metrics()["Metrics"]
        return found

    def index_bytes(self) -> bytes:
        """Return what the files of the index hold."""
        return bytes_beside(self.stack.directory / "index.db")
