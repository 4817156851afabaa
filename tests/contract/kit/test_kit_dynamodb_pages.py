"""Many items at once, pages, indexes and the tables themselves, on every engine that stands for DynamoDB."""

from __future__ import annotations

import boto3
import pytest

from backend.kit.dynamodb import Asked, Item, Table, TableLimitError, attribute, get_together, set_to
from tests.support.tables import REGION, aws, table_definitions


def rows(table: Table, count: int, pk: str = "p") -> list[Item]:
    items: list[Item] = [{"pk": pk, "sk": f"{number:04d}", "n": number} for number in range(count)]
    table.put_many(items)
    return items


# Many items


@pytest.mark.parametrize("count", [0, 1, 25, 26, 100, 101, 230])
def test_any_number_of_items_is_put_and_got(table: Table, count: int) -> None:
    items = rows(table, count)
    found = table.get_many([("p", item["sk"]) for item in items])

    assert sorted(found, key=lambda item: item["sk"]) == items


def test_keys_may_repeat_and_may_name_nothing(table: Table) -> None:
    rows(table, 3)

    found = table.get_many([("p", "0001"), ("p", "0001"), ("p", "none"), ("p", "0002")], consistent=False)

    assert sorted(item["n"] for item in found) == [1, 2]


def test_items_of_two_tables_come_in_one_answer_each_with_its_own(table: Table) -> None:
    beside = Table("UsageTable", table.seam)
    rows(table, 3)
    beside.put({"pk": "p", "sk": "0001", "n": 100})
    keys = [("p", f"{number:04d}") for number in range(3)]

    found = get_together(table.seam, [Asked(table, keys), Asked(beside, keys, consistent=False)])

    assert [sorted(item["n"] for item in each) for each in found] == [[0, 1, 2], [100]]
    assert get_together(table.seam, [Asked(table, keys[:1]), Asked(beside, [])]) == [[{"pk": "p", "sk": "0000", "n": 0}], []]


def test_together_no_more_keys_are_asked_for_than_one_call_takes(table: Table) -> None:
    keys = [("p", f"{number:04d}") for number in range(51)]
    asked = [Asked(Table(name, table.seam), keys) for name in ("MemoriesTable", "UsageTable")]

    with pytest.raises(TableLimitError, match="102 keys"):
        get_together(table.seam, asked)


def test_items_with_one_key_in_one_call_are_refused_and_not_silently_one(table: Table) -> None:
    with pytest.raises(TableLimitError, match="twice"):
        table.put_many([{"pk": "p", "sk": "s", "n": 1}, {"pk": "p", "sk": "s", "n": 2}])


# Pages


def test_a_partition_is_read_in_the_order_of_its_sort_keys_either_way(table: Table) -> None:
    items = rows(table, 5)
    rows(table, 2, pk="another")

    assert table.query("p").items == items
    assert table.query("p", descending=True, consistent=True).items == items[::-1]
    assert table.query("p").next_key is None
    assert table.query("nothing").items == []


def test_pages_follow_each_other_without_gap_or_overlap(table: Table) -> None:
    items = rows(table, 7)
    found, start, pages = [], None, 0
    while True:
        page = table.query("p", limit=3, start=start, consistent=True)
        found += page.items
        pages += 1
        start = page.next_key
        if start is None:
            break

    assert found == items
    assert pages == 3


def test_a_page_may_begin_behind_any_key_of_ones_own(table: Table) -> None:
    items = rows(table, 5)

    assert table.query("p", start={"pk": "p", "sk": "0001"}).items == items[2:]
    assert table.query("p", start={"pk": "p", "sk": "0001"}, descending=True).items == items[:1]


def test_a_page_of_a_megabyte_says_that_there_is_more(table: Table) -> None:
    for number in range(4):
        table.put({"pk": "p", "sk": str(number), "t": "x" * 390_000})
    page = table.query("p")

    assert 0 < len(page.items) < 4
    assert page.next_key is not None
    assert len(page.items) + len(table.query("p", start=page.next_key).items) == 4


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (attribute("sk") == "0002", [2]),
        (attribute("sk") < "0002", [0, 1]),
        (attribute("sk") >= "0003", [3, 4]),
        (attribute("sk").between("0001", "0003"), [1, 2, 3]),
        (attribute("sk").startswith("000"), [0, 1, 2, 3, 4]),
        (attribute("sk").startswith("1"), []),
    ],
)
def test_a_page_is_narrowed_by_a_condition_on_the_sort_key(table: Table, where: object, numbers: list[int]) -> None:
    rows(table, 5)

    assert [item["n"] for item in table.query("p", where=where).items] == numbers  # type: ignore[arg-type]  # pynamodb's conditions


@pytest.mark.parametrize("index", ["list", "due", "link"])
def test_an_index_holds_the_keys_of_the_items_that_have_its_keys(table: Table, index: str) -> None:
    for number in range(4):
        table.put({"pk": f"p{number}", "sk": "ROW", f"{index}_pk": "i", f"{index}_sk": str(9 - number), "text": "long"})
    table.put({"pk": "sparse", "sk": "ROW"})

    page = table.query("i", index=index, limit=3)
    rest = table.query("i", index=index, start=page.next_key)

    assert [item["pk"] for item in page.items + rest.items] == ["p3", "p2", "p1", "p0"]
    assert page.items[0] == {"pk": "p3", "sk": "ROW", f"{index}_pk": "i", f"{index}_sk": "6"}
    assert [
        each["pk"] for each in table.query("i", index=index, where=attribute(f"{index}_sk") > "7", descending=True).items
    ] == ["p0", "p1"]


def test_an_item_that_loses_an_indexs_keys_leaves_the_index(table: Table) -> None:
    table.put({"pk": "p", "sk": "ROW", "due_pk": "i", "due_sk": "1"})
    table.update("p", "ROW", actions=[set_to("due_pk", None), set_to("due_sk", None)])

    assert table.query("i", index="due").items == []


def test_an_index_asked_for_the_truth_of_this_moment_is_refused(table: Table) -> None:
    with pytest.raises(TableLimitError):
        table.query("i", index="list", consistent=True)


# The tables themselves


def test_the_tables_are_those_of_the_template_with_their_keys_and_indexes() -> None:
    with aws():
        client = boto3.client("dynamodb", region_name=REGION)
        assert sorted(client.list_tables()["TableNames"]) == sorted(table_definitions())
        memories = client.describe_table(TableName="MemoriesTable")["Table"]
        lifetime = client.describe_time_to_live(TableName="IdempotencyTable")["TimeToLiveDescription"]

    assert [key["AttributeName"] for key in memories["KeySchema"]] == ["pk", "sk"]
    assert {index["IndexName"] for index in memories["GlobalSecondaryIndexes"]} == {"list", "due", "link"}
    assert memories["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"}
    assert (lifetime["AttributeName"], lifetime["TimeToLiveStatus"]) == ("ttl", "ENABLED")


def test_every_key_in_the_template_has_a_name_that_the_limits_know() -> None:
    names = {each["AttributeName"] for table in table_definitions().values() for each in table["AttributeDefinitions"]}

    assert {name.rpartition("_")[2] for name in names} == {"pk", "sk"}
