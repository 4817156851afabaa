"""What an add and a query consume and cost on AWS: `python -m benchmarks.capacity`.

The use cases run over DynamoDB's stand-in in this process (moto) with the template's tables. Moto's own figures of consumed
capacity are not the service's, so each call is counted where it passes the seam, from the sizes of its items, by the rules of the
Developer Guide, "DynamoDB on-demand capacity mode" and "Item sizes and formats": a strongly consistent read costs 1 for each
4 KB, a write 1 for each 1 KB, in a transaction twice that; each entry written to a global index (keys only, below 1 KB) costs 1.

Not counted: the reads that authenticate (three for each caller, process and five seconds), the schedules (some 20 reads a
minute for the whole installation), storage, backups, transfer out of AWS, the search domain, Bedrock.

What a query sets going after its answer, counting what it returned, has rows of its own, for each query: counted alone, and in a
batch of a hundred. The memories were returned so often before that their tallies are as large as they get, which is the dearest.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from moto import mock_aws

from backend.embedding.fake import FakeEmbedder
from backend.encryption.fake import FakeSeals
from backend.extraction.fake import WholeTexts
from backend.index.embedded import EmbeddedIndex
from backend.index.in_memory import InMemoryIndex
from backend.index.model import IndexFilter
from backend.kit.clock import SystemClock
from backend.kit.config import aws_endpoint
from backend.kit.dynamodb import Seam, Table
from backend.kit.dynamodb.limits import item_bytes
from backend.kit.dynamodb.values import to_item
from backend.kit.ids import UlidIds
from backend.memories.fake import FakeParking, FakePolicies
from backend.memories.model import (
    Said,
)
from backend.memories.outcomes import (
    Request,
)
from backend.memories.ports import Extractor
from backend.memories.projection import Projection
from backend.memories.requests import DynamoRequestLog
from backend.memories.service import MemoryService
from backend.memories.store import DynamoMemoryStore
from backend.retrieval.model import Question
from backend.retrieval.service import RetrievalService
from backend.tenancy.fake import FakeSecrets
from backend.tenancy.pepper import TenantMacs
from backend.tenancy.scope import Environment, user_scope
from backend.usage.counting import Counting
from backend.usage.messages import message_of
from backend.usage.model import MARK_BYTES, REMEMBERED, Access, Tally, Usage
from backend.usage.store import DynamoUsageStore
from benchmarks import texts
from benchmarks.costs import MEMORY_MB, Counted, Prices, cost
from benchmarks.handlers import CREDENTIALS
from benchmarks.plot import Bar
from benchmarks.report import FOLDER, Report, Row, add_output, finish
from infrastructure.engines.statements import teach_moto
from infrastructure.local.patches.patcher import Patcher
from infrastructure.template import load

REGION = "us-east-1"
TABLES = ("MemoriesTable", "IdempotencyTable", "UsageTable")
READS = frozenset({"GetItem", "Query", "BatchGetItem"})
READ_BYTES, WRITE_BYTES = 4096, 1024
DIMENSION = 384
OPERATIONS = 20
TOGETHER = 100


class Meter:
    """Counts read and write units of every call that passes the seam."""

    def __init__(self) -> None:
        self.reads = 0.0
        self.writes = 0.0
        self.calls: Counter[str] = Counter()
        self._sizes: dict[str, int] = {}
        self._indexed: dict[str, int] = {}

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Count nothing: what is read is known afterwards."""

    def after(self, operation: str, arguments: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        """Count the call and hand on its answer."""
        self.calls[operation] += 1
        if operation in READS:
            self._count_read(operation, arguments, answer)
        else:
            self._count_write(operation, arguments, answer)
        return answer

    def _count_read(self, operation: str, arguments: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        consistent = arguments.get("ConsistentRead", False)
        if operation == "GetItem":
            self._read([answer["Item"]] if "Item" in answer else [], consistent)
        elif operation == "Query":
            self._read_together(answer.get("Items", []), consistent)
        else:
            for table, asked in arguments["RequestItems"].items():
                found = answer["Responses"].get(table, [])
                self._read(found, asked.get("ConsistentRead", False), missing=len(asked["Keys"]) - len(found))

    def _count_write(self, operation: str, arguments: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        match operation:
            case "PutItem":
                self._put(arguments["Item"], times=1)
            case "BatchWriteItem":
                for write in (each for writes in arguments["RequestItems"].values() for each in writes):
                    self._put(write["PutRequest"]["Item"], times=1)
            case "TransactWriteItems":
                for write in arguments["TransactItems"]:
                    self._put(write["Put"]["Item"], times=2)
            case "UpdateItem":
                self._put(to_item(answer["Attributes"]), times=1)
            case "DeleteItem":
                self._delete(arguments["Key"])
            case "BatchExecuteStatement":
                for each in arguments["Statements"]:
                    self._delete(dict(zip(("pk", "sk"), each["Parameters"], strict=False)))
            case _:
                message = f"no rule for {operation}"
                raise ValueError(message)

    def reset(self) -> None:
        """Begin to count anew; what is stored stays known."""
        self.reads = self.writes = 0.0
        self.calls.clear()

    def _read(self, found: Sequence[Mapping[str, Any]], consistent: bool, missing: int = 0) -> None:  # noqa: FBT001 - the call's own word
        units = sum(math.ceil(item_bytes(to_item(item)) / READ_BYTES) for item in found) + (missing or not found)
        self.reads += units if consistent else units / 2

    def _read_together(self, found: Sequence[Mapping[str, Any]], consistent: bool) -> None:  # noqa: FBT001 - as above
        units = max(1, math.ceil(sum(item_bytes(to_item(item)) for item in found) / READ_BYTES))
        self.reads += units if consistent else units / 2

    def _put(self, item: Mapping[str, Any], times: int) -> None:
        key, size = _key(item), item_bytes(item)
        # A write counts the larger of the item before and after it. An index is written beside, without the transaction.
        self.writes += times * math.ceil(max(size, self._sizes.get(key, 0)) / WRITE_BYTES)
        entries = sum(f"{index}_pk" in item for index in ("list", "due", "link"))
        self.writes += max(entries, self._indexed.get(key, 0))
        self._sizes[key], self._indexed[key] = size, entries

    def _delete(self, key: Mapping[str, Any]) -> None:
        self.writes += max(1, math.ceil(self._sizes.pop(_key(key), 0) / WRITE_BYTES)) + self._indexed.pop(_key(key), 0)


def _key(item: Mapping[str, Any]) -> str:
    return f"{item['pk']['S']} {item.get('sk', {'S': ''})['S']}"


class World:
    """The use cases over the stand-in, all their calls metered."""

    def __init__(self, folder: Path) -> None:
        clock = SystemClock()
        self.meter = Meter()
        seam = Seam(clock, REGION, aws_endpoint(), faults=self.meter)
        ids, macs = UlidIds(clock), TenantMacs(FakeSecrets())
        # A process reads its tenant's key once in five minutes: that is no part of what one call takes.
        self.seals = FakeSeals()
        self.table = Table("MemoriesTable", seam)
        self.usages = usages = DynamoUsageStore(Table("UsageTable", seam))
        self._ids, self._clock = ids, clock
        executor = ThreadPoolExecutor(1)
        self.store = DynamoMemoryStore(self.table, macs, self.seals, clock, ids, usages=usages, executor=executor)
        embedder = FakeEmbedder(dimension=DIMENSION)
        index = EmbeddedIndex(folder / "index.db", clock)
        requests = DynamoRequestLog(Table("IdempotencyTable", seam), ids, clock)
        self._service = partial(
            MemoryService,
            store=self.store,
            requests=requests,
            embedder=embedder,
            policies=FakePolicies(),
            clock=clock,
            ids=ids,
            executor=executor,
        )
        self.memories = self._service(extractor=WholeTexts())
        self.projection = Projection(store=self.store, index=index, embedder=embedder, parking=FakeParking(), clock=clock)
        self.retrieval = RetrievalService(
            rows=self.store,
            index=index,
            recent=InMemoryIndex,
            embedder=embedder,
            policies=FakePolicies(),
            clock=clock,
            executor=executor,
        )
        self.counting = Counting(store=usages, clock=clock, executor=executor)
        self.scope = user_scope("acme", "main", Environment.LIVE, "u1")
        self._random = Random(1)  # noqa: S311 - sentences, not secrets
        self._number = 0
        self.added: list[str] = []

    def read_with(self, extractor: Extractor) -> None:
        """Let texts be read by this from now on; at first each is kept whole."""
        self.memories = self._service(extractor=extractor)

    def add(self, text: str | None = None, *, keyed: bool = False) -> str:
        """Add a memory and return its id."""
        self._number += 1
        said = Said(text=f"{texts.memory(self._number, self._random)} {text or ''}".strip(), session_id="s1", source="chat")
        request = Request(record_id=f"{self._number:032x}", body_mac="0" * 32) if keyed else None
        [memory] = self.memories.add(self.scope, said, request).memories
        self.added.append(memory.memory_id)
        return memory.memory_id

    def project(self, memory_id: str) -> None:
        """Do what the stream has done."""
        self.projection.project([("acme", memory_id)])

    def add_and_project(self, text: str | None = None, *, keyed: bool = False) -> None:
        """Add a memory and have it projected."""
        self.project(self.add(text, keyed=keyed))

    def query(self, k: int) -> None:
        """Ask one question."""
        self.retrieval.query(self.scope, Question(texts.question(self._random), k, IndexFilter()))

    def returned(self, k: int) -> str:
        """Ask one question; return the message that tells what it returned."""
        asked = Question(texts.question(self._random), k, IndexFilter())
        found = tuple(dict.fromkeys(answer.memory.memory_id for answer in self.retrieval.query(self.scope, asked).answers))
        return message_of(Access(self._ids.new("acc"), self.scope.tenant_id, found, self._clock.now()))

    def fill_tallies(self) -> None:
        """Let every memory have been returned so often that its tally remembers all that it can."""
        seen = tuple(number.to_bytes(MARK_BYTES) for number in range(REMEMBERED))
        for memory_id in self.added:
            self.usages.put((self.scope.tenant_id, memory_id), Tally(Usage(REMEMBERED, self._clock.now()), seen, 1))

    def counting_of(self, queries: int, k: int) -> dict[str, Any]:
        """Return the row of what counting consumes for one query, where so many are counted in one batch."""
        rows = []
        for _ in range(max(1, OPERATIONS // queries)):
            messages = {str(number): self.returned(k) for number in range(queries)}
            rows.append(self.metered("", partial(self.counting.count, messages), times=1))
        name = f"counting a query, k = {k}, {f'of {queries} together' if queries > 1 else 'alone'}"
        each = {unit: sum(row[unit] for row in rows) / len(rows) / queries for unit in ("read units", "write units")}
        return {"what": name, **each, "calls": f"a batch: {rows[0]['calls']}"}

    def metered(self, name: str, action: Callable[[], object], times: int = OPERATIONS) -> dict[str, Any]:
        """Return the row of what one action consumes, the mean of several."""
        self.meter.reset()
        for _ in range(times):
            action()
        calls = ", ".join(f"{count / times:g} {operation}" for operation, count in sorted(self.meter.calls.items()))
        return {"what": name, "read units": self.meter.reads / times, "write units": self.meter.writes / times, "calls": calls}


def long_text() -> str:
    """Return some 4 KB that do not compress to nothing."""
    chance = Random(9)  # noqa: S311 - sentences, not secrets
    return " ".join(texts.memory(number, chance) for number in range(34))


@contextmanager
def world(endpoint: str | None = None) -> Iterator[World]:
    """Give the use cases over the template's tables: in moto, or in an engine on this machine."""
    made_up = {**dict.fromkeys(CREDENTIALS, "none"), "AWS_DEFAULT_REGION": REGION}
    before = {name: os.environ.get(name) for name in (*made_up, "AWS_ENDPOINT_URL")}
    os.environ.update(made_up)
    os.environ.pop("AWS_ENDPOINT_URL", None)
    if endpoint:
        os.environ["AWS_ENDPOINT_URL"] = endpoint
    try:
        with Patcher() as patcher, nullcontext() if endpoint else mock_aws(), tempfile.TemporaryDirectory() as folder:
            teach_moto(patcher.attribute)
            create_tables()
            yield World(Path(folder))
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            os.environ.update({name: value} if value is not None else {})


def create_tables() -> None:
    """Make the template's tables, as far as memories need them."""
    import boto3  # noqa: PLC0415 - inside moto only

    client = boto3.client("dynamodb", region_name=REGION)
    for name in TABLES:
        properties = load()["Resources"][name]["Properties"]
        taken = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
        client.create_table(TableName=name, **{part: properties[part] for part in taken if part in properties})


def measured_ms(folder: Path) -> dict[str, float]:
    """Return the medians of one client that `benchmarks.load` left behind, by kind of request; empty without them."""
    path = folder / "load.json"
    if not path.exists():
        return {}
    rows: list[Row] = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return {str(row["request"]): float(row["p50 ms"] or 0) for row in rows if row["clients"] == 1}


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, print the tables, write the files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    add_output(parser)
    asked, _ = parser.parse_known_args(arguments)
    found = measured_ms(asked.out) or measured_ms(FOLDER)
    parser.add_argument("--count-ms", type=float, default=20.0, help="of the function that counts, for a batch (%(default)s)")
    parser.set_defaults(add_ms=found.get("add", 40.0), query_ms=found.get("query", 30.0))
    parser.add_argument("--add-ms", type=float, help="of the function for an add, projection included (default: of the load run)")
    parser.add_argument("--query-ms", type=float, help="of the function for a query (default: of the load run)")
    asked = parser.parse_args(arguments)
    with world() as all_of_it:
        for _ in range(60):
            all_of_it.add_and_project()
        rows = [
            all_of_it.metered("add", all_of_it.add_and_project),
            all_of_it.metered("add, with an Idempotency-Key", lambda: all_of_it.add_and_project(keyed=True)),
            all_of_it.metered("add of 4 KB", lambda: all_of_it.add_and_project(long_text())),
            all_of_it.metered("query, k = 5", lambda: all_of_it.query(5)),
            all_of_it.metered("query, k = 20", lambda: all_of_it.query(20)),
        ]
        all_of_it.fill_tallies()
        counts = {queries: all_of_it.counting_of(queries, 5) for queries in (1, TOGETHER)}
    prices = Prices()
    costs = [
        cost(row, asked.query_ms if row["what"].startswith("query") else asked.add_ms, prices, 1 if "query" in row["what"] else 2)
        for row in rows
    ]
    query = next(row for row in rows if row["what"] == "query, k = 5")
    costs += [
        cost(query, asked.query_ms, prices, counting=Counted(row, queries, asked.count_ms)) for queries, row in counts.items()
    ]
    rows += counts.values()
    plots = {
        "write units": [Bar(row["what"], row["write units"]) for row in rows],
        "read units": [Bar(row["what"], row["read units"]) for row in rows],
        "US dollars a million": [Bar(row["what"], row["together $"]) for row in costs],
    }
    parameters = {
        "add_ms": asked.add_ms,
        "query_ms": asked.query_ms,
        "count_ms": asked.count_ms,
        "memory_mb": MEMORY_MB,
        "dimension": DIMENSION,
    }
    title = "Capacity units of each operation, projection included"
    finish(Report("capacity", title, parameters, rows, plots), asked.out)
    notes = ["List prices of us-east-1 as published in November 2024: look them up before relying on them."]
    finish(Report("cost", "List price of a million", parameters, costs, {}, notes), asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
