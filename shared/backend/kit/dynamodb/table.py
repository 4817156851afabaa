"""One table, in plain items. Every call goes through the seam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.operand import Path, Value
from pynamodb.expressions.update import Action, AddAction, RemoveAction, SetAction

from backend.kit.dynamodb.limits import BATCH_GET_KEYS, BATCH_STATEMENTS, BATCH_WRITE_ITEMS
from backend.kit.dynamodb.seam import Seam
from backend.kit.dynamodb.values import from_item, to_attribute, to_item

_Written = dict[int, Mapping[str, Any]]
"""The service's form of the conditions of one transaction, by their ids: it has a hundred writes, and most say the same."""

Item = dict[str, Any]
Key = tuple[str, str] | tuple[str]


class _Attribute(Path):
    """An attribute whose values pass our codec: pynamodb's own takes {"S": "x"} for the text x, and knows no enums."""

    def _to_value(self, value: Any) -> Value:  # noqa: ANN401 - any storable value
        return Value(to_attribute(value))


def attribute(name: str) -> Path:
    """Name an attribute in a condition or an update: `attribute("state") == "active"`, `attribute("n").add(1)`."""
    return _Attribute([name])


def set_to(name: str, value: Any) -> Action:  # noqa: ANN401 - any storable value
    """Return the update that gives an attribute a value; None removes it."""
    return attribute(name).remove() if value is None else attribute(name).set(value)


@dataclass(frozen=True, slots=True)
class Page:
    """Items of one page, and the key to go on from, None at the end."""

    items: list[Item]
    next_key: Item | None


@dataclass(frozen=True, slots=True)
class Put:
    """A put inside a transaction."""

    table: Table
    item: Item
    condition: Condition | None = None

    def request(self, written: _Written) -> dict[str, Any]:
        """Return the service's form."""
        return {"Put": {"TableName": self.table.name, "Item": to_item(self.item), **_once(self.condition, written)}}


@dataclass(frozen=True, slots=True)
class Update:
    """An update inside a transaction."""

    table: Table
    key: Key
    actions: Sequence[Action]
    condition: Condition | None = None

    def request(self, _: _Written) -> dict[str, Any]:
        """Return the service's form."""
        body = _expressions(self.condition, self.actions)
        return {"Update": {"TableName": self.table.name, "Key": key_of(self.key), **body, **_RETURN_OLD}}


@dataclass(frozen=True, slots=True)
class Delete:
    """A delete inside a transaction."""

    table: Table
    key: Key
    condition: Condition | None = None

    def request(self, written: _Written) -> dict[str, Any]:
        """Return the service's form."""
        return {"Delete": {"TableName": self.table.name, "Key": key_of(self.key), **_once(self.condition, written)}}


@dataclass(frozen=True, slots=True)
class Check:
    """A condition that must hold inside a transaction."""

    table: Table
    key: Key
    condition: Condition

    def request(self, written: _Written) -> dict[str, Any]:
        """Return the service's form."""
        return {"ConditionCheck": {"TableName": self.table.name, "Key": key_of(self.key), **_once(self.condition, written)}}


Write = Put | Update | Delete | Check
_RETURN_OLD = {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
# No DELETE: it is for sets, which our codec refuses.
_CLAUSES = (("SET", SetAction), ("REMOVE", RemoveAction), ("ADD", AddAction))


@dataclass(frozen=True, slots=True)
class Table:
    """One table by its name. Errors are the seam's."""

    name: str
    seam: Seam = field(repr=False)

    def get(self, *key: str, consistent: bool = True) -> Item | None:
        """Return the item, or None."""
        answer = self.seam.dispatch("GetItem", {"TableName": self.name, "Key": key_of(key), "ConsistentRead": consistent})
        found = answer.get("Item")
        return from_item(found) if found else None

    def check(self) -> None:
        """Return when the table answers. Raises as every call does."""
        self.get("HEALTH", "HEALTH", consistent=False)

    def get_many(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item]:
        """Return the items that exist, in no order; keys may repeat. One round trip for each 100."""
        found: list[Item] = []
        distinct = list(dict.fromkeys(keys))
        for start in range(0, len(distinct), BATCH_GET_KEYS):
            asked = [key_of(key) for key in distinct[start : start + BATCH_GET_KEYS]]
            request = {self.name: {"Keys": asked, "ConsistentRead": consistent}}
            answer = self.seam.dispatch("BatchGetItem", {"RequestItems": request})
            found += [from_item(item) for item in answer["Responses"].get(self.name, [])]
        return found

    def put(self, item: Item, condition: Condition | None = None) -> None:
        """Store the item, if the condition holds for what is there."""
        self.seam.dispatch("PutItem", {"TableName": self.name, "Item": to_item(item), **_conditions(condition)})

    def put_many(self, items: Sequence[Item]) -> None:
        """Store items with distinct keys, without conditions, 25 a call; doing it twice is harmless."""
        for start in range(0, len(items), BATCH_WRITE_ITEMS):
            writes = [{"PutRequest": {"Item": to_item(item)}} for item in items[start : start + BATCH_WRITE_ITEMS]]
            self.seam.dispatch("BatchWriteItem", {"RequestItems": {self.name: writes}})

    def update(self, *key: str, actions: Sequence[Action], condition: Condition | None = None) -> Item:
        """Change the item in place and return it as it is afterwards."""
        body = {"TableName": self.name, "Key": key_of(key), **_expressions(condition, actions), "ReturnValues": "ALL_NEW"}
        answer = self.seam.dispatch("UpdateItem", {**body, **(_RETURN_OLD if condition is not None else {})})
        return from_item(answer["Attributes"])

    def delete(self, *key: str, condition: Condition | None = None) -> None:
        """Remove the item, if the condition holds; removing what is gone without a condition is no error."""
        self.seam.dispatch("DeleteItem", {"TableName": self.name, "Key": key_of(key), **_conditions(condition)})

    def delete_many(self, keys: Sequence[Key]) -> None:
        """Remove items with distinct keys, without conditions, 25 a call; removing what is gone is no error."""
        for start in range(0, len(keys), BATCH_WRITE_ITEMS):
            writes = [{"DeleteRequest": {"Key": key_of(key)}} for key in keys[start : start + BATCH_WRITE_ITEMS]]
            self.seam.dispatch("BatchWriteItem", {"RequestItems": {self.name: writes}})

    def delete_many_if(self, name: str, values: Mapping[tuple[str, str], Any]) -> None:
        """Remove the items whose attribute still has the value that stands beside their key, 25 a call; leave the others."""
        # The names are ours; what others wrote goes as parameters.
        statement = f'DELETE FROM "{self.name}" WHERE "pk" = ? AND "sk" = ? AND "{name}" = ?'  # noqa: S608 - as it says
        deletes = [
            {"Statement": statement, "Parameters": [*key_of(key).values(), to_attribute(value)]} for key, value in values.items()
        ]
        for start in range(0, len(deletes), BATCH_STATEMENTS):
            self.seam.dispatch("BatchExecuteStatement", {"Statements": deletes[start : start + BATCH_STATEMENTS]})

    def query(  # noqa: PLR0913 - one word for each thing that a query can say
        self,
        partition: str,
        *,
        index: str | None = None,
        where: Condition | None = None,
        limit: int | None = None,
        descending: bool = False,
        start: Item | None = None,
        consistent: bool = False,
    ) -> Page:
        """Return one page of a partition (of the table, or of the index `NAME` with keys `NAME_pk`, `NAME_sk`).

        `where` is a condition on the sort key. A page ends at 1 MB or at the limit: `next_key` tells whether there is more.
        An index is always a little behind: asking it for a consistent page is refused (`TableLimitError`).
        """
        condition = attribute(f"{index}_pk" if index else "pk") == partition
        if where is not None:
            condition &= where
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        body: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": condition.serialize(names, values),
            "ScanIndexForward": not descending,
            "ExpressionAttributeNames": {short: name for name, short in names.items()},
            "ExpressionAttributeValues": values,
        }
        if index:
            body["IndexName"] = index
        if consistent:
            body["ConsistentRead"] = True
        if limit is not None:
            body["Limit"] = limit
        if start:
            body["ExclusiveStartKey"] = to_item(start)
        answer = self.seam.dispatch("Query", body)
        last = answer.get("LastEvaluatedKey")
        return Page([from_item(item) for item in answer.get("Items", [])], from_item(last) if last else None)

    def first(  # noqa: PLR0913 - one word for each thing that a query can say
        self,
        partition: str,
        count: int,
        *,
        index: str | None = None,
        where: Condition | None = None,
        descending: bool = False,
        consistent: bool = False,
    ) -> list[Item]:
        """Return the first items of a partition, at most so many, from as many pages as they take."""
        found: list[Item] = []
        start: Item | None = None
        while True:
            page = self.query(
                partition,
                index=index,
                where=where,
                limit=count - len(found),
                descending=descending,
                start=start,
                consistent=consistent,
            )
            found += page.items
            start = page.next_key
            if start is None or len(found) >= count:
                return found

    def count(self, partition: str, where: Condition) -> int:
        """Return how many items of a partition fulfil a condition on the sort key, as they are now."""
        condition = (attribute("pk") == partition) & where
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        body: dict[str, Any] = {
            "TableName": self.name,
            "Select": "COUNT",
            "ConsistentRead": True,
            "KeyConditionExpression": condition.serialize(names, values),
            "ExpressionAttributeNames": {short: name for name, short in names.items()},
            "ExpressionAttributeValues": values,
        }
        total = 0
        while True:
            answer = self.seam.dispatch("Query", body)
            total += int(answer["Count"])
            if not answer.get("LastEvaluatedKey"):
                return total
            body["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def scan(self, *, start: Item | None = None, limit: int | None = None) -> Page:
        """Return one page of the whole table. For operators: no request of a user may ever need it."""
        body: dict[str, Any] = {"TableName": self.name, "ConsistentRead": True}
        if limit is not None:
            body["Limit"] = limit
        if start:
            body["ExclusiveStartKey"] = to_item(start)
        answer = self.seam.dispatch("Scan", body)
        last = answer.get("LastEvaluatedKey")
        return Page([from_item(item) for item in answer.get("Items", [])], from_item(last) if last else None)


@dataclass(frozen=True, slots=True)
class Asked:
    """Distinct keys of one table, to be asked for together with those of others."""

    table: Table
    keys: Sequence[Key]
    consistent: bool = True


def get_together(seam: Seam, asked: Sequence[Asked]) -> list[list[Item]]:
    """Return the items that exist, of each table in no order. One round trip; 1 to 100 keys of different tables in all."""
    requests = {
        each.table.name: {"Keys": [key_of(key) for key in each.keys], "ConsistentRead": each.consistent}
        for each in asked
        if each.keys
    }
    found = seam.dispatch("BatchGetItem", {"RequestItems": requests})["Responses"]
    return [[from_item(item) for item in found.get(each.table.name, [])] for each in asked]


def transact(seam: Seam, writes: Sequence[Write], token: str) -> None:
    """Do all writes or none. The same token again within ten minutes does nothing twice (1 to 36 characters)."""
    written: _Written = {}
    items = [write.request(written) for write in writes]
    seam.dispatch("TransactWriteItems", {"TransactItems": items, "ClientRequestToken": token})


def key_of(key: Key | tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Return a key's typed form: (pk) or (pk, sk)."""
    return {name: {"S": value} for name, value in zip(("pk", "sk"), key, strict=False)}


def _once(condition: Condition | None, written: _Written) -> Mapping[str, Any]:
    """Return the service's form of a condition, of one that several writes of a transaction have the same."""
    if id(condition) not in written:
        written[id(condition)] = _conditions(condition)
    return written[id(condition)]


def _conditions(condition: Condition | None) -> Mapping[str, Any]:
    return {**_expressions(condition, ()), **_RETURN_OLD} if condition is not None else {}


def _expressions(condition: Condition | None, actions: Sequence[Action]) -> dict[str, Any]:
    names: dict[str, str] = {}
    values: dict[str, Any] = {}
    body: dict[str, Any] = {}
    if condition is not None:
        body["ConditionExpression"] = condition.serialize(names, values)
    clauses = []
    for word, kind in _CLAUSES:
        parts = [action.serialize(names, values) for action in actions if isinstance(action, kind)]
        if parts:
            clauses.append(f"{word} {', '.join(parts)}")
    if clauses:
        body["UpdateExpression"] = " ".join(clauses)
    if names:
        body["ExpressionAttributeNames"] = {short: name for name, short in names.items()}
    if values:
        body["ExpressionAttributeValues"] = values
    return body
