"""The memories' use cases on a stand-in for DynamoDB, with a hand on every call they make."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from backend.embedding.fake import FakeEmbedder
from backend.encryption.fake import FakeSeals
from backend.extraction.fake import WholeTexts
from backend.extraction.pipeline import Pipeline
from backend.kit.clock import FakeClock
from backend.kit.dynamodb import Faults, Item, Seam, Table
from backend.kit.dynamodb.values import from_item
from backend.kit.ids import Ids, UlidIds
from backend.memories.editing import Editing
from backend.memories.fake import FakePolicies
from backend.memories.items import row_item
from backend.memories.model import Memory
from backend.memories.outcomes import Done
from backend.memories.ports import Extractor
from backend.memories.requests import DynamoRequestLog
from backend.memories.service import MemoryService
from backend.memories.store import DynamoMemoryStore
from backend.tenancy.fake import FakeSecrets
from backend.tenancy.pepper import TenantMacs
from backend.usage.store import DynamoUsageStore
from tests.support import tables
from tests.support.executors import AtOnce
from tests.support.faults import throttled

MEMORIES = "MemoriesTable"
IDEMPOTENCY = "IdempotencyTable"
USAGE = "UsageTable"


@contextmanager
def emulated() -> Iterator[Any]:
    """Let stand-ins be AWS and hand out a client, made as the seam makes its own: making one takes long."""
    with tables.aws():
        yield tables.template_seam().client


def make_tables() -> None:
    """Make the template's tables of memories anew, empty."""
    for name in (MEMORIES, IDEMPOTENCY, USAGE):
        tables.create_table(name)


@dataclass
class Calls:
    """A plan without faults, which remembers what was called."""

    made: list[str] = field(default_factory=list)

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Write it down."""
        del arguments
        self.made.append(operation)

    def after(self, operation: str, arguments: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        """Leave the answer as it is."""
        del operation, arguments
        return answer


class BreakingOnce(DynamoRequestLog):
    """Fails in a way that nobody foresees, once."""

    is_broken = True

    def complete(self, *arguments: Any, **named: Any) -> Done:
        if self.is_broken:
            self.is_broken = False
            raise ZeroDivisionError
        return super().complete(*arguments, **named)


@dataclass
class Refusing(Calls):
    """Refuses every call of a kind."""

    operation: str = ""
    error: Exception = field(default_factory=throttled)

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Refuse it, or let it go on."""
        super().before(operation, arguments)
        if operation == self.operation:
            raise self.error


@dataclass
class FailingAt(Calls):
    """Fails the call with this number, just before or just after it is done; a lasting failure fails all that follow too."""

    call: int = 0
    after_it: bool = False
    error: BaseException = field(default_factory=SystemExit)
    lasting: bool = False
    struck: int = 0

    def before(self, operation: str, arguments: Mapping[str, Any]) -> None:
        """Fail, or let the call go on."""
        super().before(operation, arguments)
        if not self.after_it:
            self._strike()

    def after(self, operation: str, arguments: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        """Fail, or hand the answer on."""
        if self.after_it:
            self._strike()
        return super().after(operation, arguments, answer)

    def _strike(self) -> None:
        number = len(self.made) - 1
        if number == self.call or (self.lasting and number > self.call):
            self.struck += 1
            raise self.error


@dataclass
class World:
    """One process's use cases. Several worlds may share the tables and the clock."""

    client: Any
    clock: FakeClock = field(default_factory=FakeClock)
    faults: Faults | None = None
    ids: Ids = field(init=False)
    seam: Seam = field(init=False)
    embedder: FakeEmbedder = field(default_factory=FakeEmbedder)
    seals: FakeSeals = field(default_factory=FakeSeals)
    policies: FakePolicies = field(default_factory=FakePolicies)
    executor: Executor = field(default_factory=AtOnce)
    store: DynamoMemoryStore = field(init=False)
    usages: DynamoUsageStore = field(init=False)
    requests: DynamoRequestLog = field(init=False)
    service: MemoryService = field(init=False)

    def __post_init__(self) -> None:
        self.ids = UlidIds(self.clock)
        self.seam = tables.template_seam(self.clock, self.faults)
        macs = TenantMacs(FakeSecrets())
        self.usages = DynamoUsageStore(Table(USAGE, self.seam))
        table, usages, executor = Table(MEMORIES, self.seam), self.usages, self.executor
        self.store = DynamoMemoryStore(table, macs, self.seals, self.clock, self.ids, usages=usages, executor=executor)
        self.requests = DynamoRequestLog(Table(IDEMPOTENCY, self.seam), self.ids, self.clock)
        self.service = self.remembering(WholeTexts())

    def remembering(self, extractor: Extractor | None = None, executor: Executor | None = None) -> MemoryService:
        """Return the use cases with the rules that the product has, or another extractor."""
        return MemoryService(
            store=self.store,
            requests=self.requests,
            extractor=extractor or Pipeline(),
            embedder=self.embedder,
            policies=self.policies,
            clock=self.clock,
            ids=self.ids,
            executor=executor or AtOnce(),
        )

    def editing(self) -> Editing:
        """Return the use cases of a memory that is there, with the rules that the product has."""
        return Editing(
            store=self.store,
            requests=self.requests,
            extractor=Pipeline(),
            embedder=self.embedder,
            policies=self.policies,
            clock=self.clock,
            ids=self.ids,
        )

    def another(self, faults: Faults | None = None) -> World:
        """Return the use cases of another process on the same tables, with faults of its own."""
        return World(self.client, self.clock, faults)

    @property
    def table(self) -> Table:
        """Return the memories table, to put into it what no use case would."""
        return Table(MEMORIES, self.seam)

    def row_of(self, memory: Memory) -> Item:
        """Return the row of a memory."""
        return row_item(memory, self.seals)

    def items_in(self, table: str = MEMORIES) -> list[Item]:
        """Return everything that a table holds, read past the code that is tested."""
        pages = self.client.get_paginator("scan").paginate(TableName=table)
        return [from_item(item) for page in pages for item in page["Items"]]

    def kinds(self) -> dict[str, int]:
        """Return how many rows, guards, pending markers and pieces of evidence there are."""
        names = {"M#ROW": "rows", "M#EV#": "evidence", "K#": "guards", "P#": "markers"}
        found: Counter[str] = Counter(dict.fromkeys(names.values(), 0))
        for item in self.items_in():
            kind = item["pk"][:2]
            found[names[kind + item["sk"][:3] if kind == "M#" else kind]] += 1
        return dict(found)
