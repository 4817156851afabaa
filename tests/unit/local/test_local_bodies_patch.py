"""A call's body is parsed once, and a transaction is as long as it was."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.core import iam_actions
from ministack.services import dynamodb

from infrastructure.local.patches import call_bodies, role_checks
from infrastructure.local.patches.patcher import Patcher

ACCOUNT, REGION, TABLE = "000000000000", "us-east-1", "bodies"
TEXTS = st.text(st.characters(codec=None, exclude_categories=()))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=10,
)
SHORT_NUMBERS = ["1e15", "-1e15", "1E9", "1e-4", "1e300", "[1e15,1e15]", "0"]


@pytest.fixture(autouse=True)
def table() -> Iterator[None]:
    keys = {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    }
    dynamodb._create_table({"TableName": TABLE, "BillingMode": "PAY_PER_REQUEST", **keys})
    yield
    dynamodb._delete_table({"TableName": TABLE})


@pytest.fixture
def patched(patcher: Patcher) -> None:
    role_checks.apply(patcher)
    call_bodies.apply(patcher)


def transaction(*texts: str) -> bytes:
    items = [
        {"Put": {"TableName": TABLE, "Item": {"pk": {"S": str(place)}, "text": {"S": text}}}} for place, text in enumerate(texts)
    ]
    return json.dumps({"TransactItems": items}, ensure_ascii=False, separators=(",", ":")).encode()


def call(body: bytes) -> tuple[int, str]:
    """Check a transaction's role and obey it, as the emulator does; return status and message."""
    iam_actions.dynamodb_resource_arns(body, REGION, ACCOUNT)
    iam_actions.dynamodb_transaction_checks("dynamodb:TransactWriteItems", body, REGION, ACCOUNT)
    target = {"x-amz-target": "DynamoDB_20120810.TransactWriteItems"}
    status, _, answer = asyncio.run(dynamodb.handle_request("POST", "/", target, body, {}))
    return status, json.loads(answer).get("message", "")


def seen_by(monkeypatch: pytest.MonkeyPatch, name: str) -> list[Any]:
    """Return a list that grows with what a function of the module `json` is given, when that is no answer."""
    seen: list[Any] = []
    stock = getattr(json, name)

    def function(value: Any, *args: Any, **options: Any) -> Any:
        if b"TransactItems" in value if isinstance(value, bytes) else "TransactItems" in value:
            seen.append(value)
        return stock(value, *args, **options)

    monkeypatch.setattr(json, name, function)
    return seen


def test_the_stock_emulator_parses_a_body_again_and_writes_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    read, written = seen_by(monkeypatch, "loads"), seen_by(monkeypatch, "dumps")
    body = transaction("a")
    del written[:]
    assert call(body) == (200, "")

    assert (len(read), len(written)) == (3, 1)


@pytest.mark.usefixtures("patched")
def test_a_body_is_parsed_once_and_not_written_out(monkeypatch: pytest.MonkeyPatch) -> None:
    read, written = seen_by(monkeypatch, "loads"), seen_by(monkeypatch, "dumps")
    body = transaction("a")
    del written[:]
    assert call(body) == (200, "")

    assert (len(read), len(written)) == (1, 0)


@pytest.mark.usefixtures("patched")
def test_what_a_call_has_changed_is_read_anew_from_the_same_bytes() -> None:
    body = json.dumps({"TransactItems": [{"Put": {"TableName": TABLE, "Item": {"pk": {"S": "n"}, "n": {"N": "1.0"}}}}]}).encode()
    assert call(body)[0] == 200

    assert iam_actions.json.loads(body)["TransactItems"][0]["Put"]["Item"]["n"] == {"N": "1.0"}


TOO_LONG = (400, "Transaction request exceeds the 4MB transaction size limit")


@pytest.mark.parametrize("letter", ["x", "é", "\N{GRINNING FACE}"])
def test_a_transaction_is_too_long_where_it_was(patcher: Patcher, letter: str) -> None:
    texts = [letter * (300_000 // len(json.dumps(letter).strip('"')))] * 13
    fits, is_too_long = transaction(*texts), transaction(*texts, *texts[:2])
    assert (call(fits), call(is_too_long)) == ((200, ""), TOO_LONG)
    role_checks.apply(patcher)
    call_bodies.apply(patcher)

    assert (call(fits), call(is_too_long)) == ((200, ""), TOO_LONG)


@given(value=VALUES)
def test_no_value_is_written_longer_than_is_taken_for_granted(value: Any) -> None:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")

    assert len(json.dumps(json.loads(body))) <= call_bodies.MOST_OF_A_BYTE * len(body)


@pytest.mark.parametrize("body", SHORT_NUMBERS)
def test_no_number_is_written_longer_than_is_taken_for_granted(body: str) -> None:
    assert len(json.dumps(json.loads(body))) <= call_bodies.MOST_OF_A_BYTE * len(body)
