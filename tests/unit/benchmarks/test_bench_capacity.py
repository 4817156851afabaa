"""Capacity is counted by the service's own rules, from what really passes the seam."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from backend.kit.dynamodb.values import from_item
from backend.retrieval.factors import BATCH
from benchmarks.capacity import Meter, World, world
from benchmarks.costs import Counted, Prices, cost

KEY = {"pk": {"S": "a"}, "sk": {"S": "b"}}


def item(size: int, **more: Any) -> dict[str, Any]:
    bare = {**KEY, **more}
    names = sum(len(name) + len(value["S"]) for name, value in bare.items())
    return {**bare, "x": {"S": "x" * (size - names - 1)}}


def found(size: int) -> dict[str, Any]:
    """Return an item as the seam reads it."""
    return from_item(item(size))


@pytest.mark.parametrize(("size", "units"), [(1024, 1), (1025, 2), (3000, 3)])
def test_a_write_costs_a_unit_for_each_begun_kilobyte(size: int, units: int) -> None:
    meter = Meter()
    meter.after("PutItem", {"Item": item(size)}, {})

    assert (meter.writes, meter.reads) == (units, 0)


def test_a_transaction_costs_twice_and_its_index_entries_once() -> None:
    meter = Meter()
    meter.after("TransactWriteItems", {"TransactItems": [{"Put": {"Item": item(2000, list_pk={"S": "l"})}}]}, {})

    assert meter.writes == 2 * 2 + 1


def test_removing_costs_what_was_there_and_its_index_entries() -> None:
    meter = Meter()
    meter.after("PutItem", {"Item": item(2500, due_pk={"S": "d"})}, {})
    meter.reset()
    meter.after("DeleteItem", {"Key": KEY}, {})

    assert meter.writes == 3 + 1


@pytest.mark.parametrize(("size", "consistent", "units"), [(4096, True, 1), (4097, True, 2), (4096, False, 0.5)])
def test_a_read_costs_a_unit_for_each_begun_four_kilobytes_and_half_when_it_may_be_late(
    size: int, consistent: bool, units: float
) -> None:
    meter = Meter()
    meter.after("GetItem", {"ConsistentRead": consistent}, {"Item": found(size)})

    assert meter.reads == units


def test_what_is_not_there_costs_a_read_too_and_a_page_is_read_together() -> None:
    meter = Meter()
    request = {"RequestItems": {"t": {"Keys": [KEY, KEY, KEY], "ConsistentRead": True}}}
    meter.after("BatchGetItem", request, {"Responses": {"t": [found(100), found(100)]}})
    assert meter.reads == 3

    meter.reset()
    meter.after("Query", {"ConsistentRead": True}, {"Items": [found(100)] * 40})
    assert meter.reads == 1


def test_a_call_without_a_rule_is_never_counted_as_free() -> None:
    with pytest.raises(ValueError, match="no rule for Scan"):
        Meter().after("Scan", {}, {})


@pytest.fixture(scope="module")
def metered() -> Iterator[World]:
    with world() as everything:
        for _ in range(BATCH):
            everything.add_and_project()
        yield everything


def test_an_add_is_one_transaction_and_two_more_calls_for_its_projection(metered: World) -> None:
    row = metered.metered("add", metered.add_and_project, times=2)

    assert row["calls"] == "1 BatchExecuteStatement, 1 BatchGetItem, 1 TransactWriteItems"
    assert row["write units"] > 15


def test_a_query_reads_the_markers_and_the_rows_and_writes_nothing(metered: World) -> None:
    row = metered.metered("query", lambda: metered.query(5), times=2)

    assert (row["calls"], row["write units"]) == ("1 BatchGetItem, 1 Query", 0)
    # The usage is read beside the rows, at half their price.
    assert row["read units"] == 1 + BATCH + BATCH / 2


def test_counting_a_query_alone_writes_each_memory_and_of_many_together_far_fewer(metered: World) -> None:
    metered.fill_tallies()

    alone, together = metered.counting_of(1, 5), metered.counting_of(40, 5)

    # A tally that remembers all it can is below 4 KB: one unit to read, four to write.
    assert (alone["read units"], alone["write units"]) == (5, 20)
    assert 0 < together["write units"] <= 4 * len(metered.added) / 40
    assert together["read units"] == together["write units"] / 4


def test_a_query_with_its_counting_costs_its_messages_and_its_share_of_the_function_that_counts() -> None:
    prices = Prices(1.0, 10.0, 0.5, 0.001, 2.0, 4.0, 7.0)
    query, counting = ({"what": "query", "read units": each, "write units": each} for each in (2, 1))

    alone = cost(query, 100.0, prices, counting=Counted(counting, 1, 50.0))
    many = cost(query, 100.0, prices, counting=Counted(counting, 100, 50.0))

    assert alone["DynamoDB $"] == many["DynamoDB $"] == 22 + 11
    assert (alone["SQS $"], many["SQS $"]) == (3 * 7, pytest.approx(1.2 * 7))
    assert alone["Lambda $"] == pytest.approx(150 + 2 * 0.5)
    assert many["Lambda $"] == pytest.approx(100.5 + 1.01 * 0.5)
    assert alone["together $"] == pytest.approx(33 + 151 + 2 + 2 * 4 + 21)
    assert alone["what"] == "a million: query, counting included (alone)"


def test_a_cost_is_units_times_prices() -> None:
    prices = Prices(1.0, 10.0, 0.5, 0.001, 2.0, 4.0)
    bill = cost({"what": "add", "read units": 2, "write units": 3}, 100.0, prices, invocations=2)

    assert bill["DynamoDB $"] == 32
    assert bill["Lambda $"] == pytest.approx(100 + 1)
    assert bill["HTTP API and logs $"] == pytest.approx(2 + 2 * 4)
    assert bill["together $"] == pytest.approx(143)
