"""Kill -9 of every process of the stack, again and again under four writers: nothing acknowledged is ever lost.

`MEMORYSYNC_KILLS` says how often; each kill comes after at least 500 acknowledged memories of an end user of its own.
"""

# ruff: noqa: T201 - the counts are what one runs this for

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infrastructure.local.stack import Stack
from tests.support.kills import Readers, Writers, add, client, tenant_key

KILLS = int(os.environ.get("MEMORYSYNC_KILLS", "20"))
ENOUGH = 500
PATIENCE_SECONDS = 60.0


@pytest.fixture
def own_stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack that may be killed."""
    stack = Stack(state=tmp_path / "state").with_free_ports()
    stack.start()
    stack.deploy()
    yield stack
    stack.stop()


def sent_again(http: httpx.Client, text: str) -> httpx.Response:
    """Send a request that nobody answered until it is answered: a claim of one that died lasts thirty seconds."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = add(http, text)
        if answer.is_success or time.monotonic() > ends:
            return answer


def killed_once(stack: Stack, api_key: str, end_user: str) -> Writers:
    """Kill the stack under four writers, and check all that they were told and all that they were not."""
    writers = Writers(stack, api_key, end_user)
    writers.write_until_killed(ENOUGH)
    stack.start()
    told = writers.acknowledged
    assert len(told) >= ENOUGH
    readers = Readers(stack, api_key, end_user)
    assert readers.not_read(told.items()) == []
    assert readers.not_found(told.items()) == []
    with client(stack, api_key, end_user) as http:
        retried = {text: sent_again(http, text) for text in writers.unanswered}
    assert [answer.status_code for answer in retried.values() if not answer.is_success] == []
    # Those that were acknowledged and those that were sent again, each once.
    assert Counter(readers.texts()) == Counter([*told.values(), *retried])
    readers.close()
    return writers


def test_no_kill_takes_back_what_was_acknowledged_and_no_retry_doubles_what_was_not(own_stack: Stack) -> None:
    api_key = tenant_key(own_stack)
    rounds = []
    for number in range(1, KILLS + 1):
        began = time.monotonic()
        rounds.append(killed_once(own_stack, api_key, f"u{number}"))
        told, silent = len(rounds[-1].acknowledged), len(rounds[-1].unanswered)
        print(
            f"kill {number}: {told} acknowledged, {told} read, {told} found, 0 lost;"
            f" {silent} unanswered, sent again, 0 doubled; {time.monotonic() - began:.0f} s",
            flush=True,
        )
    # And none of the later kills took anything of the earlier rounds.
    for writers in rounds:
        readers = Readers(own_stack, api_key, writers.end_user)
        assert Counter(readers.texts()) == Counter([*writers.acknowledged.values(), *writers.unanswered])
        assert readers.not_read(writers.acknowledged.items()) == []
        readers.close()
    total = sum(len(writers.acknowledged) for writers in rounds)
    print(f"{KILLS} kills, {total} memories acknowledged: 0 lost, all read after the last kill too")
