"""`python -m infrastructure.search` as it is typed: one line that names the stack."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto import mock_aws

from infrastructure.search.__main__ import main
from tests.unit.index.loopback_opensearch import LoopbackOpenSearch, described, serving

REGION = "eu-west-1"
MINE = "memories-minilm-l6-v2-int8-384-384-v3"
TEMPLATE = """
Resources:
  Nothing: {Type: AWS::SNS::Topic}
Outputs:
  SearchEndpoint: {Value: "%s"}
  MemoriesTableName: {Value: memories}
  PepperSecret: {Value: pepper}
  DataKeyArn: {Value: data-key}
  EmbeddingProvider: {Value: local}
"""


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackOpenSearch]:
    """An engine without any index, and a stack `prod` that says where it is."""
    for name, value in {"AWS_ACCESS_KEY_ID": "made", "AWS_SECRET_ACCESS_KEY": "up", "AWS_DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    # The command sets it for the adapters; this puts it back.
    monkeypatch.setenv("AWS_REGION", REGION)
    with serving() as server, mock_aws():
        server.layout = {}
        boto3.client("cloudformation").create_stack(StackName="prod", TemplateBody=TEMPLATE % server.url)
        yield server


def run(*argv: str) -> int:
    return main([*argv, "--stack", "prod"])


def test_create_makes_the_index_of_the_stacks_model_behind_both_aliases(
    engine: LoopbackOpenSearch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("create") == 0

    assert capsys.readouterr().out == "Created.\n"
    assert [request.path for request in engine.requests if request.method == "PUT"] == ["/_cluster/settings", f"/{MINE}"]
    [moved] = engine.sent("/_aliases")
    assert {alias for alias in ("memories-read", "memories-write") if alias in moved.body} == {"memories-read", "memories-write"}


def test_create_again_changes_nothing(engine: LoopbackOpenSearch, capsys: pytest.CaptureFixture[str]) -> None:
    engine.layout = {MINE: described("memories-read", "memories-write")}

    assert run("create") == 0

    assert capsys.readouterr().out == "It is there already.\n"
    assert {request.method for request in engine.requests} == {"GET"}


def test_create_puts_no_index_of_another_model_over_one_that_serves(
    engine: LoopbackOpenSearch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.layout = {"memories-other-8-v2": described("memories-read", "memories-write")}

    assert run("create") == 1

    assert "migrate to it" in capsys.readouterr().err
    assert {request.method for request in engine.requests} == {"GET"}


def test_nothing_can_be_migrated_before_something_is_created(
    engine: LoopbackOpenSearch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("migrate") == 1

    assert "create one" in capsys.readouterr().err
    assert {request.method for request in engine.requests} == {"GET"}


def test_status_says_which_indexes_there_are(engine: LoopbackOpenSearch, capsys: pytest.CaptureFixture[str]) -> None:
    engine.layout = {MINE: described("memories-read", "memories-write")}
    counted = {"status": 200, "timed_out": False, "_shards": {"failed": 0}, "hits": {"hits": []}}
    buckets = [{"key": "document", "doc_count": 7}, {"key": "tombstone", "doc_count": 2}]
    engine.tell("/_msearch", (200, {"responses": [{**counted, "aggregations": {"kinds": {"buckets": buckets}}}]}))

    assert run("status") == 0

    said = capsys.readouterr().out
    assert MINE in said
    assert "memories-read, memories-write" in said
    assert "7" in said


def test_an_engine_that_does_not_answer_is_a_sentence_and_not_a_traceback(
    engine: LoopbackOpenSearch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine.tell("/memories-*", (403, {"error": {"type": "security_exception", "reason": "secret"}}))

    assert run("create") == 1

    assert capsys.readouterr().err == "The index refuses: security_exception (403).\n"


@pytest.mark.parametrize("named_by", ["AWS_REGION", "AWS_DEFAULT_REGION", "--region"])
def test_the_region_is_that_of_the_settings_unless_one_is_given(
    named_by: str, engine: LoopbackOpenSearch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name)
    if named_by == "--region":
        assert run("create", "--region", REGION) == 0
    else:
        monkeypatch.setenv(named_by, REGION)
        assert run("create") == 0
    assert capsys.readouterr().out == "Created.\n"
    assert engine.sent("/_aliases")


def test_a_region_has_to_be_named_somewhere(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")

    assert run("create") == 1

    assert "--region" in capsys.readouterr().err
