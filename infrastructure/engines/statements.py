"""The one statement of PartiQL that the product sends, for what stands for DynamoDB and reads none or too few.

The emulator and Dynoxide read it by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models import DynamoDBBackend

DELETE = re.compile(r'DELETE FROM "(?P<table>[\w.-]+)" WHERE "pk" = \? AND "sk" = \? AND "(?P<name>\w+)" = \?')


def delete_of(statement: dict[str, Any]) -> dict[str, Any]:
    """Return the conditional `DeleteItem` that does what a statement does. Raises `ValueError` for another statement."""
    read = DELETE.fullmatch(statement["Statement"])
    if read is None:
        raise ValueError(statement["Statement"])
    pk, sk, value = statement["Parameters"]
    return {
        "TableName": read["table"],
        "Key": {"pk": pk, "sk": sk},
        "ConditionExpression": "#name = :value",
        "ExpressionAttributeNames": {"#name": read["name"]},
        "ExpressionAttributeValues": {":value": value},
    }


def teach_moto(replace: Callable[[Any, str, Any], None]) -> None:
    """Let moto do the statement until what `replace` set is put back: by itself it deletes whatever the condition says."""
    replace(DynamoDBBackend, "batch_execute_statement", _batch)


def _batch(backend: DynamoDBBackend, statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [_done(backend, delete_of(each)) for each in statements]


def _done(backend: DynamoDBBackend, delete: dict[str, Any]) -> dict[str, Any]:
    table, key = delete["TableName"], delete["Key"]
    if backend.get_item(table, key) is None:
        return {"TableName": table}
    condition = (delete["ExpressionAttributeNames"], delete["ExpressionAttributeValues"], delete["ConditionExpression"])
    try:
        backend.delete_item(table, key, *condition)
    except ConditionalCheckFailed:
        return {"Error": {"Code": "ConditionalCheckFailed"}}
    return {"TableName": table}
