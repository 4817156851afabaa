"""Stream records come one to three times, in any order, hours late: the index is the same, and nothing forgotten comes back."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from backend.index.model import IndexDocument
from backend.memories.model import State
from backend.memories.projection import TOMBSTONES_LAST
from tests.integration.faults.clients import Clients
from tests.integration.faults.delivery_cases import (
    NEVER_ASKED,
    SCOPES,
    TEXTS,
    Life,
    holds_what_the_rows_say,
    lives,
    nothing_is_revived,
)
from tests.integration.faults.history import Ask
from tests.integration.faults.pictures import EmbeddedIndexes, FakeIndexes, Indexes, projected

LIVES = int(os.environ.get("MEMORYSYNC_FAULT_RUNS", "40"))
often = settings(
    max_examples=LIVES, deadline=None, database=None, derandomize=LIVES <= 100, suppress_health_check=list(HealthCheck)
)
# Every embedded index is a file that is synced to the disk at each write.
sometimes = settings(often, max_examples=max(1, LIVES // 4))


def same_index(indexes: Indexes, life: list[Any]) -> None:
    lived = Life(indexes.new())
    lived.live(life)

    assert indexes.contents(lived.deployment.index) == projected(indexes, lived.deployment.rows())
    holds_what_the_rows_say(lived)
    nothing_is_revived(lived)
    assert [item for item in lived.deployment.items() if item["pk"].startswith("P#")] == []


@often
@given(lives)
def test_whatever_way_records_come_the_index_in_memory_is_that_of_an_undisturbed_run(life: list[Any]) -> None:
    same_index(FakeIndexes(), life)


@sometimes
@given(lives)
def test_whatever_way_records_come_the_embedded_index_is_that_of_an_undisturbed_run(life: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        same_index(EmbeddedIndexes(Path(folder)), life)


@often
@given(lives)
def test_records_that_come_after_the_tombstones_are_purged_bring_nothing_back(life: list[Any]) -> None:
    """A parked row may be sent through again after two weeks; what is written then is a tombstone, which the next purge takes."""
    indexes = FakeIndexes()
    lived = Life(indexes.new())
    lived.live(life)
    deployment = lived.deployment
    deployment.clock.advance(seconds=TOMBSTONES_LAST.total_seconds() + 1)
    deployment.container.projection.purge()
    purged = indexes.contents(deployment.index)

    lived.images.clear()
    lived.deliver(life[0][3], at_least=1)

    nothing_is_revived(lived)
    deployment.container.projection.purge()
    assert indexes.contents(deployment.index) == purged
    assert not [content for content in purged if "Tombstone" in content]


@pytest.mark.parametrize("scope", SCOPES, ids=lambda scope: scope.end_user_id)
def test_what_nobody_can_write_so_late_would_still_be_shown_to_nobody_and_be_wiped_by_a_rebuild(scope: Any) -> None:
    """No function runs for longer than 15 minutes, so no image is 15 days late; if one were, the row would still be the truth."""
    indexes = FakeIndexes()
    lived = Life(indexes.new())
    deployment = lived.deployment
    forget = ("forget", scope, "", Random(1))  # noqa: S311 - an order is no secret
    lived.live([("say", scope, TEXTS[2], NEVER_ASKED), forget, forget, forget])
    forgotten = {row.memory_id for row in deployment.rows() if row.state is State.FORGOTTEN}
    deployment.clock.advance(seconds=TOMBSTONES_LAST.total_seconds() + 1)
    deployment.container.projection.purge()
    for tenant_id, changes in lived.images:
        late = [each for each in changes if isinstance(each, IndexDocument) and each.memory_id in forgotten]
        deployment.index.write(tenant_id, late)
    assert len(forgotten) == 3
    assert set(deployment.index.versions(scope, list(forgotten))) == forgotten

    assert [Clients(deployment).attempt(Ask(scope, text)).told for text in TEXTS] == [(), (), ()]

    deployment.container.projection.rebuild()
    assert indexes.contents(deployment.index) == projected(indexes, deployment.rows())
    nothing_is_revived(lived)
