"""kill -9 of every process of the stack, at any moment."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.exceptions
import pytest

from infrastructure.local import process
from infrastructure.local.errors import LocalStackError
from infrastructure.local.stack import Stack

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("local_stack_killed")]

Json = dict[str, Any]
TABLE = "notes"
WRITERS = 4
WRITES = 120
"""Of each writer before the kill; a kind of write takes turns with the next."""


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(state=tmp_path / "state", template=tmp_path / "none.yaml").with_free_ports()
    stack.start()
    yield stack
    stack.kill()


def make_table(stack: Stack) -> None:
    stack.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    )


class Writer(threading.Thread):
    """Writes in five ways and remembers what was acknowledged, and what may or may not have happened."""

    def __init__(self, stack: Stack, key: str, enough: threading.Event) -> None:
        super().__init__()
        self.key = key
        self.acknowledged: dict[str, str | None] = {}
        self.unknown: set[str] = set()
        self.count = 0
        self._client = stack.client("dynamodb")
        self._enough = enough

    def run(self) -> None:
        while True:
            changes, call, request = self._next(self.count)
            try:
                getattr(self._client, call)(**request)
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
                self.unknown = set(changes)
                return
            self.acknowledged |= changes
            self.count += 1
            if self.count == WRITES:
                self._enough.set()

    def _next(self, turn: int) -> tuple[dict[str, str | None], str, Json]:
        one, two, value = f"{turn}a", f"{turn}b", f"value {turn}"
        puts = [{"PutRequest": {"Item": self._item(sort_key, value)}} for sort_key in (one, two)]
        key = self._key("counter")
        update = {
            "UpdateExpression": "SET #v = :v",
            "ExpressionAttributeNames": {"#v": "value"},
            "ExpressionAttributeValues": {":v": {"S": value}},
        }
        match turn % 5:
            case 0:
                return {one: value}, "put_item", {"TableName": TABLE, "Item": self._item(one, value)}
            case 1:
                return {one: value, two: value}, "batch_write_item", {"RequestItems": {TABLE: puts}}
            case 2:
                transaction = [{"Put": {"TableName": TABLE, "Item": self._item(sort_key, value)}} for sort_key in (one, two)]
                return {one: value, two: value}, "transact_write_items", {"TransactItems": transaction}
            case 3:
                return {"counter": value}, "update_item", {"TableName": TABLE, "Key": key, **update}
        gone = f"{turn - 2}a"
        return {gone: None}, "delete_item", {"TableName": TABLE, "Key": self._key(gone)}

    def _key(self, sort_key: str) -> Json:
        return {"pk": {"S": self.key}, "sk": {"S": sort_key}}

    def _item(self, sort_key: str, value: str) -> Json:
        return {**self._key(sort_key), "value": {"S": value}}

    def wrong(self) -> list[str]:
        """Return what is not as it was acknowledged."""
        pages = self._client.get_paginator("query").paginate(
            TableName=TABLE, KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": self.key}}
        )
        found = {item["sk"]["S"]: item["value"]["S"] for page in pages for item in page["Items"]}
        known = {name: value for name, value in self.acknowledged.items() if name not in self.unknown}
        return [name for name, value in known.items() if found.get(name) != value]

    def torn(self) -> bool:
        """Return whether the transaction that was under way happened in part."""
        if len(self.unknown) < 2 or self.count % 5 != 2:
            return False
        items = [self._client.get_item(TableName=TABLE, Key=self._key(name)).get("Item") for name in self.unknown]
        return len({item is None for item in items}) == 2


def write_until_killed(stack: Stack, generation: int = 0) -> list[Writer]:
    enough = threading.Event()
    writers = [Writer(stack, f"writer {generation}.{number}", enough) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    assert enough.wait(timeout=60)
    assert stack.kill()
    for writer in writers:
        writer.join()
    return writers


def test_no_acknowledged_write_is_lost(stack: Stack) -> None:
    make_table(stack)
    for generation in range(2):
        writers = write_until_killed(stack, generation)
        assert sum(writer.count for writer in writers) > WRITES
        stack.start()
        assert stack.ask("GET", "/_local/status")["images_replayed"] > WRITES

        assert [writer.wrong() for writer in writers] == [[]] * WRITERS
        assert not any(writer.torn() for writer in writers)


def test_without_the_journal_acknowledged_writes_are_lost(stack: Stack) -> None:
    make_table(stack)
    writers = write_until_killed(stack)
    for segment in (stack.directory / "emulator" / "journal").iterdir():
        segment.unlink()
    stack.start()

    assert all(writer.wrong() for writer in writers)


def test_a_kill_during_snapshots_loses_nothing(stack: Stack) -> None:
    make_table(stack)
    stopped = threading.Event()

    def save_again_and_again() -> None:
        while not stopped.is_set():
            try:
                stack.save()
            except Exception:  # noqa: BLE001 - the kill ends this, wherever it is
                return

    saver = threading.Thread(target=save_again_and_again)
    saver.start()
    writers = write_until_killed(stack)
    stopped.set()
    saver.join()
    stack.start()

    assert [writer.wrong() for writer in writers] == [[]] * WRITERS


def test_keys_secrets_and_buckets_are_on_disk_when_their_answer_is_there(stack: Stack) -> None:
    kms, secrets, s3 = stack.client("kms"), stack.client("secretsmanager"), stack.client("s3")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    sealed = kms.encrypt(KeyId=key, Plaintext=b"hello")["CiphertextBlob"]
    secrets.create_secret(Name="pepper", SecretString="hot")
    s3.create_bucket(Bucket="raw-content")
    s3.put_object(Bucket="raw-content", Key="one", Body=b"bytes")

    stack.kill()
    stack.start()

    assert stack.client("kms").decrypt(CiphertextBlob=sealed)["Plaintext"] == b"hello"
    assert stack.client("secretsmanager").get_secret_value(SecretId="pepper")["SecretString"] == "hot"
    assert stack.client("s3").get_object(Bucket="raw-content", Key="one")["Body"].read() == b"bytes"


def test_a_damaged_state_file_stops_the_start_and_is_not_overwritten(stack: Stack) -> None:
    make_table(stack)
    stack.stop()
    path = stack.directory / "emulator" / "dynamodb.json"
    path.write_text("{")

    with pytest.raises(LocalStackError, match=r"dynamodb\.json cannot be read"):
        stack.start()
    assert path.read_text() == "{"


def test_kill_ends_the_workers_too_and_the_lock_is_free(stack: Stack) -> None:
    assert stack.kill()
    assert stack.running() is None
    assert not stack.kill()
    assert stack.start()


def test_an_emulator_whose_state_directory_is_gone_ends_by_itself(stack: Stack) -> None:
    alive = stack.running()
    assert alive is not None
    shutil.rmtree(stack.directory)

    assert process._children.pop(alive.pid).wait(timeout=60) == 1
