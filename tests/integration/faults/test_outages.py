"""Embedder and index are down for a while: adds go on, and all is as it should be within two minutes after the outage.

Every minute the schedules run, as in the template; the stream tells of changes at once, unless it is lost too.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest

from backend.index.fake import FakeIndex
from backend.index.model import IndexDocument, Tombstone
from backend.kit.errors import IndexUnavailableError
from backend.memories.model import Said, State
from backend.tenancy.scope import Environment, Scope, user_scope
from tests.integration.faults.clients import Clients
from tests.integration.faults.deployment import Deployment
from tests.integration.faults.history import Ask
from tests.integration.faults.pictures import FakeIndexes, projected

BEFORE, DURING = 20, 240
FORGOTTEN = 15
MINUTES = 12
USERS = [user_scope(tenant, "main", Environment.LIVE, f"u{number}") for tenant in ("acme", "rival") for number in range(4)]
INDEXES = FakeIndexes()


@dataclass(frozen=True)
class Seen:
    """How many live rows there are, how many have their vector, and what the index lacks."""

    live: int
    with_vector: int
    unshown: int
    markers: int


def state(deployment: Deployment) -> Seen:
    rows = deployment.rows()
    live = [row for row in rows if row.state is State.ACTIVE]
    there, wanted = set(INDEXES.contents(deployment.index)), set(projected(INDEXES, rows))
    markers = [item for item in deployment.items() if item["pk"].startswith("P#")]
    return Seen(len(live), sum(row.vector is not None for row in live), len(wanted - there), len(markers))


def owner(number: int) -> Scope:
    return USERS[number % len(USERS)]


def add(deployment: Deployment, number: int) -> str:
    return deployment.container.memories.add(owner(number), Said(f"Parcel {number} is blue.")).memories[0].memory_id


def minute(deployment: Deployment, *, stream: bool = True) -> tuple[int, int]:
    """Let a minute pass and its schedules run; return how many rows the sweep showed and the repair filled."""
    deployment.clock.advance(minutes=1)
    shown = 0
    with suppress(IndexUnavailableError):
        # The schedule's alarm rings meanwhile; the next minute tries again.
        shown = deployment.sweep()
    done = shown, deployment.repair()
    if stream:
        deployment.project()
    else:
        deployment.taken()
    return done


def outage(*, embedder: bool, index: bool, stream: bool) -> Deployment:
    """Return a deployment at the end of twelve minutes with 20 adds a minute, and 15 memories forgotten on the way."""
    deployment = Deployment(INDEXES.new())
    ids = [add(deployment, number) for number in range(BEFORE)]
    deployment.project()
    assert state(deployment) == Seen(BEFORE, BEFORE, 0, 0)
    deployment.embedder.down, deployment.index.down = embedder, index  # type: ignore[attr-defined] # the fake's
    for passed in range(MINUTES):
        for _ in range(DURING // MINUTES):
            # Not all in the same instant, and the last ones just before the end.
            deployment.clock.advance(seconds=3)
            ids.append(add(deployment, len(ids)))
            if stream:
                deployment.project()
        for number in range(FORGOTTEN * passed // MINUTES, FORGOTTEN * (passed + 1) // MINUTES):
            deployment.container.memories.forget(owner(number), ids[number])
        minute(deployment, stream=stream)
    deployment.clock.advance(seconds=30)
    deployment.embedder.down = deployment.index.down = False  # type: ignore[attr-defined] # the fake's
    return deployment


HEALED = Seen(live=BEFORE + DURING - FORGOTTEN, with_vector=BEFORE + DURING - FORGOTTEN, unshown=0, markers=0)


def test_what_was_added_while_the_embedder_was_down_has_its_vector_after_one_minute() -> None:
    deployment = outage(embedder=True, index=False, stream=True)
    assert state(deployment) == Seen(HEALED.live, BEFORE - FORGOTTEN, 0, 0)

    assert minute(deployment) == (0, DURING)

    assert state(deployment) == HEALED


def test_what_was_added_while_the_index_was_down_is_shown_after_one_minute() -> None:
    deployment = outage(embedder=False, index=True, stream=True)
    # What was forgotten is a change as well: of memories from before the outage.
    assert state(deployment) == Seen(HEALED.live, HEALED.with_vector, DURING + FORGOTTEN, DURING + FORGOTTEN)

    assert minute(deployment) == (DURING + FORGOTTEN, 0)

    assert state(deployment) == HEALED


def test_after_both_were_down_all_is_healed_within_two_minutes() -> None:
    deployment = outage(embedder=True, index=True, stream=True)
    assert state(deployment) == Seen(HEALED.live, BEFORE - FORGOTTEN, DURING + FORGOTTEN, DURING + FORGOTTEN)

    assert minute(deployment) == (DURING + FORGOTTEN, DURING)
    minute(deployment)

    assert state(deployment) == HEALED
    assert found_of(deployment) == HEALED.live


def test_without_the_stream_vectors_are_there_after_one_minute_and_the_index_after_three() -> None:
    """The repair writes new versions, and the sweep leaves a marker alone until it is older than a minute."""
    deployment = outage(embedder=True, index=True, stream=False)
    lost = state(deployment)
    assert (lost.with_vector, lost.unshown) == (BEFORE - FORGOTTEN, DURING + FORGOTTEN)

    swept = [minute(deployment, stream=False) for _ in range(3)]

    assert swept == [(DURING + FORGOTTEN, DURING), (0, 0), (DURING, 0)]
    assert state(deployment) == HEALED
    assert found_of(deployment) == HEALED.live


class MendableIndex(FakeIndex):
    """Cannot hold one text, for a reason of its own, until somebody mends that."""

    broken = True

    def write(self, tenant_id: str, changes: Sequence[IndexDocument | Tombstone]) -> None:
        if self.broken and any(isinstance(each, IndexDocument) and "7" in each.stems for each in changes):
            raise OverflowError
        super().write(tenant_id, changes)


def test_a_row_that_was_parked_is_shown_by_the_operators_call_once_the_cause_is_mended() -> None:
    index = MendableIndex()
    deployment = Deployment(index)
    ids = [add(deployment, number) for number in (6, 7)]
    deployment.project()
    [(tenant_id, memory_id, _, reason)] = deployment.parked
    assert (memory_id, reason) == (ids[1], "OverflowError")
    again = {"rows": [[tenant_id, memory_id]]}

    assert deployment.invoke("operators.rebuild_index", again) == {"projected": 0, "after": None}
    assert len(deployment.parked) == 2
    index.broken = False
    assert deployment.invoke("operators.rebuild_index", again) == {"projected": 1, "after": None}
    assert deployment.invoke("operators.rebuild_index", again) == {"projected": 1, "after": None}

    assert len(deployment.parked) == 2
    assert state(deployment) == Seen(2, 2, 0, 0)
    assert found_of(deployment) == 2


@pytest.mark.parametrize("down", ["embedder", "index"])
def test_during_the_outage_every_own_write_is_found_by_the_next_question(down: str) -> None:
    deployment = Deployment(INDEXES.new())
    getattr(deployment, down).down = True
    clients = Clients(deployment)
    for number in range(16):
        memory_id = add(deployment, number)
        found = clients.attempt(Ask(owner(number), f"Parcel {number} is blue."))
        assert memory_id in [told.memory_id for told in found.told]
        assert found.degraded == (("semantic",) if down == "embedder" else ("index",))
        deployment.project()


def test_a_long_outage_holds_up_nobody_behind_what_cannot_be_helped() -> None:
    deployment = Deployment(INDEXES.new())
    deployment.embedder.down = True
    many = 500
    for number in range(many):
        add(deployment, number)
    deployment.clock.advance(hours=5)
    deployment.embedder.down = False
    began = deployment.clock.now()

    filled = [minute(deployment)[1] for _ in range(2)]

    assert filled == [many, 0]
    assert state(deployment) == Seen(many, many, 0, 0)
    assert deployment.clock.now() - began == timedelta(minutes=2)


def found_of(deployment: Deployment) -> int:
    """Return how many live memories a question with their own words finds."""
    clients = Clients(deployment)
    live = [row for row in deployment.rows() if row.state is State.ACTIVE]
    scopes = {scope.home: scope for scope in USERS}
    answers = [(row, clients.attempt(Ask(scopes[row.scope_key], row.text))) for row in live]
    return sum(row.memory_id in [told.memory_id for told in event.told] and not event.degraded for row, event in answers)
