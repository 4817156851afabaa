import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ministack import app as emulator
from ministack.core import persistence
from ministack.services import cloudformation, dynamodb, kms, secretsmanager, sqs

from infrastructure.local import durability
from infrastructure.local.durability import Saver
from infrastructure.local.errors import StateError
from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]
TARGETS = {"sqs": "AmazonSQS", "dynamodb": "DynamoDB_20120810"}


@pytest.fixture
def saver(tmp_path: Path, patcher: Patcher) -> Saver:
    saver = Saver(tmp_path)
    saver.apply(patcher)
    return saver


@pytest.fixture
def stack() -> Iterator[Json]:
    stack: Json = {"StackName": "product", "StackId": "arn:product", "StackStatus": "CREATE_IN_PROGRESS"}
    cloudformation._stacks["product"] = stack
    yield stack
    cloudformation._stacks.pop("product")


def call(service: str, action: str, **body: Any) -> tuple[int, Json]:
    headers = {"x-amz-target": f"{TARGETS.get(service, service)}.{action}", "content-type": "application/x-amz-json-1.0"}
    handler = emulator.SERVICE_HANDLERS[service]
    status, _, answer = asyncio.run(handler("POST", "/", headers, json.dumps(body).encode(), {}))
    return status, json.loads(answer)


@pytest.mark.parametrize(
    ("service", "method", "target", "expected"),
    [
        ("kms", "POST", "TrentService.CreateKey", True),
        ("kms", "POST", "TrentService.Decrypt", False),
        ("kms", "POST", "TrentService.GenerateDataKey", False),
        ("secretsmanager", "POST", "secretsmanager.PutSecretValue", True),
        ("secretsmanager", "POST", "secretsmanager.GetSecretValue", False),
        ("dynamodb", "POST", "DynamoDB_20120810.PutItem", False),
        ("dynamodb", "POST", "DynamoDB_20120810.TransactWriteItems", False),
        ("dynamodb", "POST", "DynamoDB_20120810.Query", False),
        ("dynamodb", "POST", "DynamoDB_20120810.CreateTable", True),
        ("dynamodb", "POST", "DynamoDB_20120810.RestoreTableFromBackup", True),
        ("dynamodb", "POST", "DynamoDB_20120810.AnActionOfTheFuture", True),
        ("sqs", "POST", "AmazonSQS.SendMessage", True),
        ("sqs", "POST", "AmazonSQS.GetQueueUrl", False),
        ("s3", "PUT", "", True),
        ("s3", "GET", "", False),
        ("lambda", "PUT", "", True),
        ("lambda", "GET", "", False),
    ],
)
def test_a_call_that_changes_something_is_known_by_its_name(service: str, method: str, target: str, expected: bool) -> None:
    assert durability.changes(service, method, "/", {"x-amz-target": target}, b"") is expected


def test_the_query_protocol_names_its_action_in_the_body() -> None:
    assert durability.changes("iam", "POST", "/", {}, b"Version=2010-05-08&Action=CreateRole&RoleName=r")
    assert not durability.changes("iam", "POST", "/", {}, b"Action=GetRole&RoleName=r")


def test_calling_a_function_changes_nothing_that_has_to_be_saved() -> None:
    assert not durability.changes("lambda", "POST", "/2015-03-31/functions/add/invocations", {}, b"{}")


def test_the_stock_emulator_writes_nothing_when_it_answers(tmp_path: Path) -> None:
    assert call("kms", "CreateKey")[0] == 200
    assert list(tmp_path.iterdir()) == []
    kms.reset()


@pytest.mark.usefixtures("saver")
def test_a_key_is_on_disk_when_the_answer_is_there(tmp_path: Path) -> None:
    key = call("kms", "CreateKey")[1]["KeyMetadata"]["KeyId"]

    assert key in (tmp_path / "kms.json").read_text()
    kms.reset()


@pytest.mark.usefixtures("saver")
def test_a_call_that_failed_saves_nothing(tmp_path: Path) -> None:
    assert call("secretsmanager", "DeleteSecret", SecretId="none")[0] == 400
    assert not (tmp_path / "secretsmanager.json").exists()


def test_messages_are_saved_soon_but_not_one_by_one(saver: Saver, tmp_path: Path) -> None:
    url = call("sqs", "CreateQueue", QueueName="parked")[1]["QueueUrl"]
    assert "remember me" not in (tmp_path / "sqs.json").read_text()
    call("sqs", "SendMessage", QueueUrl=url, MessageBody="remember me")
    assert "remember me" not in (tmp_path / "sqs.json").read_text()

    saver._save_what_is_due()

    assert "remember me" in (tmp_path / "sqs.json").read_text()
    sqs.reset()


@pytest.fixture
def table() -> Iterator[str]:
    """A table with one item of some length."""
    keys = {
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    }
    call("dynamodb", "CreateTable", TableName="loaded", BillingMode="PAY_PER_REQUEST", **keys)
    yield "loaded"
    call("dynamodb", "DeleteTable", TableName="loaded")


def put(table: str, key: str, length: int) -> None:
    assert call("dynamodb", "PutItem", TableName=table, Item={"pk": {"S": key}, "text": {"S": "x" * length}})[0] == 200


def test_a_long_journal_gives_way_to_a_snapshot_of_the_tables_alone(
    saver: Saver, table: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "JOURNAL_BYTES", 1000)
    put(table, "a", 50_000)

    saver._save_what_is_due()

    assert saver.status()["journal_bytes"] == 0
    assert "x" * 50_000 in (tmp_path / "dynamodb.json").read_text()
    assert [path.name for path in tmp_path.glob("*.json")] == ["dynamodb.json"]


def test_the_next_snapshot_waits_until_as_much_has_come_in_as_the_last_one_holds(
    saver: Saver, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "JOURNAL_BYTES", 1000)
    put(table, "a", 50_000)
    saver._save_what_is_due()

    put(table, "b", 30_000)
    saver._save_what_is_due()
    assert saver.status()["journal_bytes"] > 30_000
    put(table, "c", 30_000)
    saver._save_what_is_due()

    assert saver.status()["journal_bytes"] == 0


def test_tables_are_written_as_the_emulator_writes_them(saver: Saver, table: str, tmp_path: Path) -> None:
    named = {"pk": {"S": "日本 é \x7f\u2028"}, "span": {"L": [{"N": "1"}, {"NULL": True}]}}
    assert call("dynamodb", "PutItem", TableName=table, Item=named)[0] == 200
    saver.save_all()
    saved = (tmp_path / "dynamodb.json").read_bytes()
    state = {"__ministack_format__": persistence._state_format_version("dynamodb"), "payload": dynamodb.get_state()}

    assert json.loads(saved) == json.loads(json.dumps(state, default=persistence._json_default))
    assert saved.isascii()


@pytest.mark.parametrize("state", [{"half of a pair": "\ud83d"}, {"binary": b"\xff"}])
def test_what_is_no_text_is_written_too(state: Json) -> None:
    key = "dynamodb" if "binary" not in state else "s3"

    assert durability.written(key, state) == json.dumps(state, default=persistence._json_default).encode()


def test_while_a_stack_is_deployed_the_state_on_disk_stays_the_one_before(saver: Saver, tmp_path: Path, stack: Json) -> None:
    call("kms", "CreateKey")

    assert not saver.save_all()
    assert not (tmp_path / "kms.json").exists()
    stack["StackStatus"] = "CREATE_COMPLETE"
    assert saver.save_all()
    assert (tmp_path / "kms.json").exists()
    kms.reset()


def test_a_change_set_that_nobody_executes_does_not_stop_the_saving(saver: Saver, stack: Json) -> None:
    stack["StackStatus"] = "REVIEW_IN_PROGRESS"

    assert saver.save_all()


def test_nobody_learns_that_a_stack_is_complete_before_it_is_on_disk(saver: Saver, tmp_path: Path, stack: Json) -> None:
    del saver

    def describe() -> None:
        body = b"Action=ListStacks&Version=2010-05-15"
        asyncio.run(emulator.SERVICE_HANDLERS["cloudformation"]("POST", "/", {}, body, {}))

    describe()
    assert not (tmp_path / "cloudformation.json").exists()
    stack["StackStatus"] = "CREATE_COMPLETE"
    describe()

    assert "CREATE_COMPLETE" in (tmp_path / "cloudformation.json").read_text()


def test_saved_state_is_loaded_again(saver: Saver, tmp_path: Path, patcher: Patcher) -> None:
    patcher.attribute(persistence, "PERSIST_STATE", True)
    patcher.attribute(persistence, "STATE_DIR", str(tmp_path))
    call("secretsmanager", "CreateSecret", Name="pepper", SecretString="hot")
    secretsmanager.reset()

    saver.load()

    assert call("secretsmanager", "GetSecretValue", SecretId="pepper")[1]["SecretString"] == "hot"
    secretsmanager.reset()


@pytest.mark.parametrize("content", ["{", '{"__ministack_format__": 99, "payload": {}}'])
def test_state_that_cannot_be_read_stops_the_start(saver: Saver, tmp_path: Path, patcher: Patcher, content: str) -> None:
    patcher.attribute(persistence, "PERSIST_STATE", True)
    patcher.attribute(persistence, "STATE_DIR", str(tmp_path))
    (tmp_path / "kms.json").write_text(content)

    with pytest.raises(StateError, match=r"kms\.json cannot be read"):
        saver.load()


def growing(times: int) -> Callable[[], Json]:
    """Return a state that another thread changes while it is read, so many times."""
    calls = iter(range(times))

    def state() -> Json:
        if next(calls, None) is not None:
            message = "dictionary changed size during iteration"
            raise RuntimeError(message)
        return {"calm": True}

    return state


def test_state_that_changes_while_it_is_read_is_read_again(saver: Saver, tmp_path: Path) -> None:
    saver.save("kms", growing(3))

    assert json.loads((tmp_path / "kms.json").read_text())["payload"] == {"calm": True}


def test_state_that_never_stands_still_is_told_and_the_old_file_stays(
    saver: Saver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durability, "_TRIES", 2)
    (tmp_path / "kms.json").write_text("old")

    with pytest.raises(StateError, match="changes too fast"):
        saver.save("kms", growing(99))
    assert (tmp_path / "kms.json").read_text() == "old"
