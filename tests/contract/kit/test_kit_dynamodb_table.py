"""What a table does, on every engine that stands for DynamoDB. So far that is moto; another joins as one more parameter."""

from __future__ import annotations

import enum
from collections.abc import Iterator

import boto3
import pytest

from backend.kit.dynamodb import (
    Check,
    ConditionFailedError,
    Delete,
    Item,
    Put,
    Table,
    TableLimitError,
    TransactionCanceledError,
    Update,
    attribute,
    set_to,
    transact,
)
from backend.kit.errors import InternalError
from tests.support.tables import REGION, aws, moto_table, table_definitions

IS_NEW = attribute("pk").does_not_exist()
THERE = attribute("pk").exists()


class Tier(enum.StrEnum):
    """Some values of ours are names of an enum."""

    HOT = "hot"


# Names that stand for something else in the service's expression language, or look as if they did.
AWKWARD = ["name", "state", "count", "ttl", "size", "a.b", "a b", "#0", ":0", "ü", "data", "value-1", "_x", "0"]


@pytest.fixture(params=["moto"])
def table() -> Iterator[Table]:
    """The memories table, empty."""
    with aws():
        yield moto_table("MemoriesTable")


def rows(table: Table, count: int, pk: str = "p") -> list[Item]:
    items: list[Item] = [{"pk": pk, "sk": f"{number:04d}", "n": number} for number in range(count)]
    table.put_many(items)
    return items


# One item


def test_what_was_put_is_got_and_nothing_else(table: Table) -> None:
    item = {"pk": "p", "sk": "s", "text": "ü😀", "n": 5, "w": 0.1, "b": b"\0\xff", "l": [1, "a", None, {"x": []}], "t": True}
    table.put(item)

    assert table.get("p", "s") == item
    assert table.get("p", "s", consistent=False) == item
    assert table.get("p", "other") is None


def test_what_is_none_is_not_there(table: Table) -> None:
    table.put({"pk": "p", "sk": "s", "gone": None})

    assert table.get("p", "s") == {"pk": "p", "sk": "s"}


def test_a_put_replaces_the_whole_item(table: Table) -> None:
    table.put({"pk": "p", "sk": "s", "a": 1})
    table.put({"pk": "p", "sk": "s", "b": 2})

    assert table.get("p", "s") == {"pk": "p", "sk": "s", "b": 2}


def test_a_put_whose_condition_fails_changes_nothing_and_shows_what_was_there(table: Table) -> None:
    table.put({"pk": "p", "sk": "s", "a": 1}, IS_NEW)
    with pytest.raises(ConditionFailedError) as error:
        table.put({"pk": "p", "sk": "s", "a": 2}, IS_NEW)

    assert error.value.item == {"pk": "p", "sk": "s", "a": 1}
    assert table.get("p", "s") == {"pk": "p", "sk": "s", "a": 1}


def test_a_condition_on_an_item_that_is_not_there_shows_none(table: Table) -> None:
    with pytest.raises(ConditionFailedError) as error:
        table.put({"pk": "p", "sk": "s"}, THERE)

    assert error.value.item is None


def test_an_update_answers_with_the_item_as_it_is_afterwards(table: Table) -> None:
    table.put({"pk": "p", "sk": "s", "a": 1, "b": 2, "n": 1})
    actions = [set_to("a", {"x": [1, 0.5, b"\1", None]}), set_to("b", None), attribute("n").add(2), set_to("c", "new")]

    after = {"pk": "p", "sk": "s", "a": {"x": [1, 0.5, b"\1", None]}, "n": 3, "c": "new"}
    assert table.update("p", "s", actions=actions) == after
    assert table.get("p", "s") == after


def test_an_update_without_condition_makes_the_item_it_does_not_find(table: Table) -> None:
    assert table.update("p", "s", actions=[attribute("n").add(1)]) == {"pk": "p", "sk": "s", "n": 1}


def test_an_update_whose_condition_fails_changes_nothing_and_shows_what_was_there(table: Table) -> None:
    table.put({"pk": "p", "sk": "s", "v": 1})
    with pytest.raises(ConditionFailedError) as error:
        table.update("p", "s", actions=[set_to("v", 2)], condition=attribute("v") == 7)

    assert error.value.item == {"pk": "p", "sk": "s", "v": 1}
    assert table.get("p", "s") == {"pk": "p", "sk": "s", "v": 1}


def test_one_attribute_in_condition_and_update_does_not_get_in_its_own_way(table: Table) -> None:
    table.put({"pk": "p", "sk": "s", "v": 1, "w": 2})

    after = table.update(
        "p",
        "s",
        actions=[set_to("v", 2), set_to("w", 1)],
        condition=(attribute("v") == 1) & (attribute("w") == 2) & attribute("w").is_in(1, 2),
    )

    assert (after["v"], after["w"]) == (2, 1)


def test_a_set_is_refused_and_not_dropped_in_silence(table: Table) -> None:
    for change in (attribute("tags").add, attribute("tags").delete, attribute("tags").set):
        with pytest.raises(TypeError, match="set"):
            table.update("p", "s", actions=[change({"a"})])


def test_a_number_counts_up_from_nothing_or_from_where_it_is(table: Table) -> None:
    one_more = [attribute("n").set((attribute("n") | 0) + 1), attribute("last").set(Tier.HOT)]

    assert table.update("p", "s", actions=one_more)["n"] == 1
    assert table.update("p", "s", actions=one_more, condition=attribute("last") == Tier.HOT)["n"] == 2


@pytest.mark.parametrize("name", AWKWARD)
def test_an_attribute_may_have_any_name(table: Table, name: str) -> None:
    table.put({"pk": "p", "sk": "s", name: 1}, attribute(name).does_not_exist())
    table.update("p", "s", actions=[set_to(name, 2)], condition=attribute(name) == 1)
    with pytest.raises(ConditionFailedError):
        table.put({"pk": "p", "sk": "s"}, attribute(name) != 2)

    assert table.get("p", "s") == {"pk": "p", "sk": "s", name: 2}


@pytest.mark.parametrize(
    "value", ["text", "", 5, -0.25, 10**30, True, False, b"\0\xff", [1, "a"], {"a": 1}, {"S": "a"}, None, []]
)
def test_a_condition_compares_what_was_stored(table: Table, value: object) -> None:
    table.put({"pk": "p", "sk": "s"})
    if value is None:
        assert table.update("p", "s", actions=[set_to("v", value)], condition=attribute("v").does_not_exist())
        return
    table.update("p", "s", actions=[set_to("v", value)])

    table.update("p", "s", actions=[set_to("seen", True)], condition=attribute("v") == value)
    with pytest.raises(ConditionFailedError):
        table.update("p", "s", actions=[set_to("seen", False)], condition=attribute("v") != value)


def test_conditions_combine(table: Table) -> None:
    table.put({"pk": "p", "sk": "s", "a": 1, "b": 2})
    both = (attribute("a") == 1) & (attribute("b") == 2)
    either = (attribute("a") == 9) | (attribute("b") == 2)
    neither = ~((attribute("a") == 9) | (attribute("b") == 9))

    for condition in (both, either, neither, both & either & neither):
        table.put({"pk": "p", "sk": "s", "a": 1, "b": 2}, condition)
    with pytest.raises(ConditionFailedError):
        table.put({"pk": "p", "sk": "s"}, both & (attribute("a") > 1))
    with pytest.raises(ConditionFailedError):
        table.put({"pk": "p", "sk": "s"}, ~either)


def test_one_condition_serves_many_calls(table: Table) -> None:
    for number in range(3):
        table.put({"pk": f"p{number}", "sk": "s"}, IS_NEW)

    assert len(table.get_many([(f"p{number}", "s") for number in range(3)])) == 3


def test_a_delete_removes_and_removing_what_is_gone_is_no_error(table: Table) -> None:
    table.put({"pk": "p", "sk": "s"})
    table.delete("p", "s")
    table.delete("p", "s")

    assert table.get("p", "s") is None


def test_a_delete_whose_condition_fails_removes_nothing_and_shows_what_is_there(table: Table) -> None:
    table.put({"pk": "p", "sk": "s", "v": 3})
    with pytest.raises(ConditionFailedError) as error:
        table.delete("p", "s", condition=attribute("v") == 2)

    assert error.value.item == {"pk": "p", "sk": "s", "v": 3}
    table.delete("p", "s", condition=attribute("v") == 3)
    assert table.get("p", "s") is None


def test_a_table_of_one_key_is_used_with_one_key() -> None:
    with aws():
        table = moto_table("IdempotencyTable")
        table.put({"pk": "p", "state": "claimed"}, IS_NEW)
        table.update("p", actions=[set_to("state", "done")])

        assert table.get("p") == {"pk": "p", "state": "done"}
        assert table.get_many([("p",), ("q",)]) == [{"pk": "p", "state": "done"}]
        table.delete("p")
        assert table.get("p") is None


def test_a_table_that_answers_is_well_and_one_that_does_not_exist_is_not(table: Table) -> None:
    table.check()
    with pytest.raises(InternalError):
        Table("NoSuchTable", table.seam).check()


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


# Transactions


def test_a_transaction_does_all_its_writes(table: Table) -> None:
    table.put({"pk": "u", "sk": "s", "n": 1})
    table.put({"pk": "d", "sk": "s"})
    table.put({"pk": "c", "sk": "s", "open": True})
    transact(
        table.seam,
        [
            Put(table, {"pk": "p", "sk": "s", "b": b"\1"}, IS_NEW),
            Update(table, ("u", "s"), [attribute("n").add(1), set_to("x", [1])], attribute("n") == 1),
            Delete(table, ("d", "s"), THERE),
            Check(table, ("c", "s"), attribute("open") == True),  # noqa: E712 - builds a condition
        ],
        "token-1",
    )

    assert table.get("p", "s") == {"pk": "p", "sk": "s", "b": b"\1"}
    assert table.get("u", "s") == {"pk": "u", "sk": "s", "n": 2, "x": [1]}
    assert table.get("d", "s") is None


def test_a_transaction_refused_does_nothing_and_says_for_each_write_why_and_what_was_there(table: Table) -> None:
    table.put({"pk": "taken", "sk": "s", "by": "mem_1"})
    table.put({"pk": "u", "sk": "s", "n": 5})
    with pytest.raises(TransactionCanceledError) as error:
        transact(
            table.seam,
            [
                Put(table, {"pk": "new", "sk": "s"}, IS_NEW),
                Put(table, {"pk": "taken", "sk": "s"}, IS_NEW),
                Update(table, ("u", "s"), [attribute("n").add(1)], attribute("n") == 4),
                Delete(table, ("none", "s"), THERE),
            ],
            "token-2",
        )

    first, taken, changed, gone = error.value.reasons
    assert first is None
    assert taken is not None
    assert taken.condition_failed
    assert taken.item == {"pk": "taken", "sk": "s", "by": "mem_1"}
    assert changed is not None
    assert changed.item == {"pk": "u", "sk": "s", "n": 5}
    assert gone is not None
    assert gone.item is None
    assert table.get("new", "s") is None
    assert table.get("u", "s") == {"pk": "u", "sk": "s", "n": 5}


def test_a_check_that_fails_stops_the_transaction(table: Table) -> None:
    with pytest.raises(TransactionCanceledError):
        transact(table.seam, [Put(table, {"pk": "p", "sk": "s"}), Check(table, ("c", "s"), THERE)], "token-3")

    assert table.get("p", "s") is None


def test_a_transaction_reaches_over_tables(table: Table) -> None:
    other = moto_table("TenancyTable")
    transact(table.seam, [Put(table, {"pk": "p", "sk": "s"}), Put(other, {"pk": "p", "sk": "s"})], "token-4")

    assert table.get("p", "s") == other.get("p", "s") == {"pk": "p", "sk": "s"}


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
