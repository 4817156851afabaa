"""The queue between a query and the count."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from backend.kit import observability
from backend.kit.ids import FakeIds
from backend.usage.messages import IDS_A_MESSAGE, access_of
from backend.usage.recording import SqsRecording
from tests.support.logs import log_lines
from tests.support.tables import CREDENTIALS, REGION

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield boto3.client("sqs", region_name=REGION)


def test_each_query_leaves_a_message_of_its_own_with_ids_and_the_moment(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="accesses")["QueueUrl"]
    recording = SqsRecording(url, FakeIds(), REGION)

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

    SqsRecording(url, FakeIds(), REGION).record("acme", ids, NOW)

    found = [access_of(each["Body"]) for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert sorted(each for access in found for each in access.memory_ids) == ids
    assert len(found) == 2


@pytest.mark.usefixtures("sqs")
def test_a_queue_that_does_not_answer_is_counted_and_said_without_an_id_and_nothing_is_raised() -> None:
    recording = SqsRecording(f"https://sqs.{REGION}.amazonaws.com/123456789012/none", FakeIds(), REGION)

    with log_lines() as log, observability.recording("request", "r1") as record:
        recording.record("acme", ["mem_1", "mem_2"], NOW)

    assert record.counts == {"accesses_unsent": 2}
    assert [line["error"] for line in log.lines() if "error" in line] == ["QueueDoesNotExist"]
    assert "mem_1" not in log.text()
