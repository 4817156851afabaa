"""The queue for rows that cannot be projected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from backend.kit.errors import DependencyUnavailableError
from backend.memories.parking import SqsParking
from tests.support.tables import CREDENTIALS, REGION


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield boto3.client("sqs", region_name=REGION)


def test_what_is_parked_waits_in_the_queue_with_ids_and_the_kind_of_failure(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="parked")["QueueUrl"]

    SqsParking(url, REGION).park("acme", "mem_1", 3, "OverflowError")

    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"]) == {
        "tenant_id": "acme",
        "memory_id": "mem_1",
        "row_version": 3,
        "reason": "OverflowError",
    }


@pytest.mark.usefixtures("sqs")
def test_a_queue_that_does_not_answer_is_said_in_our_words() -> None:
    parking = SqsParking(f"https://sqs.{REGION}.amazonaws.com/123456789012/none", REGION)

    with pytest.raises(DependencyUnavailableError):
        parking.park("acme", "mem_1", 3, "OverflowError")
