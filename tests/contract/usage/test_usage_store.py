"""What every store of counts promises, and what rows and counts promise when they are read together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from backend.kit.clock import FakeClock
from backend.kit.dynamodb import Table
from backend.kit.errors import ConflictError
from backend.usage.fake import FakeUsageStore
from backend.usage.items import USAGE, tally_of, usage_pk
from backend.usage.model import GONE_FOR, REMEMBERED, Tally, Usage
from backend.usage.ports import UsageStore
from backend.usage.store import DynamoUsageStore
from tests.support.tables import aws, create_table, engine, template_table

NOW = datetime(2026, 1, 5, 9, 0, 0, 123_000, tzinfo=UTC)
A, B, RIVALS = ("acme", "mem_a"), ("acme", "mem_b"), ("rival", "mem_a")


@pytest.fixture(scope="module")
def tables() -> Iterator[Callable[[], Table]]:
    """Return a way to make an empty table; one stand-in for the module, since starting it is what takes the time."""
    with aws():

        def make() -> Table:
            create_table("UsageTable")
            return template_table("UsageTable", FakeClock(NOW))

        yield make


@pytest.fixture
def table(tables: Callable[[], Table]) -> Table:
    return tables()


@pytest.fixture(params=["fake", engine()])
def store(request: pytest.FixtureRequest) -> UsageStore:
    return FakeUsageStore() if request.param == "fake" else DynamoUsageStore(request.getfixturevalue("table"))


def tally(count: int, version: int = 1) -> Tally:
    seen = tuple(number.to_bytes(8) for number in range(min(count, REMEMBERED)))
    return Tally(Usage(count, NOW + timedelta(seconds=count)), seen, version)


def test_what_was_never_returned_has_no_usage_and_an_empty_tally(store: UsageStore) -> None:
    assert store.get_many("acme", ["mem_a", "mem_a"]) == {}
    assert store.tallies([A]) == {A: Tally()}
    assert store.get_many("acme", []) == {}


def test_a_tally_is_read_as_it_was_stored_by_its_own_tenant_alone(store: UsageStore) -> None:
    store.put(A, tally(3))
    store.put(RIVALS, tally(REMEMBERED))

    assert store.tallies([A, B, RIVALS]) == {A: tally(3), B: Tally(), RIVALS: tally(REMEMBERED)}
    assert store.get_many("acme", ["mem_a", "mem_b"]) == {"mem_a": tally(3).usage}
    assert store.get_many("rival", ["mem_a"]) == {"mem_a": tally(REMEMBERED).usage}


def test_a_tally_is_stored_only_over_the_one_that_was_read(store: UsageStore) -> None:
    store.put(A, tally(1))
    for version in (1, 3):
        with pytest.raises(ConflictError):
            store.put(A, tally(9, version))

    store.put(A, tally(2, 2))

    assert store.tallies([A]) == {A: tally(2, 2)}


def test_what_is_forgotten_is_gone_and_nothing_is_counted_any_more(store: UsageStore) -> None:
    store.put(A, tally(3))
    for _ in range(2):
        store.forget(*A, NOW)
    store.forget(*B, NOW)

    assert store.get_many("acme", ["mem_a", "mem_b"]) == {}
    assert store.tallies([A, B]) == {A: Tally(is_gone=True), B: Tally(is_gone=True)}
    for target, version in ((A, 1), (A, 2), (A, 4), (B, 1)):
        with pytest.raises(ConflictError):
            store.put(target, tally(1, version))


def test_in_the_place_of_a_forgotten_memorys_count_stands_nothing_but_when_it_ends(table: Table) -> None:
    store = DynamoUsageStore(table)
    store.put(A, tally(3))
    store.forget(*A, NOW)

    item = table.get(usage_pk(*A), USAGE)

    ends = int((NOW + GONE_FOR).timestamp())
    assert item == {"pk": "U#acme#mem_a", "sk": "U", "schema_version": 1, "gone": True, "ttl": ends}


def test_a_count_is_an_item_that_a_page_of_one_unit_holds_however_often_it_was_counted(table: Table) -> None:
    store = DynamoUsageStore(table)
    store.put(A, tally(10**9))

    [item] = table.get_many([(usage_pk(*A), USAGE)])

    assert tally_of(item) == tally(10**9)
    assert len(item["seen"]) == 8 * REMEMBERED < 4096 - 200
    assert "ttl" not in item
