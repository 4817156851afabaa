import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ministack.services import dynamodb

from infrastructure.local.journal import Image, Journal
from infrastructure.local.patches.patcher import Patcher
from infrastructure.local.table_journal import TableJournal

Json = dict[str, Any]
TABLE = "journaled"


def call(action: str, **body: Any) -> tuple[int, Json]:
    headers = {"x-amz-target": f"DynamoDB_20120810.{action}"}
    status, _, answer = asyncio.run(dynamodb.handle_request("POST", "/", headers, json.dumps(body).encode(), {}))
    return status, json.loads(answer)


def item(key: str, text: str = "x") -> Json:
    return {"pk": {"S": key}, "sk": {"S": "ROW"}, "text": {"S": text}}


def make_table() -> None:
    keys = [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}]
    attributes = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
    status, _ = call(
        "CreateTable", TableName=TABLE, KeySchema=keys, AttributeDefinitions=attributes, BillingMode="PAY_PER_REQUEST"
    )
    assert status == 200


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    make_table()
    yield
    call("DeleteTable", TableName=TABLE)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path)
    yield journal
    journal.close()


@pytest.fixture
def tables(journal: Journal, patcher: Patcher) -> TableJournal:
    tables = TableJournal(journal)
    tables.apply(patcher)
    return tables


def journaled(journal: Journal) -> list[tuple[str, Json | None]]:
    return [(image.partition_key, image.item) for image in journal.read()]


def content() -> dict[str, str]:
    return {found["pk"]["S"]: found["text"]["S"] for found in call("Scan", TableName=TABLE)[1]["Items"]}


def test_the_stock_emulator_writes_nothing_to_disk_when_it_answers(journal: Journal) -> None:
    call("PutItem", TableName=TABLE, Item=item("a"))

    assert journaled(journal) == []


@pytest.mark.usefixtures("tables")
def test_every_kind_of_write_is_in_the_journal_when_the_answer_is_there(journal: Journal) -> None:
    put = {"Put": {"TableName": TABLE, "Item": item("d")}}
    key = {"pk": {"S": "a"}, "sk": {"S": "ROW"}}
    statement = f"UPDATE \"{TABLE}\" SET text='piql' WHERE pk='a' AND sk='ROW'"  # noqa: S608 - a literal of the test
    update = {"UpdateExpression": "SET #t = :t", "ExpressionAttributeNames": {"#t": "text"}}
    calls: list[tuple[str, Json]] = [
        ("PutItem", {"TableName": TABLE, "Item": item("a")}),
        ("UpdateItem", {"TableName": TABLE, "Key": key, **update, "ExpressionAttributeValues": {":t": {"S": "new"}}}),
        ("BatchWriteItem", {"RequestItems": {TABLE: [{"PutRequest": {"Item": item("b")}}, {"PutRequest": {"Item": item("c")}}]}}),
        ("TransactWriteItems", {"TransactItems": [put, {"Delete": {"TableName": TABLE, "Key": {**key, "pk": {"S": "b"}}}}]}),
        ("ExecuteStatement", {"Statement": statement}),
        ("DeleteItem", {"TableName": TABLE, "Key": {**key, "pk": {"S": "c"}}}),
    ]
    for action, body in calls:
        status, answer = call(action, **body)
        assert status == 200, answer

    assert [key for key, _ in journaled(journal)] == ["a", "a", "b", "c", "d", "b", "a", "c"]
    assert journaled(journal)[5] == ("b", None)
    assert journaled(journal)[-1] == ("c", None)


@pytest.mark.usefixtures("tables")
def test_a_transaction_is_one_line_so_that_it_is_kept_whole_or_not_at_all(tmp_path: Path) -> None:
    call("TransactWriteItems", TransactItems=[{"Put": {"TableName": TABLE, "Item": item(key)}} for key in "abc"])

    assert next(tmp_path.glob("*.jsonl")).read_bytes().count(b"\n") == 1


@pytest.mark.usefixtures("tables")
def test_what_a_condition_refused_is_not_journaled(journal: Journal) -> None:
    call("PutItem", TableName=TABLE, Item=item("a"))
    status, _ = call("PutItem", TableName=TABLE, Item=item("a", "other"), ConditionExpression="attribute_not_exists(pk)")

    assert status == 400
    assert len(journaled(journal)) == 1


@pytest.mark.usefixtures("tables")
def test_a_partiql_transaction_that_is_rolled_back_leaves_nothing_in_the_journal(journal: Journal) -> None:
    insert = f"INSERT INTO \"{TABLE}\" VALUE {{'pk': 'a', 'sk': 'ROW', 'text': 'x'}}"
    status, _ = call("ExecuteTransaction", TransactStatements=[{"Statement": insert}, {"Statement": insert}])

    assert status == 400
    assert journaled(journal) == []
    assert content() == {}


def test_writes_beside_the_request_path_are_journaled_at_once(tables: TableJournal, journal: Journal) -> None:
    del tables
    found = dynamodb._tables[TABLE]
    dynamodb._set_item(found, "beside", "ROW", item("beside"))
    dynamodb._remove_item(found, "beside", "ROW")
    dynamodb._remove_item(found, "beside", "ROW")

    assert journaled(journal) == [("beside", item("beside")), ("beside", None)]


def test_replaying_over_a_snapshot_brings_the_tables_up_to_date(tables: TableJournal) -> None:
    call("PutItem", TableName=TABLE, Item=item("kept"))
    call("PutItem", TableName=TABLE, Item=item("gone"))
    snapshot = json.dumps(dynamodb._tables[TABLE]["items"])
    call("PutItem", TableName=TABLE, Item=item("kept", "newer"))
    call("DeleteItem", TableName=TABLE, Key={"pk": {"S": "gone"}, "sk": {"S": "ROW"}})
    call("PutItem", TableName=TABLE, Item=item("late"))
    dynamodb._tables[TABLE]["items"] = json.loads(snapshot)
    dynamodb._items_replaced(dynamodb._tables[TABLE])

    assert tables.replay() == (5, 0)
    assert content() == {"kept": "newer", "late": "x"}
    assert tables.replay() == (5, 0)
    assert content() == {"kept": "newer", "late": "x"}
    assert dynamodb._tables[TABLE]["ItemCount"] == 2


def test_images_of_a_table_that_was_replaced_under_its_name_are_left_out(tables: TableJournal) -> None:
    call("PutItem", TableName=TABLE, Item=item("old"))
    call("DeleteTable", TableName=TABLE)
    make_table()
    call("PutItem", TableName=TABLE, Item=item("new"))

    assert tables.replay() == (1, 1)
    assert content() == {"new": "x"}


def test_images_of_a_deleted_table_are_left_out(tables: TableJournal, journal: Journal) -> None:
    journal.append([Image("arn:aws:dynamodb:us-east-1:000000000000:table/never", "t", "a", "ROW", item("a"))])

    assert tables.replay() == (0, 1)


def test_a_snapshot_cuts_the_journal_where_its_state_ends(tables: TableJournal, journal: Journal) -> None:
    call("PutItem", TableName=TABLE, Item=item("in the snapshot"))
    state = tables.state()
    call("PutItem", TableName=TABLE, Item=item("after it"))
    tables.saved()

    kept = next(value for (*_, name), value in state["tables"].all_items() if name == TABLE)
    assert list(kept["items"]) == ["in the snapshot"]
    assert [key for key, _ in journaled(journal)] == ["after it"]


def test_a_request_whose_images_cannot_be_written_is_not_acknowledged(patcher: Patcher, tmp_path: Path) -> None:
    class FullJournal(Journal):
        def append(self, images: Any) -> None:
            del images
            raise OSError(28, "No space left on device")

    TableJournal(FullJournal(tmp_path)).apply(patcher)

    with pytest.raises(OSError, match="No space left"):
        call("PutItem", TableName=TABLE, Item=item("a"))
