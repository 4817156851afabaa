"""Gap: a function that works off a queue is called for every message at once, with ten of them at most.

Lambda gathers what comes within `MaximumBatchingWindowInSeconds`, up to `BatchSize` messages (AWS Lambda Developer Guide,
"Using Lambda with Amazon SQS"). Without this patch every query would cost one machine a second call of a function.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

import time
from typing import Any

from ministack.services import lambda_svc, sqs

from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]


def apply(patcher: Patcher) -> None:
    """Hand messages over when there are enough of them, or when the first has waited for as long as the window is."""

    def receive(queue_url: str, most: int) -> list[Json]:
        with sqs._queues_lock:
            queue = sqs._get_q(queue_url)
            sqs._expire_retained(queue)
            sqs._dlq_sweep(queue)
            now = time.time()
            waiting = [now - message["visible_at"] for message in queue["messages"] if message["visible_at"] <= now]
            if len(waiting) < most and max(waiting, default=-1.0) < window_of(queue["attributes"]["QueueArn"]):
                return []
            found: list[Json] = sqs._collect_msgs(queue, most, int(queue["attributes"].get("VisibilityTimeout", "30")))
            return found

    patcher.attribute(sqs, "_receive_messages_for_esm", receive)


def window_of(queue_arn: str) -> float:
    """Return for how many seconds messages of a queue are gathered: 0 where nobody says."""
    windows = [
        float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
        for _, _, mapping in lambda_svc._iter_all_esms()
        if mapping.get("EventSourceArn") == queue_arn
    ]
    return max(windows, default=0.0)
