"""Items in DynamoDB's answers come out plain at once, all else as botocore's own reader has it."""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any, Literal

import botocore.session
import pydantic_core
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ServiceModel
from botocore.parsers import JSONParser
from botocore.serialize import JSONSerializer
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.clock import SystemClock
from backend.kit.dynamodb import wire
from backend.kit.dynamodb.seam import Seam
from backend.kit.dynamodb.values import PlainItem, from_item
from tests.support import tables

BINARY = st.binary(max_size=40).map(lambda raw: b64encode(raw).decode())
SCALARS = st.one_of(
    st.builds(lambda text: {"S": text}, st.text(max_size=20)),
    st.builds(lambda number: {"N": str(number)}, st.integers()),
    st.builds(lambda raw: {"B": raw}, BINARY),
    st.builds(lambda truth: {"BOOL": truth}, st.booleans()),
    st.just({"NULL": True}),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.builds(lambda held: {"L": held}, st.lists(inner, max_size=3))
        | st.builds(lambda held: {"M": held}, st.dictionaries(st.text(max_size=5), inner, max_size=3))
    ),
    max_leaves=8,
)
SETS = st.one_of(
    st.builds(lambda texts: {"SS": texts}, st.lists(st.text(max_size=5), min_size=1, max_size=3)),
    st.builds(lambda raws: {"BS": raws}, st.lists(BINARY, min_size=1, max_size=3)),
)
ITEMS = st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=4)


@pytest.fixture(scope="module")
def service() -> ServiceModel:
    return botocore.session.get_session().get_service_model("dynamodb")


def answered(body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    return {"status_code": status, "headers": {}, "body": json.dumps(body).encode()}


def read_by_both(service: ServiceModel, name: str, response: dict[str, Any]) -> tuple[Any, Any]:
    """Read the answer of an operation, or an error, with our reader and with botocore's."""
    errors = {each.name: each for each in service.error_shapes}
    shape = errors.get(name) or service.operation_model(name).output_shape
    parsers: list[Any] = [wire.ItemParser(), JSONParser()]
    ours, theirs = (parser.parse(response, shape) for parser in parsers)
    return ours, theirs


@given(item=ITEMS, other=ITEMS)
def test_items_are_those_of_the_general_reader_but_plain_and_keys_are_as_it_reads_them(
    service: ServiceModel, item: dict[str, Any], other: dict[str, Any]
) -> None:
    one = answered({"Item": item})
    some = answered({"Items": [item, other], "LastEvaluatedKey": other, "Count": 2, "ScannedCount": 2})
    batch = answered({"Responses": {"t": [item, other]}, "UnprocessedKeys": {"t": {"Keys": [other], "ConsistentRead": True}}})

    ours, theirs = read_by_both(service, "GetItem", one)
    assert ours == {**theirs, "Item": from_item(theirs["Item"])}
    ours, theirs = read_by_both(service, "Query", some)
    assert ours == {**theirs, "Items": [from_item(each) for each in theirs["Items"]]}
    ours, theirs = read_by_both(service, "BatchGetItem", batch)
    assert ours == {**theirs, "Responses": {"t": [from_item(each) for each in theirs["Responses"]["t"]]}}


@given(key=st.dictionaries(st.text(min_size=1, max_size=8), SETS, min_size=1))
def test_what_stays_typed_may_hold_sets_and_what_becomes_plain_may_not(service: ServiceModel, key: dict[str, Any]) -> None:
    left = answered({"Responses": {}, "UnprocessedKeys": {"t": {"Keys": [key]}}})

    ours, theirs = read_by_both(service, "BatchGetItem", left)

    assert ours == theirs
    with pytest.raises(TypeError, match="no Python form"):
        read_by_both(service, "GetItem", answered({"Item": key}))


@given(item=ITEMS)
def test_a_write_that_was_left_over_stays_typed_for_it_is_sent_again(service: ServiceModel, item: dict[str, Any]) -> None:
    left = answered({"UnprocessedItems": {"t": [{"PutRequest": {"Item": item}}, {"DeleteRequest": {"Key": item}}]}})

    ours, theirs = read_by_both(service, "BatchWriteItem", left)

    assert ours == theirs
    assert not isinstance(ours["UnprocessedItems"]["t"][0]["PutRequest"]["Item"], PlainItem)


@given(item=ITEMS)
def test_what_a_refused_write_or_transaction_found_is_plain(service: ServiceModel, item: dict[str, Any]) -> None:
    write = answered({"Message": "The conditional request failed", "Item": item}, 400)
    ours, theirs = read_by_both(service, "ConditionalCheckFailedException", write)
    assert ours == {**theirs, "Item": from_item(theirs["Item"])}

    reasons = [{"Code": "ConditionalCheckFailed", "Item": item}, {"Code": "None"}]
    transaction = answered({"Message": "Transaction cancelled", "CancellationReasons": reasons}, 400)
    ours, theirs = read_by_both(service, "TransactionCanceledException", transaction)
    failed, fine = theirs["CancellationReasons"]
    assert ours == {**theirs, "CancellationReasons": [{**failed, "Item": from_item(failed["Item"])}, fine]}


@given(item=ITEMS)
def test_reading_a_plain_item_again_changes_nothing(service: ServiceModel, item: dict[str, Any]) -> None:
    ours, _ = read_by_both(service, "GetItem", answered({"Item": item}))

    assert from_item(ours["Item"]) is ours["Item"]


def test_the_client_of_the_seam_reads_so() -> None:
    seam = Seam(SystemClock(), "us-east-1", "http://127.0.0.1:9")

    factory = seam.session.get_component("response_parser_factory")

    assert isinstance(factory.create_parser("json"), wire.ItemParser)
    assert not isinstance(factory.create_parser("query"), wire.ItemParser)


def test_the_client_of_the_seam_names_itself() -> None:
    sent: list[bytes] = []
    with tables.aws():
        client: Any = Seam(SystemClock(), tables.REGION).client
        client.meta.events.register("before-send", lambda request, **_: sent.append(request.headers["User-Agent"]))
        client.list_tables()

    assert [each.startswith(wire.USER_AGENT.encode()) for each in sent] == [True]


RAW = st.recursive(
    st.one_of(
        st.builds(lambda text: {"S": text}, st.text(max_size=20)),
        st.builds(lambda number: {"N": str(number)}, st.integers()),
        st.builds(lambda raw: {"B": raw}, st.binary(max_size=40)),
        st.builds(lambda truth: {"BOOL": truth}, st.booleans()),
        st.just({"NULL": True}),
        st.builds(lambda texts: {"SS": texts}, st.lists(st.text(max_size=5), min_size=1, max_size=3)),
        st.builds(lambda raws: {"BS": raws}, st.lists(st.binary(max_size=5), min_size=1, max_size=3)),
    ),
    lambda inner: (
        st.builds(lambda held: {"L": held}, st.lists(inner, max_size=3))
        | st.builds(lambda held: {"M": held}, st.dictionaries(st.text(max_size=5), inner, max_size=3))
    ),
    max_leaves=8,
)
RAW_ITEMS = st.dictionaries(st.text(min_size=1, max_size=8), RAW, max_size=4)


@given(item=RAW_ITEMS, value=RAW)
def test_calls_go_out_as_the_general_writer_has_them(service: ServiceModel, item: dict[str, Any], value: dict[str, Any]) -> None:
    put = {"TableName": "t", "Item": item, "ConditionExpression": "#0 = :0", "ExpressionAttributeValues": {":0": value}}
    update = {"TableName": "t", "Key": item, "UpdateExpression": "SET #0 = :0", "ExpressionAttributeNames": {"#0": "n"}}
    calls: dict[str, dict[str, Any]] = {
        "PutItem": put,
        "UpdateItem": update,
        "Query": {"TableName": "t", "ExclusiveStartKey": item, "ExpressionAttributeValues": {":0": value}, "Limit": 2},
        "BatchGetItem": {"RequestItems": {"t": {"Keys": [item, item], "ConsistentRead": True}}},
        "BatchWriteItem": {"RequestItems": {"t": [{"PutRequest": {"Item": item}}, {"DeleteRequest": {"Key": item}}]}},
        "TransactWriteItems": {"TransactItems": [{"Put": put}, {"Update": update}], "ClientRequestToken": "c"},
        "BatchExecuteStatement": {"Statements": [{"Statement": "DELETE", "Parameters": [value, value]}]},
    }

    for name, arguments in calls.items():
        model = service.operation_model(name)
        ours, theirs = (each.serialize_to_request(arguments, model) for each in (wire.ItemSerializer(), JSONSerializer()))
        assert json.loads(ours.pop("body")) == json.loads(theirs.pop("body"))
        assert ours == theirs


@pytest.mark.parametrize("loaded", [True, False])
def test_text_of_every_script_and_half_a_surrogate_pair_go_out(
    service: ServiceModel, monkeypatch: pytest.MonkeyPatch, loaded: bool
) -> None:
    if loaded:
        monkeypatch.setitem(sys.modules, "pydantic_core", pydantic_core)
    else:
        monkeypatch.delitem(sys.modules, "pydantic_core", raising=False)
    put, writer = service.operation_model("PutItem"), wire.ItemSerializer()

    for text in ("M\u00fcller \u30c6 \U0001f600 \u0000 \u2028 \"'\\", "\ud83d"):
        call = {"TableName": "t", "Item": {"pk": {"S": text}}}
        assert json.loads(writer.serialize_to_request(call, put)["body"]) == call


def test_the_client_of_the_seam_writes_so() -> None:
    sent: list[bytes] = []
    with tables.aws():
        seam = Seam(SystemClock(), tables.REGION)
        seam.client.meta.events.register("before-send", lambda request, **_: sent.append(request.body))
        with suppress(ClientError):
            seam.client._make_api_call("PutItem", {"TableName": "t", "Item": {"pk": {"B": b"\x00"}}})

    assert isinstance(seam.client._serializer, wire.ItemSerializer)
    assert json.loads(sent[0])["Item"] == {"pk": {"B": "AA=="}}


@pytest.mark.parametrize("mode", ["preferred", "disabled"])
def test_a_transaction_goes_where_the_general_client_sends_it(mode: Literal["preferred", "disabled"]) -> None:
    def address(prepare: Callable[[Any], None]) -> str:
        session: Any = botocore.session.Session()
        session.set_credentials("key", "secret", account_id="123456789012")
        client: Any = session.create_client("dynamodb", "eu-west-1", config=Config(account_id_endpoint_mode=mode))
        prepare(client)
        sent: list[str] = []

        def take(params: dict[str, Any], **_: Any) -> tuple[Any, dict[str, Any]]:
            sent.append(params["url"])
            return SimpleNamespace(status_code=200), {}

        client.meta.events.register("before-call", take)
        client._make_api_call(
            "TransactWriteItems", {"TransactItems": [{"Delete": {"TableName": "t", "Key": {"pk": {"S": "x"}}}}]}
        )
        return sent[0]

    assert address(wire.write_at_once) == address(lambda _: None)
