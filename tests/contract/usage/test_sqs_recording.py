"""The queue between a query and the count."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ReadTimeoutError
from moto import mock_aws

from backend.kit import observability
from backend.kit.clock import FakeClock
from backend.kit.errors import InternalError, MemorySyncError, TableUnavailableError
from backend.kit.ids import FakeIds
from backend.usage.counting import Counting
from backend.usage.fake import FakeUsageStore
from backend.usage.messages import IDS_A_MESSAGE, access_of
from backend.usage.model import Tally, Target
from backend.usage.recording import SqsRecording
from tests.support.executors import AtOnce
from tests.support.logs import log_lines
from tests.support.tables import CREDENTIALS, REGION

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


NOWHERE = f"https://sqs.{REGION}.amazonaws.com/123456789012/none"


class BrokenStore(FakeUsageStore):
    """Fails in this way."""

    def __init__(self, error: MemorySyncError) -> None:
        super().__init__()
        self.error = error

    def tallies(self, targets: Sequence[Target]) -> dict[Target, Tally]:
        """Fail."""
        del targets
        raise self.error


def counting(store: FakeUsageStore) -> Callable[[Mapping[str, str]], list[str]]:
    """Return what counts into this store, some time after the messages were written."""
    return Counting(store=store, clock=FakeClock(), executor=AtOnce()).count


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield boto3.client("sqs", region_name=REGION)


def test_each_query_leaves_a_message_of_its_own_with_ids_and_the_moment(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="accesses")["QueueUrl"]
    recording = SqsRecording(url, FakeIds(), REGION, count=counting(FakeUsageStore()))

    recording.record("acme", ["mem_1", "mem_2"], NOW)
    recording.record("acme", ["mem_1"], NOW)

    found = [access_of(each["Body"]) for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert sorted((each.tenant_id, each.memory_ids, each.at) for each in found) == [
        ("acme", ("mem_1",), NOW),
        ("acme", ("mem_1", "mem_2"), NOW),
    ]
    assert len({each.mark for each in found}) == 2


def test_what_one_message_cannot_hold_goes_in_several(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="accesses")["QueueUrl"]
    ids = [f"mem_{number:026d}" for number in range(IDS_A_MESSAGE + 1)]

    SqsRecording(url, FakeIds(), REGION, count=counting(FakeUsageStore())).record("acme", ids, NOW)

    found = [access_of(each["Body"]) for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert sorted(each for access in found for each in access.memory_ids) == ids
    assert len(found) == 2


def test_what_the_queue_does_not_take_is_counted_at_once_and_said_without_an_id(sqs: Any) -> None:
    store = FakeUsageStore()
    recording = SqsRecording(NOWHERE, FakeIds(), REGION, count=counting(store))

    with log_lines() as log, observability.recording("request", "r1") as record:
        recording.record("acme", ["mem_1", "mem_2"], NOW)
        recording.record("acme", ["mem_1"], NOW)

    assert {name: each.access_count for name, each in store.get_many("acme", ["mem_1", "mem_2"]).items()} == {
        "mem_1": 2,
        "mem_2": 1,
    }
    assert record.counts == {"accesses_unsent": 3, "accesses_counted": 3, "accesses_too_late": 0}
    assert [line["error"] for line in log.lines() if "error" in line] == ["QueueDoesNotExist"] * 2
    assert "mem_1" not in log.text()
    assert sqs.list_queues().get("QueueUrls", []) == []


def test_what_is_in_the_queue_though_its_answer_was_lost_counts_once(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="accesses")["QueueUrl"]
    store = FakeUsageStore()
    recording = SqsRecording(url, FakeIds(), REGION, count=counting(store))
    send = recording._client.send_message

    def lose_the_answer(**message: Any) -> None:
        send(**message)
        raise ReadTimeoutError(endpoint_url=url)

    recording._client.send_message = lose_the_answer
    recording.record("acme", ["mem_1"], NOW)
    [sent] = sqs.receive_message(QueueUrl=url)["Messages"]

    assert counting(store)({"later": sent["Body"]}) == []
    assert store.get_many("acme", ["mem_1"])["mem_1"].access_count == 1


@pytest.mark.usefixtures("sqs")
@pytest.mark.parametrize("error", [TableUnavailableError(), InternalError("no right to do that")])
def test_what_can_neither_be_sent_nor_counted_is_said_to_be_lost_and_nothing_is_raised(error: MemorySyncError) -> None:
    recording = SqsRecording(NOWHERE, FakeIds(), REGION, count=counting(BrokenStore(error)))

    with log_lines() as log, observability.recording("request", "r1") as record:
        recording.record("acme", ["mem_1", "mem_2"], NOW)

    assert {name: record.counts[name] for name in ("accesses_unsent", "accesses_lost")} == {
        "accesses_unsent": 2,
        "accesses_lost": 2,
    }
    assert "mem_1" not in log.text()
