"""Where the index may be, and how requests to AWS are signed."""

from __future__ import annotations

import re
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from backend.index.opensearch_engine import aws_signer, connect
from backend.kit.errors import InternalError
from tests.unit.index.loopback_opensearch import Request, World, serving

KEYS = Credentials("AKIDEXAMPLE", "made-up", "session-token")


@pytest.mark.parametrize(
    ("endpoint", "reason"),
    [
        ("https://abc.eu-west-1.aoss.amazonaws.com", "Serverless: its vector collections take no document ids"),
        ("https://abc.eu-west-1.aoss.amazonaws.com.:443/", "Serverless"),
        ("https://abc.cn-north-1.aoss.amazonaws.com.cn", "Serverless"),
        ("http://search.example:9200", "plain http to another machine"),
        ("http://10.0.0.7:9200", "plain http to another machine"),
        ("http://0.0.0.0:9200", "plain http to another machine"),
        ("http://localhost:9200", "plain http to another machine"),
        ("http://127.0.0.1.example:9200", "plain http to another machine"),
        ("http://127.0.0.1@search.example", "holds credentials"),
        ("https://admin:pass@search.example", "holds credentials"),
        ("https://search.example/prefix", "has a path"),
        ("ftp://search.example", "no http or https address"),
        ("", "no http or https address"),
    ],
)
def test_an_endpoint_that_cannot_serve_is_refused_with_the_reason(endpoint: str, reason: str) -> None:
    with pytest.raises(InternalError, match=reason) as caught:
        connect(endpoint, region="eu-west-1")
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9200", "http://[::1]:9200", "https://search.example"])
def test_loopback_and_https_are_spoken_to_without_a_signature(endpoint: str) -> None:
    assert auth_of(connect(endpoint, region="eu-west-1")) is None


@pytest.mark.parametrize("host", ["search-x-abc.eu-west-1.es.amazonaws.com", "x.aos.eu-west-1.on.aws"])
def test_requests_to_a_domain_of_aws_are_signed_with_the_credentials_of_the_process(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDPROCESS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    auth = auth_of(connect(f"https://{host}", region="eu-west-1"))
    headers = auth("POST", f"https://{host}/_bulk", b"{}", {})
    assert "Credential=AKIDPROCESS/" in headers["Authorization"]
    assert "/eu-west-1/es/aws4_request" in headers["Authorization"]


def test_a_process_without_credentials_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    with pytest.raises(InternalError, match="no AWS credentials"):
        connect("https://search-x.eu-west-1.es.amazonaws.com", region="eu-west-1")


def test_the_signature_that_is_sent_is_of_the_request_that_is_sent() -> None:
    with serving() as server:
        world = World(server, aws_signer(KEYS, "eu-west-1"))
        world.engine.call("POST", "/memories-read,memories-write/_count", {"query": {"match_all": {}}}, routing="a%2Cb")
        (request,) = server.requests
        world.client.close()
    assert request.headers["x-amz-security-token"] == "session-token"
    assert signature(request.headers["authorization"]) == signature(signed_again(request, server.url))


def signed_again(request: Request, url: str) -> str:
    """The signature that AWS's own client puts under the same request at the same moment."""
    names = re.search(r"SignedHeaders=([^,]+)", request.headers["authorization"])
    assert names
    kept = {name: request.headers[name] for name in names[1].split(";") if name != "host"}
    again = AWSRequest("POST", url + request.path, headers=kept, data=request.body.encode())
    again.context["timestamp"] = request.headers["x-amz-date"]
    signer = SigV4Auth(KEYS, "es", "eu-west-1")
    return f"Signature={signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)}"


def signature(header: str) -> str:
    found = re.search(r"Signature=([0-9a-f]{64})", header)
    assert found
    return found[1]


def auth_of(client: Any) -> Any:
    return client.transport.get_connection().http_auth
