"""What stands for DynamoDB in these tests was made quicker: it must answer, byte for byte, what it would have answered."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import pytest

from tests.support import tables

KINDS: list[dict[str, Any]] = [
    {"S": ""},
    {"S": "text"},
    {"N": "12.50"},
    {"B": b"\x00\xff"},
    {"BOOL": False},
    {"NULL": True},
    {"SS": ["a", "b"]},
    {"L": [{"S": "x"}, {"L": [{"N": "1"}]}, {"M": {"B": {"B": b"b"}}}]},
    {"M": {"S": {"S": "named as a type"}, "deep": {"M": {"N": {"N": "1"}, "BOOL": {"BOOL": True}}}}},
]
KEYS = ["a", "b", "B", "a#1", "a#10", "a#2", "\u00e9", "~"]


def filled() -> Any:
    """Return a client of a table with items of every kind, put in by chance."""
    # Not the seam's: its items come out plain, and there are kinds that have no plain form.
    client: Any = boto3.client("dynamodb", region_name=tables.REGION)
    chance = random.Random(3)  # noqa: S311 - an order, no secret
    keys = [(pk, sk) for pk in KEYS for sk in KEYS]
    chance.shuffle(keys)
    for number, (pk, sk) in enumerate(keys):
        item = {"pk": {"S": pk}, "sk": {"S": sk}, "held": KINDS[number % len(KINDS)], "number": {"N": str(number)}}
        client.put_item(TableName="MemoriesTable", Item=item)
    return client


def answers() -> list[Any]:
    """Return what a table says to every kind of reading."""
    client = filled()
    found: list[Any] = []
    for pk in [*KEYS, "nowhere"]:
        ways: list[dict[str, Any]] = [{}, {"ScanIndexForward": False}, {"Limit": 3}]
        found += [asked(client, "pk = :pk", {":pk": {"S": pk}}, **more) for more in ways]
        found.append(asked(client, "pk = :pk AND begins_with(sk, :a)", {":pk": {"S": pk}, ":a": {"S": "a"}}))
        found.append(asked(client, "pk = :pk AND sk BETWEEN :a AND :b", {":pk": {"S": pk}, ":a": {"S": "B"}, ":b": {"S": "a#2"}}))
        start = {"pk": {"S": pk}, "sk": {"S": "a#10"}}
        found.append(asked(client, "pk = :pk", {":pk": {"S": pk}}, Limit=2, ExclusiveStartKey=start))
    found.append(stripped(client.scan(TableName="MemoriesTable")))
    found.append(stripped(client.scan(TableName="MemoriesTable", Limit=7)))
    found.append(stripped(client.get_item(TableName="MemoriesTable", Key={"pk": {"S": "a"}, "sk": {"S": "~"}})))
    return found


def asked(client: Any, condition: str, values: dict[str, Any], **more: Any) -> Any:
    return stripped(
        client.query(TableName="MemoriesTable", KeyConditionExpression=condition, ExpressionAttributeValues=values, **more)
    )


def stripped(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: each for name, each in answer.items() if name != "ResponseMetadata"}


@pytest.mark.skipif(tables.engine() != tables.MOTO, reason="another engine answers")
def test_it_answers_as_it_does_without_being_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    with tables.aws():
        quick = answers()
    monkeypatch.setattr(tables, "quicken", lambda _: None)
    with tables.aws():
        slow = answers()

    assert quick == slow
    assert sum(bool(each.get("Items")) for each in quick) > len(KEYS)


def test_calls_of_many_threads_do_not_meet_inside_it() -> None:
    def write(number: int) -> None:
        item = {"pk": {"S": f"p{number}"}, "sk": {"S": "a"}}
        client.transact_write_items(TransactItems=[{"Put": {"TableName": "MemoriesTable", "Item": item}}])

    with tables.aws(), ThreadPoolExecutor(8) as pool:
        client: Any = tables.template_seam().client
        list(pool.map(write, range(200)))

        assert client.scan(TableName="MemoriesTable", Select="COUNT")["Count"] >= 200
