"""Replacing the index of a real OpenSearch while it is in use, interrupted at every step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from backend.index.model import IndexDocument, Tombstone
from backend.index.opensearch import OpenSearchIndex
from backend.index.opensearch_documents import Space
from backend.index.opensearch_engine import Engine
from backend.index.opensearch_layout import MAPPING_VERSION, read_alias, write_alias
from backend.kit.clock import FakeClock
from infrastructure.search.indexes import Indexes, SearchError
from infrastructure.search.mapping import Size, index_body, index_name
from infrastructure.search.migration import Migration, RowPage
from tests.contract.index.index_cases import ANA, document, found, question, tombstone
from tests.engines.conftest import SMALL, Cluster, key_of

BIGGER = Space("bigger/8", 8)
T = TypeVar("T")
CHANGES = 11
"""Made, written to, its filling begun; a page and its note; tombstones, documents and the note of the second; searched, alone,
the old one gone."""
SECOND_PAGE_IS_NOTED = 7


class Table:
    """Rows in pages of three; `at_page` is called before each, as if the world went on meanwhile."""

    def __init__(self, changes: Sequence[IndexDocument | Tombstone]) -> None:
        self.rows = {change.memory_id: change for change in changes}
        self.at_page: Callable[[], None] = lambda: None
        self.pages = 0

    def page(self, cursor: str | None) -> RowPage:
        self.at_page()
        self.pages += 1
        start = int(cursor or 0)
        rows = sorted(self.rows.values(), key=lambda change: change.memory_id)
        end = start + 3
        return RowPage({"acme": rows[start:end]}, str(end) if end < len(rows) else None)


class DiedError(Exception):
    """The process dies here."""


class DyingEngine:
    """The real engine, until so many changes were made to its indexes or in them: then the process dies around the next.

    `done`: it dies after that change, before anybody hears of it. `changes` counts those that were begun.
    """

    def __init__(self, engine: Engine, left: int, *, done: bool = False) -> None:
        self.engine = engine
        self.left = left
        self.done = done
        self.changes = 0

    def call(self, method: str, path: str, body: object = None, **parameters: str) -> dict[str, object]:
        def made() -> dict[str, object]:
            return self.engine.call(method, path, body, **parameters)

        return self._change(made) if method in {"PUT", "DELETE"} or path == "/_aliases" else made()

    def bulk(self, operations: Sequence[Any], **parameters: str) -> list[int]:
        return self._change(lambda: self.engine.bulk(operations, **parameters))

    def _change(self, made: Callable[[], T]) -> T:
        dies = self.changes == self.left
        self.changes += 1
        if dies and not self.done:
            raise DiedError
        answer = made()
        if dies:
            raise DiedError
        return answer

    def __getattr__(self, name: str) -> object:
        return getattr(self.engine, name)


class World:
    """Five memories and a forgotten one, served by an index of four dimensions."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.name = cluster.name()
        self.index = cluster.index(SMALL, self.name)
        self.table = Table([*(document(f"m{n}", "red boat") for n in range(5)), tombstone("m9", 3)])
        self.index.write("acme", list(self.table.rows.values()))
        self.indexes = Indexes(cluster.engine, self.name)
        self.clock = FakeClock()
        self.told: list[str] = []

    def user(self, engine: Any = None) -> OpenSearchIndex:
        """An index as a process has it that has just asked for the aliases."""
        return OpenSearchIndex(engine or self.cluster.engine, key_of, self.clock, name=self.name, refresh="true")

    def migrate(self, space: Space = BIGGER, engine: Any = None) -> int:
        indexes = Indexes(engine or self.cluster.engine, self.name)
        return Migration(indexes, self.user(engine), self.clock, self.told.append).run(space, Size(), self.table)


@pytest.fixture
def world(cluster: Cluster) -> World:
    return World(cluster)


def test_creating_twice_is_harmless_and_another_index_is_not_put_over_one_that_serves(cluster: Cluster) -> None:
    indexes = Indexes(cluster.engine, cluster.name())
    assert indexes.create(SMALL, Size())
    assert not indexes.create(SMALL, Size())
    with pytest.raises(SearchError, match="migrate"):
        indexes.create(BIGGER, Size())


def test_after_a_migration_the_new_index_serves_all_rows_and_the_old_one_is_gone(world: World) -> None:
    world.migrate()
    assert list(world.indexes.all()) == [index_name(world.name, BIGGER)]
    assert found(world.user(), text="boat") == {f"m{n}#1#0" for n in range(5)}
    assert world.user().versions(ANA, ["m0", "m9"]) == {"m0": 1, "m9": 3}
    assert world.clock.slept.count(35.0) == 3


def test_what_happens_during_a_migration_is_in_both_indexes(world: World) -> None:
    def meanwhile() -> None:
        world.table.rows["m7"] = document("m7", "late boat", row_version=world.table.pages + 1)
        world.user().write("acme", [world.table.rows["m7"]])
        assert "m7#1#0" in found(world.user(), text="late")

    world.table.at_page = meanwhile
    world.migrate()
    assert "m7#1#0" in found(world.user(), text="late")
    assert world.user().versions(ANA, ["m7"]) == {"m7": world.table.pages}


def test_what_a_writer_missed_is_put_right_by_the_comparison(world: World) -> None:
    def meanwhile() -> None:
        if world.table.pages == 2:  # the table was walked once: this row comes too late for the filling
            world.table.rows["m3"] = document("m3", "newer boat", row_version=5)

    world.table.at_page = meanwhile
    world.migrate()
    assert world.user().versions(ANA, ["m3"]) == {"m3": 5}
    assert any("1 were behind" in told for told in world.told)


def test_a_migration_makes_so_many_changes_as_it_dies_at_here(world: World) -> None:
    engine = DyingEngine(world.cluster.engine, -1)
    world.migrate(engine=engine)

    assert engine.changes == CHANGES


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("left", range(CHANGES))
def test_a_migration_that_dies_at_any_change_goes_on_and_searches_are_whole_all_the_time(
    world: World, left: int, done: bool
) -> None:
    with pytest.raises(DiedError):
        world.migrate(engine=DyingEngine(world.cluster.engine, left, done=done))
    everything = {f"m{n}#1#0" for n in range(5)}
    assert found(world.user(), text="boat") == everything
    world.user().write("acme", [document("m5", "boat")])
    world.table.rows["m5"] = document("m5", "boat")
    world.migrate()
    assert found(world.user(), text="boat") == {*everything, "m5#1#0"}
    assert list(world.indexes.all()) == [index_name(world.name, BIGGER)]


def test_a_piece_of_a_memory_that_was_lost_is_put_right_by_the_comparison(world: World) -> None:
    """Its other pieces have the version of the row: only how many there are tells."""
    pieces = [document("m8", "long boat", chunk=number, row_version=2) for number in range(3)]
    user = world.user()

    class Losing:
        """Loses one document of the first bulk that has it, as a lost shard would."""

        def __init__(self, engine: Engine) -> None:
            self.engine = engine
            self.lost = 0

        def bulk(self, operations: Sequence[Any], **parameters: str) -> list[int]:
            kept = [each for each in operations if self.lost or each[1].get("chunk") != 1]
            self.lost += len(operations) - len(kept)
            return self.engine.bulk(kept, **parameters) + [201] * (len(operations) - len(kept))

        def __getattr__(self, name: str) -> object:
            return getattr(self.engine, name)

    user.write("acme", pieces)
    world.table.page = lambda cursor: RowPage({"acme": pieces}, cursor)  # type: ignore[method-assign] # there is one page
    engine = Losing(world.cluster.engine)

    world.migrate(engine=engine)

    assert engine.lost == 1
    assert found(world.user(), text="long") == {f"m8#1#{number}" for number in range(3)}
    assert any("3 were behind" in told for told in world.told)


def test_rows_that_cannot_be_read_are_told_and_counted_and_the_others_are_served(world: World) -> None:
    pages = world.table.page

    def with_one_unread(cursor: str | None) -> RowPage:
        return replace(pages(cursor), unread=[("acme", "m6")] if cursor else [])

    world.table.page = with_one_unread  # type: ignore[method-assign] # as a table with such a row on its second page

    assert world.migrate() == 1

    assert [told for told in world.told if "m6" in told] == [
        f"Could not be read, and is not in {index_name(world.name, BIGGER)}: m6 of acme."
    ]
    assert found(world.user(), text="boat") == {f"m{n}#1#0" for n in range(5)}


def test_filling_goes_on_at_the_page_where_it_was_interrupted(world: World) -> None:
    with pytest.raises(DiedError):
        world.migrate(engine=DyingEngine(world.cluster.engine, SECOND_PAGE_IS_NOTED))
    assert world.table.pages == 2
    world.migrate()
    assert world.table.pages == 2 + 1 + 2


def test_a_migration_to_what_serves_already_changes_nothing(world: World) -> None:
    world.migrate(SMALL)
    assert world.table.pages == 0
    assert found(world.user(), text="boat") == {f"m{n}#1#0" for n in range(5)}


def test_a_new_index_can_be_given_up_and_the_one_that_serves_cannot(world: World) -> None:
    with pytest.raises(DiedError):
        world.migrate(engine=DyingEngine(world.cluster.engine, SECOND_PAGE_IS_NOTED))
    migration = Migration(world.indexes, world.user(), world.clock, world.told.append)
    migration.abandon(index_name(world.name, BIGGER))
    assert list(world.indexes.all()) == [index_name(world.name, SMALL)]
    with pytest.raises(SearchError, match="searches ask"):
        migration.abandon(index_name(world.name, SMALL))


def as_version_1(cluster: Cluster) -> Indexes:
    """An index as the release before made it, behind both aliases."""
    indexes = Indexes(cluster.engine, cluster.name())
    body = index_body(SMALL, Size())
    for column in ("said_at", "session", "traits"):
        del body["mappings"]["properties"][column]
    body["mappings"]["_meta"]["mapping_version"] = 1
    old = index_name(indexes.name, SMALL).removesuffix(f"-v{MAPPING_VERSION}") + "-v1"
    cluster.engine.call("PUT", f"/{old}", body)
    indexes.move(add=[(old, read_alias(indexes.name)), (old, write_alias(indexes.name))])
    return indexes


def test_an_index_of_the_mapping_before_serves_until_it_is_replaced_and_then_sessions_are_known(cluster: Cluster) -> None:
    indexes = as_version_1(cluster)

    def user() -> OpenSearchIndex:
        return OpenSearchIndex(cluster.engine, key_of, FakeClock(), name=indexes.name, refresh="true")

    turns = [document(f"m{n}", "boat" if n == 2 else "tree", session_id="s", occurred_at=n, traits=n) for n in range(5)]
    user().write("acme", turns)
    asked = question("boat", None, around=1)
    before = user().search(ANA, asked)
    assert [(hit.memory_id, hit.said_at, hit.traits, hit.place) for hit in before.hits] == [("m2", 1000, 0, None)]
    assert before.around == ()
    pending = user().search(ANA, asked, [document("m9", "boat", session_id="s")])
    assert {hit.memory_id: hit.place for hit in pending.hits} == {"m2": None, "m9": None}

    Migration(indexes, user(), FakeClock(), print).run(SMALL, Size(), Table(turns))

    after = user().search(ANA, asked)
    assert [(hit.memory_id, hit.said_at, hit.traits) for hit in (*after.hits, *after.around)] == [
        ("m2", 2, 2),
        ("m1", 1, 1),
        ("m3", 3, 3),
    ]
    assert list(indexes.all()) == [index_name(indexes.name, SMALL)]


def test_nothing_can_be_migrated_before_something_is_created(cluster: Cluster) -> None:
    indexes = Indexes(cluster.engine, cluster.name())
    index = OpenSearchIndex(cluster.engine, key_of, FakeClock(), name=indexes.name)
    with pytest.raises(SearchError, match="create"):
        Migration(indexes, index, FakeClock(), print).run(SMALL, Size(), Table([]))
