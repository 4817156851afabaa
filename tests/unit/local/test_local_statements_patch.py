"""Statements do what they did, and each is parsed once."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from ministack.services import _dynamodb_keywords as partiql
from ministack.services import dynamodb

from infrastructure.local.patches import statement_parsing
from infrastructure.local.patches.patcher import Patcher

TABLE = "statements"
Json = dict[str, Any]

INSERTS = f"INSERT INTO \"{TABLE}\" VALUE {{'pk': ?, 'n': ?}}"
READS = f'SELECT * FROM "{TABLE}" WHERE pk = ?'  # noqa: S608 - a literal of the test
DELETES = f'DELETE FROM "{TABLE}" WHERE pk = ? AND n = ?'  # noqa: S608 - a literal of the test
CHANGES = f'UPDATE "{TABLE}" SET n = ? WHERE pk = ?'  # noqa: S608 - a literal of the test


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    make_table()
    yield
    dynamodb._delete_table({"TableName": TABLE})


def make_table() -> None:
    keys = {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    }
    dynamodb._create_table({"TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", **keys})


def batch(*statements: tuple[str, list[Json] | None]) -> list[Json]:
    """Run statements in one call, each with its parameters; return their answers."""
    named = [{"Statement": text, "Parameters": parameters} for text, parameters in statements]
    target = {"x-amz-target": "DynamoDB_20120810.BatchExecuteStatement"}
    _, _, answer = asyncio.run(dynamodb.handle_request("POST", "/", target, json.dumps({"Statements": named}).encode(), {}))
    found: list[Json] = json.loads(answer)["Responses"]
    return found


STATEMENTS: list[tuple[str, list[Json] | None]] = [
    (INSERTS, [{"S": "a"}, {"N": "1"}]),
    (INSERTS, [{"S": "b"}, {"N": "2"}]),
    (INSERTS, [{"S": "b"}, {"N": "3"}]),
    (READS, [{"S": "b"}]),
    (READS, []),
    (READS, None),
    (READS.partition(" WHERE")[0], None),
    (CHANGES, [{"N": "5"}, {"S": "a"}]),
    (CHANGES, [{"N": "no number"}, {"S": "a"}]),
    (READS, [{"S": "a"}]),
    (DELETES, [{"S": "a"}, {"N": "1"}]),
    (DELETES, [{"S": "a"}, {"N": "5"}]),
    (DELETES, [{"S": "a"}, {"N": "5"}]),
    ("DELETE FROM # nothing", []),
    ("DELETE FROM # nothing", []),
    (READS, [{"S": "a"}]),
    (READS, [{"S": "b"}]),
]


def test_statements_are_answered_as_before(patcher: Patcher) -> None:
    before = batch(*STATEMENTS)
    dynamodb._delete_table({"TableName": TABLE})
    make_table()
    statement_parsing.apply(patcher)

    assert batch(*STATEMENTS) == before
    assert before[3]["Item"] == {"pk": {"S": "b"}, "n": {"N": "2"}}


def parsings(patcher: Patcher) -> list[str]:
    """Return a list that grows with every statement that is parsed."""
    seen: list[str] = []
    stock = dynamodb.parse_partiql_statement

    def parse(text: str, parameters: Any) -> Any:
        seen.append(text)
        return stock(text, parameters)

    patcher.attribute(dynamodb, "parse_partiql_statement", parse)
    return seen


def test_the_stock_emulator_parses_each_statement_of_a_batch_twice(patcher: Patcher) -> None:
    seen = parsings(patcher)
    batch((DELETES, [{"S": "a"}, {"N": "1"}]), (DELETES, [{"S": "b"}, {"N": "1"}]))

    assert len(seen) == 4


def test_each_statement_of_a_batch_is_parsed_once_and_its_text_split_once(patcher: Patcher) -> None:
    seen = parsings(patcher)
    split: list[str] = []
    stock = partiql._tokenize

    def tokenize(text: str) -> Any:
        split.append(text)
        return stock(text)

    patcher.attribute(partiql, "_tokenize", tokenize)
    statement_parsing.apply(patcher)
    batch((DELETES, [{"S": "a"}, {"N": "1"}]), (DELETES, [{"S": "b"}, {"N": "1"}]))

    assert (len(seen), len(split)) == (2, 1)


def test_what_was_parsed_is_handed_on_once(patcher: Patcher) -> None:
    statement_parsing.apply(patcher)
    parameters = [{"S": "a"}, {"N": "1"}]
    first, second, third = (dynamodb._parse_partiql(INSERTS, parameters) for _ in range(3))

    assert second is first
    assert third is not first
