"""Word of accesses comes one to three times, in any order and batches, under faults: each access counts once."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backend.index.fake import FakeIndex
from backend.memories.model import Said
from backend.usage.fake import FakeRecording
from backend.usage.messages import access_of
from backend.usage.model import Tally, Usage
from tests.integration.faults.deployment import USAGE, Deployment
from tests.support.events import queue_event
from tests.support.faults import DiedError, Fault
from tests.unit.memories.samples import ACME

RUNS = int(os.environ.get("MEMORYSYNC_FAULT_RUNS", "40"))
FAULTS = [fault for fault in Fault if fault is not Fault.CONFLICT]
MEMORIES = 3
PATIENCE = 400

often = settings(
    max_examples=RUNS, deadline=None, database=None, derandomize=RUNS <= 100, suppress_health_check=list(HealthCheck)
)


class Queue:
    """Delivers each message one to three times, in any order, and again what was not done."""

    def __init__(self, deployment: Deployment, messages: list[str], random: Random) -> None:
        self._deployment = deployment
        self._random = random
        self._left = [(f"m{number}", body) for number, body in enumerate(messages) for _ in range(random.randint(1, 3))]
        random.shuffle(self._left)

    def deliver(self, share_of_faults: float) -> None:
        """Call the function until nothing is left. After many calls without an end no call fails any more."""
        calls = 0
        while self._left:
            size = self._random.randint(1, 6)
            batch, self._left = self._left[:size], self._left[size:]
            self._expect(share_of_faults if calls < PATIENCE else 0)
            calls += 1
            again = self._not_done(batch)
            for each in again:
                self._left.insert(self._random.randint(0, len(self._left)), each)
        self._deployment.gate.expect({})

    def _not_done(self, batch: list[tuple[str, str]]) -> list[tuple[str, str]]:
        distinct = dict(batch)
        try:
            answer = self._deployment.invoke("lifecycle.count_usage", queue_event(distinct))
        except DiedError:
            return batch
        failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        return [each for each in batch if each[0] in failed]

    def _expect(self, share: float) -> None:
        random = self._random
        self._deployment.gate.expect({call: random.choice(FAULTS) for call in range(20) if random.random() < share})


def counted(deployment: Deployment, memory_ids: list[str]) -> dict[str, Tally]:
    tallies = deployment.container.usage_store.tallies([("acme", each) for each in memory_ids])
    return {memory_id: tally for (_, memory_id), tally in tallies.items()}


def expected(messages: list[str], memory_id: str) -> Usage:
    accesses = [access for access in map(access_of, messages) if memory_id in access.memory_ids]
    latest: datetime | None = max((access.at for access in accesses), default=None)
    return Usage(len(accesses), latest)


def lived(seed: int, share_of_faults: float) -> tuple[Deployment, list[str], list[str]]:
    """Remember, ask, and let word of what was returned come; return the memories and all messages."""
    random = Random(seed)  # noqa: S311 - a seeded history
    deployment = Deployment(FakeIndex())
    added = [deployment.container.memories.add(ACME, Said(f"Fact {number}.")) for number in range(MEMORIES)]
    memory_ids = [each.memories[0].memory_id for each in added]
    recording = FakeRecording(deployment.container.ids)
    for _ in range(random.randint(1, 15)):
        deployment.clock.advance(seconds=random.randint(0, 5))
        recording.record("acme", random.sample(memory_ids, random.randint(1, MEMORIES)), deployment.clock.now())
    Queue(deployment, recording.messages, random).deliver(share_of_faults)
    return deployment, memory_ids, recording.messages


@often
@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.5]))
def test_each_access_counts_once_whatever_happens_on_the_way(seed: int, share_of_faults: float) -> None:
    deployment, memory_ids, messages = lived(seed, share_of_faults)

    found = {memory_id: tally.usage for memory_id, tally in counted(deployment, memory_ids).items()}

    assert found == {memory_id: expected(messages, memory_id) for memory_id in memory_ids}


@often
@given(st.integers(0, 2**32))
def test_nothing_is_left_of_a_forgotten_memory_whenever_word_of_it_comes(seed: int) -> None:
    random = Random(seed)  # noqa: S311 - a seeded history
    deployment, memory_ids, messages = lived(seed, 0)
    gone = memory_ids[0]
    deployment.container.memories.forget(ACME, gone)
    early, late = messages[::2], messages[1::2]
    Queue(deployment, early, random).deliver(0.2)

    deployment.quiet()
    Queue(deployment, [*messages, *late], random).deliver(0.2)

    tallies = counted(deployment, memory_ids)
    assert tallies.pop(gone) == Tally(is_gone=True)
    assert {memory_id: tally.usage for memory_id, tally in tallies.items()} == {
        memory_id: expected(messages, memory_id) for memory_id in memory_ids[1:]
    }
    [left] = [item for item in deployment.items(USAGE) if item["pk"].endswith(gone)]
    assert set(left) == {"pk", "sk", "schema_version", "gone", "ttl"}


def test_the_faults_that_are_meant_to_happen_happen() -> None:
    """The histories above would hold of a queue that delivers everything once, too."""
    random = Random(1)  # noqa: S311 - a seeded history
    deployment = Deployment(FakeIndex())
    recording = FakeRecording(deployment.container.ids)
    for _ in range(30):
        recording.record("acme", ["mem_1"], deployment.clock.now())
    seen: Counter[str] = Counter()
    queue = Queue(deployment, recording.messages, random)
    deliver = queue._not_done

    def watched(batch: list[tuple[str, str]]) -> list[tuple[str, str]]:
        again: list[Any] = deliver(batch)
        seen["batches"] += 1
        seen["again"] += bool(again)
        seen["struck"] += deployment.gate.struck
        return again

    queue._not_done = watched  # type: ignore[method-assign] # to look, and do the same
    queue.deliver(0.5)

    assert min(seen["batches"], seen["again"], seen["struck"]) > 10
    assert counted(deployment, ["mem_1"])["mem_1"].usage.access_count == 30
