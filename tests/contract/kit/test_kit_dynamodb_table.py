"""What a table does, on every engine that stands for DynamoDB."""

from __future__ import annotations

import enum

import pytest

from backend.kit.dynamodb import (
    Check,
    ConditionFailedError,
    Delete,
    Put,
    Table,
    TransactionCanceledError,
    Update,
    attribute,
    set_to,
    transact,
)
from backend.kit.errors import InternalError
from tests.support.tables import aws, fresh_token, template_table

IS_NEW = attribute("pk").does_not_exist()
THERE = attribute("pk").exists()


class Tier(enum.StrEnum):
    """Some values of ours are names of an enum."""

    HOT = "hot"


# Names that stand for something else in the service's expression language, or look as if they did.
AWKWARD = ["name", "state", "count", "ttl", "size", "a.b", "a b", "#0", ":0", "ü", "data", "value-1", "_x", "0"]


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


def test_more_than_a_batch_of_items_is_deleted_and_nothing_else(table: Table) -> None:
    keys = [("p", f"{number:03d}") for number in range(30)]
    table.put_many([{"pk": pk, "sk": sk} for pk, sk in keys])

    table.delete_many([*keys[1:], ("p", "never there")])

    assert [item["sk"] for item in table.query("p", consistent=True).items] == ["000"]


def test_what_still_has_its_value_is_deleted_and_nothing_else(table: Table) -> None:
    keys = [("p'\"?", f"{number:03d}") for number in range(30)]
    table.put_many([{"pk": pk, "sk": sk, "version": int(sk) % 2, "held": b"x"} for pk, sk in keys])
    table.put({"pk": "p", "sk": "000", "version": 1})

    table.delete_many_if("version", {**dict.fromkeys(keys, 1), ("p'\"?", "never there"): 1})

    assert [item["sk"] for item in table.query("p'\"?", consistent=True).items] == [sk for _, sk in keys if int(sk) % 2 == 0]
    assert table.get("p", "000")
    table.delete_many_if("version", {})


def test_a_value_of_another_type_is_another_value(table: Table) -> None:
    table.put({"pk": "p", "sk": "s", "version": 1})

    table.delete_many_if("version", {("p", "s"): "1"})
    table.delete_many_if("other", {("p", "s"): 1})
    assert table.get("p", "s")

    table.delete_many_if("version", {("p", "s"): 1})
    assert table.get("p", "s") is None


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
        table = template_table("IdempotencyTable")
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
        fresh_token(),
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
            fresh_token(),
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
        transact(table.seam, [Put(table, {"pk": "p", "sk": "s"}), Check(table, ("c", "s"), THERE)], fresh_token())

    assert table.get("p", "s") is None


def test_a_transaction_reaches_over_tables(table: Table) -> None:
    other = template_table("TenancyTable")
    transact(table.seam, [Put(table, {"pk": "p", "sk": "s"}), Put(other, {"pk": "p", "sk": "s"})], fresh_token())

    assert table.get("p", "s") == other.get("p", "s") == {"pk": "p", "sk": "s"}
