"""A call leaves as botocore's own client sends it, and its answer is read alike."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ChecksumError, ClientError, EndpointConnectionError, NoCredentialsError
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.calls import Calls
from backend.kit.clock import FakeClock

REGION = "eu-central-1"
SESSION = "part/of="
NOW = datetime(2026, 11, 22, 7, 30, 5, tzinfo=UTC)
QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/accesses"
ITEM = {"pk": {"S": "Ü"}, "raw": {"B": b"\x00\xff"}, "deep": {"L": [{"M": {"n": {"N": "1"}, "b": {"B": b"x"}}}]}}
PUT = {"TableName": "t", "Item": ITEM, "ReturnConsumedCapacity": "TOTAL"}


class Service:
    """Stands at the hook before a request leaves: keeps it and gives the answer that is set."""

    def __init__(self, service: str = "dynamodb", endpoint: str | None = None, token: str | None = SESSION) -> None:
        session = botocore.session.get_session()
        session.set_credentials("AKIA1", "secret", token)
        config = Config(retries={"total_max_attempts": 1, "mode": "standard"})
        made: Any = session.create_client
        self.client = made(service, region_name=REGION, endpoint_url=endpoint, config=config)
        self.client.meta.events.register("before-send", self._answered)
        self.sent: list[Any] = []
        self.status = 200
        self.headers = HTTPHeaders()
        self.body: dict[str, Any] = {}

    def _answered(self, request: Any, **_: Any) -> AWSResponse:
        self.sent.append(request)
        return AWSResponse(request.url, self.status, self.headers, Raw(json.dumps(self.body).encode()))


class Raw(BytesIO):
    def stream(self, **_: Any) -> Any:
        yield self.read()


def calls(service: Service, clock: FakeClock | None = None) -> Calls:
    return Calls(service.client, clock or FakeClock(NOW))


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@pytest.mark.parametrize("endpoint", [None, "http://127.0.0.1:4566", "https://dynamodb.internal"])
@pytest.mark.parametrize(
    ("name", "operation", "method", "arguments"),
    [
        ("dynamodb", "PutItem", "put_item", PUT),
        ("dynamodb", "GetItem", "get_item", {"TableName": "t", "Key": {"pk": {"S": "a"}}, "ConsistentRead": True}),
        ("sqs", "SendMessage", "send_message", {"QueueUrl": QUEUE, "MessageBody": "{}"}),
    ],
)
def test_a_call_is_what_the_general_client_sends(
    name: str, operation: str, method: str, arguments: dict[str, Any], endpoint: str | None
) -> None:
    service = Service(name, endpoint)
    getattr(service.client, method)(**arguments)
    calls(service).call(operation, arguments)
    theirs, ours = service.sent

    assert (ours.method, ours.url, json.loads(ours.body)) == (theirs.method, theirs.url, json.loads(theirs.body))
    for header in ("X-Amz-Target", "Content-Type", "X-Amz-Security-Token"):
        assert text(ours.headers[header]) == text(theirs.headers[header])
    assert text(ours.headers["Content-Length"]) == str(len(ours.body))


def signature_by_botocore(sent: Any, credentials: Any) -> str:
    """Return the header that botocore's own signer gives the same request at the same time."""
    kept = ("X-Amz-Target", "Content-Type")
    request = AWSRequest(sent.method, sent.url, {name: sent.headers[name] for name in kept}, sent.body)
    signer = SigV4Auth(credentials, "dynamodb", REGION)
    request.context["timestamp"] = sent.headers["X-Amz-Date"]
    if credentials.token:
        request.headers["X-Amz-Security-Token"] = credentials.token
    request.headers["X-Amz-Date"] = sent.headers["X-Amz-Date"]
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    names = signer.signed_headers(signer.headers_to_sign(request))
    return f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, SignedHeaders={names}, Signature={signature}"


SERVICES = {
    (endpoint, token): Service(endpoint=endpoint, token=token)
    for endpoint in (None, "http://127.0.0.1:4566")
    for token in (None, "t/o=")
}


@given(
    name=st.sampled_from(sorted(SERVICES, key=str)),
    texts=st.dictionaries(st.text(min_size=1), st.text(), max_size=3),
    moment=st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2030, 1, 1)),  # noqa: DTZ001 - made aware below
)
def test_a_signature_is_botocores_own(name: tuple[str | None, str | None], texts: dict[str, str], moment: datetime) -> None:
    service = SERVICES[name]
    item = {each: {"S": value} for each, value in texts.items()}
    calls(service, FakeClock(moment.replace(tzinfo=UTC))).call("PutItem", {"TableName": "t", "Item": item})
    sent = service.sent.pop()

    assert sent.headers["Authorization"] == signature_by_botocore(sent, Credentials("AKIA1", "secret", name[1]))


def test_a_new_day_and_renewed_credentials_sign_with_a_new_key() -> None:
    service, clock = Service(), FakeClock(NOW)
    sender = calls(service, clock)
    sender.call("PutItem", PUT)
    clock.advance(days=1)
    sender.call("PutItem", PUT)
    service.client._request_signer._credentials = Credentials("AKIA2", "other", "new")
    sender.call("PutItem", PUT)

    assert [sent.headers["Authorization"] for sent in service.sent] == [
        signature_by_botocore(service.sent[0], Credentials("AKIA1", "secret", SESSION)),
        signature_by_botocore(service.sent[1], Credentials("AKIA1", "secret", SESSION)),
        signature_by_botocore(service.sent[2], Credentials("AKIA2", "other", "new")),
    ]


def test_without_credentials_nothing_leaves() -> None:
    service = Service()
    service.client._request_signer._credentials = None

    with pytest.raises(NoCredentialsError):
        calls(service).call("PutItem", PUT)
    assert service.sent == []


REFUSALS = [
    ("ConditionalCheckFailedException", 400, {"Item": {"pk": {"S": "1"}, "raw": {"B": "AP8="}}}),
    ("TransactionCanceledException", 400, {"CancellationReasons": [{"Code": "None"}, {"Code": "ConditionalCheckFailed"}]}),
    ("InternalServerError", 500, {}),
    ("SomethingNew", 400, {}),
]


@pytest.mark.parametrize(("code", "status", "more"), REFUSALS)
def test_a_refusal_is_the_error_that_the_general_client_raises(code: str, status: int, more: dict[str, Any]) -> None:
    service = Service()
    service.status, service.body = status, {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "no", **more}
    raised: list[Any] = []
    for call in (lambda: service.client.put_item(**PUT), lambda: calls(service).call("PutItem", PUT)):
        with pytest.raises(ClientError) as caught:
            call()
        raised.append(caught.value)
    theirs, ours = raised

    for counted in ("RetryAttempts", "MaxAttemptsReached"):
        theirs.response["ResponseMetadata"].pop(counted)
    assert type(ours) is type(theirs)
    assert ours.response == theirs.response
    assert ours.operation_name == "PutItem"


def test_an_answer_is_read_as_the_general_client_reads_it() -> None:
    service = Service()
    service.body = {
        "Item": {"pk": {"S": "Ü"}, "raw": {"B": "AP8="}},
        "ConsumedCapacity": {"TableName": "t", "CapacityUnits": 1.5},
    }
    service.headers["x-amz-crc32"] = str(zlib.crc32(json.dumps(service.body).encode()))
    theirs = service.client.get_item(TableName="t", Key={"pk": {"S": "a"}})
    ours = calls(service).call("GetItem", {"TableName": "t", "Key": {"pk": {"S": "a"}}})

    assert {name: ours[name] for name in service.body} == {name: theirs[name] for name in service.body}


def test_an_answer_that_was_damaged_on_its_way_is_none() -> None:
    service = Service()
    service.headers["x-amz-crc32"] = "1"

    with pytest.raises(ChecksumError):
        calls(service).call("PutItem", PUT)


def test_who_registered_for_a_call_may_change_it_and_add_to_it() -> None:
    service = Service()
    events = service.client.meta.events
    events.register("provide-client-params.dynamodb.Query", lambda params, **_: {**params, "Limit": 1})
    events.register("before-call", lambda params, **_: params["headers"].update({"X-Amz-Told": "by  a hook", "X-Other": "1"}))
    calls(service).call("Query", {"TableName": "t"})
    [sent] = service.sent

    assert json.loads(sent.body) == {"TableName": "t", "Limit": 1}
    assert sent.headers["X-Other"] == "1"
    assert "x-amz-told" in sent.headers["Authorization"]
    assert "x-other" not in sent.headers["Authorization"]


def test_what_json_has_no_form_for_is_not_sent() -> None:
    service = Service()

    with pytest.raises(TypeError, match="set"):
        calls(service).call("PutItem", {"TableName": "t", "Item": {"pk": {"SS": {"a"}}}})
    assert service.sent == []


def test_a_service_that_is_not_there_is_said_in_botocores_words() -> None:
    session = botocore.session.get_session()
    session.set_credentials("AKIA1", "secret")
    client = session.create_client(
        "dynamodb", region_name=REGION, endpoint_url="http://127.0.0.1:9", config=Config(connect_timeout=0.2)
    )

    with pytest.raises(EndpointConnectionError):
        Calls(client).call("PutItem", PUT)
