import json
from collections.abc import Iterator

import pytest
from ministack.services import dynamodb

from infrastructure.local.patches import transaction_tokens
from infrastructure.local.patches.patcher import Patcher

TABLE = "transactions-again"
IS_NEW = "attribute_not_exists(pk)"


@pytest.fixture
def table() -> Iterator[str]:
    """A table of the emulator, in this process."""
    keys = {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    }
    dynamodb._create_table({"TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", **keys})
    yield TABLE
    dynamodb._delete_table({"TableName": TABLE})


def put(token: str, pk: str, number: str = "1.0", *, table: str = TABLE, turned: bool = False) -> tuple[int, str]:
    """Put an item in a transaction of its own, `turned` with its members in another order; return status and error."""
    item = {"pk": {"S": pk}, "n": {"N": number}}
    put = {"TableName": table, "Item": item, "ConditionExpression": IS_NEW}
    write = {"Put": dict(reversed(put.items())) if turned else put}
    status, _, body = dynamodb._transact_write_items({"ClientRequestToken": token, "TransactItems": [write]})
    return status, json.loads(body).get("__type", "")


def test_the_stock_emulator_refuses_the_same_transaction_under_its_own_token(table: str) -> None:
    assert put("stock", f"{table}-a") == (200, "")
    assert put("stock", f"{table}-a") == (400, "IdempotentParameterMismatchException")


def test_the_same_transaction_under_its_token_is_answered_as_the_first_time(table: str, patcher: Patcher) -> None:
    transaction_tokens.apply(patcher)

    assert put("again", f"{table}-b") == (200, "")
    assert put("again", f"{table}-b") == (200, "")


def test_the_order_of_a_request_s_members_makes_it_no_other(table: str, patcher: Patcher) -> None:
    transaction_tokens.apply(patcher)

    assert put("turned", f"{table}-d") == (200, "")
    assert put("turned", f"{table}-d", turned=True) == (200, "")


def test_a_table_named_by_its_arn_makes_it_no_other(table: str, patcher: Patcher) -> None:
    transaction_tokens.apply(patcher)
    arn = dynamodb._tables[table]["TableArn"]

    assert put("arn", f"{table}-e", table=arn) == (200, "")
    assert put("arn", f"{table}-e", table=arn) == (200, "")


def test_another_transaction_under_the_token_is_still_refused(table: str, patcher: Patcher) -> None:
    transaction_tokens.apply(patcher)

    assert put("other", f"{table}-c") == (200, "")
    assert put("other", f"{table}-c", number="2") == (400, "IdempotentParameterMismatchException")
