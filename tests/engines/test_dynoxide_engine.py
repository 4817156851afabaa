"""What only a strict DynamoDB shows: tokens, limits, streams, and writes that outlive it.

The stores' own promises are held against it by the contract tests themselves: `make test-engines` runs them with
DYNAMODB_ENGINE=dynoxide.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from backend.index.fake import FakeIndex
from backend.kit.clock import FakeClock
from backend.kit.dynamodb import Seam, Table, Update, attribute, transact
from backend.kit.errors import InternalError
from backend.memories.fake import FakeParking
from backend.memories.items import changed_rows
from backend.memories.model import Said
from backend.memories.projection import Projection
from infrastructure.engines.dynoxide import process
from tests.contract.memories.memory_world import MEMORIES, World
from tests.support.faults import Step, no_answer, plan
from tests.support.tables import CREDENTIALS, DYNOXIDE, REGION, address, aws, fresh_token, table_definitions, template_table
from tests.unit.memories.samples import ACME, SAID

ROW = {"pk": {"S": "p"}, "sk": {"S": "s"}}


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[Table]:
    """The template's tables on the engine; the memories' one is handed out."""
    monkeypatch.setenv("DYNAMODB_ENGINE", DYNOXIDE)
    with aws():
        yield template_table(MEMORIES)


@pytest.fixture
def client(tables: Table) -> Any:
    return tables.seam.client


def test_a_transaction_whose_answer_was_lost_is_done_once(tables: Table) -> None:
    faults = plan(Step(after=no_answer()))
    faulty = template_table(MEMORIES, faults=faults)
    transact(faulty.seam, [Update(faulty, ("p", "s"), [attribute("n").add(1)])], fresh_token())

    assert [operation for operation, _ in faults.sent] == ["TransactWriteItems"] * 2
    assert tables.get("p", "s") == {"pk": "p", "sk": "s", "n": 1}


def test_a_token_is_not_taken_for_another_transaction(tables: Table) -> None:
    token = fresh_token()
    transact(tables.seam, [Update(tables, ("p", "s"), [attribute("n").add(1)])], token)
    with pytest.raises(InternalError, match="IdempotentParameterMismatch"):
        transact(tables.seam, [Update(tables, ("p", "s"), [attribute("n").add(2)])], token)

    assert tables.get("p", "s") == {"pk": "p", "sk": "s", "n": 1}


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "a batch of 26 writes": (
        "batch_write_item",
        {"RequestItems": {MEMORIES: [{"PutRequest": {"Item": {**ROW, "sk": {"S": str(n)}}}} for n in range(26)]}},
    ),
    "a batch of 101 reads": (
        "batch_get_item",
        {"RequestItems": {MEMORIES: {"Keys": [{**ROW, "sk": {"S": str(n)}} for n in range(101)]}}},
    ),
    "a key twice in one batch": ("batch_get_item", {"RequestItems": {MEMORIES: {"Keys": [ROW, ROW]}}}),
    "a transaction of 101 writes": (
        "transact_write_items",
        {"TransactItems": [{"Put": {"TableName": MEMORIES, "Item": {**ROW, "sk": {"S": str(n)}}}} for n in range(101)]},
    ),
    "an item twice in one transaction": (
        "transact_write_items",
        {"TransactItems": [{"Put": {"TableName": MEMORIES, "Item": ROW}}, {"Delete": {"TableName": MEMORIES, "Key": ROW}}]},
    ),
    "an item of over 400 KB": ("put_item", {"TableName": MEMORIES, "Item": {**ROW, "text": {"S": "x" * 410_000}}}),
    "an empty key": ("put_item", {"TableName": MEMORIES, "Item": {**ROW, "sk": {"S": ""}}}),
    "an empty key of an index": (
        "put_item",
        {"TableName": MEMORIES, "Item": {**ROW, "list_pk": {"S": ""}, "list_sk": {"S": "1"}}},
    ),
    "a consistent read of a global index": (
        "query",
        {
            "TableName": MEMORIES,
            "IndexName": "list",
            "ConsistentRead": True,
            "KeyConditionExpression": "list_pk = :p",
            "ExpressionAttributeValues": {":p": {"S": "p"}},
        },
    ),
    "a name that is not used": (
        "put_item",
        {
            "TableName": MEMORIES,
            "Item": ROW,
            "ConditionExpression": "attribute_exists(pk)",
            "ExpressionAttributeNames": {"#x": "x"},
        },
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_service_refuses_this_engine_refuses_too(client: Any, name: str) -> None:
    operation, arguments = REFUSED[name]
    with pytest.raises(ClientError, match="ValidationException"):
        getattr(client, operation)(**arguments)

    assert client.scan(TableName=MEMORIES)["Items"] == []


def test_what_the_stream_names_is_what_the_projection_needs(tables: Table, client: Any) -> None:
    world = World(client)
    stream = Stream(client)
    kept, gone = (world.service.add(ACME, each).memories[0] for each in (SAID, Said("I have a boat.")))
    world.service.forget(ACME, gone.memory_id)
    records = stream.records()
    index = FakeIndex()
    projection = Projection(store=world.store, index=index, embedder=world.embedder, parking=FakeParking(), clock=world.clock)

    assert {kind for record in records for kind in record["dynamodb"]} >= {"Keys"}
    assert all("NewImage" not in record["dynamodb"] and "OldImage" not in record["dynamodb"] for record in records)
    assert set(changed_rows(records)) == {("acme", kept.memory_id), ("acme", gone.memory_id)}
    projection.follow(changed_rows(records))
    assert index.versions(ACME, [kept.memory_id, gone.memory_id]) == {kept.memory_id: 1, gone.memory_id: 2}
    assert world.store.pending(ACME) == ([], False)
    assert tables.get("p", "s") is None


def test_no_acknowledged_write_is_lost_when_the_engine_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    engine = process.start(tmp_path)
    try:
        seam = Seam(FakeClock(), REGION, engine.url)
        client: Any = seam.client
        client.create_table(**table_definitions()["IdempotencyTable"])
        table = Table("IdempotencyTable", seam)
        for number in range(200):
            table.put({"pk": str(number)})
        process.stop(tmp_path, signal.SIGKILL)
        again = process.start(tmp_path)
        found = Table("IdempotencyTable", Seam(FakeClock(), REGION, again.url)).scan().items
    finally:
        process.stop(tmp_path)

    assert again.pid != engine.pid
    assert sorted(int(item["pk"]) for item in found) == list(range(200))
    assert process.running(tmp_path) is None


class Stream:
    """All records of the memories' stream since this was made."""

    def __init__(self, client: Any) -> None:
        # This engine's shard ids have 24 characters, and botocore insists on 28.
        lenient = Config(parameter_validation=False)
        url = address(DYNOXIDE)
        self._streams: Any = boto3.client("dynamodbstreams", region_name=REGION, endpoint_url=url, config=lenient)
        arn = client.describe_table(TableName=MEMORIES)["Table"]["LatestStreamArn"]
        shards = self._streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        self._iterators = [
            self._streams.get_shard_iterator(StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="LATEST")["ShardIterator"]
            for shard in shards
        ]

    def records(self) -> list[dict[str, Any]]:
        """Return what was recorded."""
        pages = [self._streams.get_records(ShardIterator=iterator)["Records"] for iterator in self._iterators]
        return [record for page in pages for record in page]
