"""Messages of a queue are gathered before its function is called."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ministack.services import lambda_svc, sqs

from infrastructure.local.patches import queue_windows
from infrastructure.local.patches.patcher import Patcher

ADDRESS = "http://127.0.0.1/000000000000/gathered"
ARN = "arn:aws:sqs:us-east-1:000000000000:gathered"
Send = Callable[[int, float], None]


@pytest.fixture
def send() -> Iterator[Send]:
    """A queue with a window of a thousand seconds; puts messages into it that have waited for so many seconds."""
    messages: list[dict[str, Any]] = []
    attributes = {"QueueArn": ARN, "VisibilityTimeout": "30"}
    sqs._queues[ADDRESS] = {"is_fifo": False, "attributes": attributes, "messages": messages}
    lambda_svc._esms["gathering"] = {"EventSourceArn": ARN, "MaximumBatchingWindowInSeconds": 1000}
    begin = sqs.time.time()

    def put(count: int, seconds: float) -> None:
        at = begin - seconds
        messages.extend({"id": str(number), "body": "", "sent_at": at, "visible_at": at} for number in range(count))

    yield put
    del sqs._queues[ADDRESS], lambda_svc._esms["gathering"]


def received(most: int) -> int:
    return len(sqs._receive_messages_for_esm(ADDRESS, most))


def test_the_stock_emulator_hands_over_at_once_and_ten_at_most(send: Send) -> None:
    send(1, 0)
    assert received(100) == 1
    send(30, 0)
    assert received(100) == 10


def test_messages_are_gathered_until_the_first_has_waited_for_the_window(send: Send, patcher: Patcher) -> None:
    queue_windows.apply(patcher)
    send(30, -60)
    assert received(100) == 0, "what is not to be seen yet does not wait"
    send(30, 0)

    assert received(100) == 0

    send(1, 2000)
    assert received(100) == 31
    assert received(100) == 0


def test_as_many_as_are_asked_for_are_handed_over_at_once(send: Send, patcher: Patcher) -> None:
    queue_windows.apply(patcher)
    send(120, 0)

    assert (received(100), received(100)) == (100, 0)


def test_a_queue_that_nobody_gathers_is_handed_over_at_once(send: Send, patcher: Patcher) -> None:
    queue_windows.apply(patcher)
    lambda_svc._esms["gathering"]["MaximumBatchingWindowInSeconds"] = 0
    send(1, 0)

    assert (received(100), received(100)) == (1, 0)
