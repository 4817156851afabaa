"""A table restored beside the live one gives back what was lost, and nothing that was forgotten since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from backend.kit.dynamodb import Table
from backend.kit.errors import TableUnavailableError
from backend.memories.documents import documents_of
from backend.memories.model import Said
from backend.tenancy.scope import Environment, user_scope
from infrastructure.restore import restore
from tests.contract.memories.memory_world import MEMORIES, FailingAt, World
from tests.support import tables
from tests.unit.memories.samples import MODEL, VECTOR

BACKUP = "RestoredTable"
SCOPE = user_scope("acme", "support", Environment.LIVE, "u1")


@pytest.fixture
def backup(world: World) -> Iterator[Table]:
    """An empty table of the same form."""
    world.client.create_table(**{**tables.table_definitions()[MEMORIES], "TableName": BACKUP})
    yield Table(BACKUP, world.seam)
    world.client.delete_table(TableName=BACKUP)


def live(world: World) -> Table:
    return Table(MEMORIES, world.seam)


def added(world: World, text: str) -> str:
    [memory] = world.service.add(SCOPE, Said(text=text)).memories
    return memory.memory_id


def back_up(world: World, backup: Table) -> None:
    backup.put_many(world.items_in())


def texts(world: World) -> set[str]:
    return {memory.text for memory in world.store.page(SCOPE, limit=99, before=None, now=world.clock.now()).memories}


def content(world: World) -> list[dict[str, Any]]:
    """Everything but the markers, in a fixed order."""
    kept = (item for item in world.items_in() if not item["pk"].startswith("P#"))
    return sorted(kept, key=lambda item: (item["pk"], item["sk"]))


def lose_everything(world: World) -> None:
    for item in world.items_in():
        live(world).delete(item["pk"], item["sk"])


def test_a_lost_table_comes_back_whole(world: World, backup: Table) -> None:
    for number in range(30):
        added(world, f"fact number {number}")
    before = content(world)
    back_up(world, backup)
    lose_everything(world)

    counts = restore(backup, live(world))

    assert content(world) == before
    assert counts == {"written": len(before), "markers": 30}


def test_what_was_forgotten_after_the_backup_stays_forgotten(world: World, backup: Table) -> None:
    forgotten, kept = added(world, "I live in Oslo."), added(world, "I like tea.")
    back_up(world, backup)
    world.service.forget(SCOPE, forgotten)
    live(world).delete(f"M#acme#{kept}", "ROW")

    restore(backup, live(world))

    assert texts(world) == {"I like tea."}


def test_an_older_live_row_gives_way_and_a_newer_one_stays(world: World, backup: Table) -> None:
    memory_id = added(world, "I like tea.")
    old = world.items_in()
    world.service.forget(SCOPE, memory_id)
    back_up(world, backup)
    live(world).put_many(old)

    restore(backup, live(world))

    assert texts(world) == set()


def test_a_vector_that_was_owed_is_owed_again_and_one_that_came_since_is_not(world: World, backup: Table) -> None:
    world.embedder.down = True
    lost, repaired = added(world, "I like tea."), added(world, "I like cake.")
    back_up(world, backup)
    row = world.store.get("acme", repaired)
    assert row
    whole = row.with_vectors([VECTOR], MODEL, world.clock.now())
    world.store.replace(whole, documents_of(whole))
    world.store.settle(whole)
    live(world).delete(f"M#acme#{lost}", "ROW")
    live(world).delete(f"V#{SCOPE.home}", lost)

    counts = restore(backup, live(world))

    assert world.store.owed(SCOPE, 9) == (1, world.clock.now())
    assert world.store.without_vector(world.clock.now() + timedelta(seconds=1), 9) == [("acme", lost)]
    assert (counts["written"], counts["markers"]) == (1, 4)


def test_a_second_run_changes_nothing(world: World, backup: Table) -> None:
    added(world, "I like tea.")
    back_up(world, backup)
    lose_everything(world)
    restore(backup, live(world))
    after_one = content(world)

    counts = restore(backup, live(world))

    assert content(world) == after_one
    assert counts["written"] == 0


@pytest.mark.parametrize("after_it", [False, True])
@pytest.mark.parametrize("call", [0, 1, 5, 9])
def test_one_that_broke_off_anywhere_is_finished_by_the_next(world: World, backup: Table, call: int, after_it: bool) -> None:
    for number in range(3):
        added(world, f"fact number {number}")
    before = content(world)
    back_up(world, backup)
    lose_everything(world)
    failing = world.another(FailingAt(call=call, after_it=after_it, error=TableUnavailableError("gone"), lasting=True))

    with pytest.raises(TableUnavailableError):
        restore(Table(BACKUP, failing.seam), live(failing))
    restore(backup, live(world))

    assert content(world) == before
