"""What DynamoDB answers is read in one step, and comes out as botocore's own reader has it."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import botocore.session
import pytest
from botocore.model import ServiceModel
from botocore.parsers import JSONParser
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.clock import SystemClock
from backend.kit.dynamodb import wire
from backend.kit.dynamodb.seam import Seam

BINARY = st.binary(max_size=40).map(lambda raw: b64encode(raw).decode())
SCALARS = st.one_of(
    st.builds(lambda text: {"S": text}, st.text(max_size=20)),
    st.builds(lambda number: {"N": str(number)}, st.integers()),
    st.builds(lambda raw: {"B": raw}, BINARY),
    st.builds(lambda truth: {"BOOL": truth}, st.booleans()),
    st.just({"NULL": True}),
    st.builds(lambda texts: {"SS": texts}, st.lists(st.text(max_size=5), min_size=1, max_size=3)),
    st.builds(lambda raws: {"BS": raws}, st.lists(BINARY, min_size=1, max_size=3)),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.builds(lambda held: {"L": held}, st.lists(inner, max_size=3))
        | st.builds(lambda held: {"M": held}, st.dictionaries(st.text(max_size=5), inner, max_size=3))
    ),
    max_leaves=8,
)
ITEMS = st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=4)


@pytest.fixture(scope="module")
def service() -> ServiceModel:
    return botocore.session.get_session().get_service_model("dynamodb")


def answered(body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    return {"status_code": status, "headers": {}, "body": json.dumps(body).encode()}


def read_by_both(service: ServiceModel, operation: str, response: dict[str, Any]) -> tuple[Any, Any]:
    shape = service.operation_model(operation).output_shape
    parsers: list[Any] = [wire.AttributeParser(), JSONParser()]
    ours, theirs = (parser.parse(response, shape) for parser in parsers)
    return ours, theirs


@given(item=ITEMS, other=ITEMS)
def test_items_are_read_as_the_general_reader_reads_them(
    service: ServiceModel, item: dict[str, Any], other: dict[str, Any]
) -> None:
    one = answered({"Item": item})
    some = answered({"Items": [item, other], "LastEvaluatedKey": other, "Count": 2, "ScannedCount": 2})
    batch = answered({"Responses": {"t": [item, other]}, "UnprocessedKeys": {"t": {"Keys": [other], "ConsistentRead": True}}})

    for operation, response in (("GetItem", one), ("Query", some), ("BatchGetItem", batch)):
        ours, theirs = read_by_both(service, operation, response)
        assert ours == theirs


@given(item=ITEMS)
def test_what_a_cancelled_transaction_found_is_read_alike(service: ServiceModel, item: dict[str, Any]) -> None:
    refused = {
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "Transaction cancelled",
        "CancellationReasons": [{"Code": "ConditionalCheckFailed", "Item": item}, {"Code": "None"}],
    }
    ours, theirs = read_by_both(service, "TransactWriteItems", answered(refused, 400))

    assert ours == theirs
    assert ours["Error"]["Code"] == "TransactionCanceledException"


def test_the_client_of_the_seam_reads_so() -> None:
    seam = Seam(SystemClock(), "us-east-1", "http://127.0.0.1:9")

    factory = seam.session.get_component("response_parser_factory")

    assert isinstance(factory.create_parser("json"), wire.AttributeParser)
    assert not isinstance(factory.create_parser("query"), wire.AttributeParser)
