"""The sealed items of the tables of memories, and of conversations and states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend.jobs.model import Cursor
from backend.jobs.ports import SealedItem, SealedItems
from backend.kit.dynamodb import ConditionFailedError, Item, Table, attribute, set_to
from backend.memories import items
from backend.memories.sealed_values import place_of
from backend.tenancy.scope import tenant_of

REVISION = "REV#"
VALUES = ("H#", "N#")
NEXT_TABLE = {"table": "state"}
"""Where a walk goes on behind the memories."""


def is_as_read(item: SealedItem) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while nobody wrote the item since it was read."""
    return (attribute("row_version") == item.row_version) & (attribute("sealed") == item.sealed)


def holds_still(item: SealedItem) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while nobody wrote the value since it was read."""
    return attribute("sealed") == item.sealed


class DynamoSealedItems:
    """`SealedItems` of memories."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def page(self, tenant_id: str, after: Cursor | None, limit: int) -> tuple[Sequence[SealedItem], Cursor | None]:
        """Return the tenant's items of one page of the whole table."""
        page = self._table.scan(start=dict(after) if after else None, limit=limit)
        begin = items.row_pk(tenant_id, "")
        return [_sealed(each) for each in page.items if each["pk"].startswith(begin) and _is_sealed(each)], page.next_key

    def reseal(self, item: SealedItem, sealed: bytes) -> bool:
        """Put other bytes in the place of these."""
        try:
            self._table.update(item.pk, item.sk, actions=[set_to("sealed", sealed)], condition=is_as_read(item))
        except ConditionFailedError as refused:
            # These very bytes are there: the write was taken, its answer was lost, and the seam sent it again.
            return refused.item is not None and refused.item.get("sealed") == sealed
        return True


class DynamoSealedValues:
    """`SealedItems` of conversations and states."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def page(self, tenant_id: str, after: Cursor | None, limit: int) -> tuple[Sequence[SealedItem], Cursor | None]:
        """Return the tenant's items of one page of the whole table."""
        page = self._table.scan(start=dict(after) if after else None, limit=limit)
        owned = (each for each in page.items if "sealed" in each and tenant_of(_scope_key(each["pk"])) == tenant_id)
        return [_sealed_value(tenant_id, each) for each in owned], page.next_key

    def reseal(self, item: SealedItem, sealed: bytes) -> bool:
        """Put other bytes in the place of these."""
        try:
            self._table.update(item.pk, item.sk, actions=[set_to("sealed", sealed)], condition=holds_still(item))
        except ConditionFailedError as refused:
            return refused.item is not None and refused.item.get("sealed") == sealed
        return True


class SealedEverywhere:
    """`SealedItems` of one table after the other."""

    def __init__(self, memories: SealedItems, values: SealedItems) -> None:
        self._memories = memories
        self._values = values

    def page(self, tenant_id: str, after: Cursor | None, limit: int) -> tuple[Sequence[SealedItem], Cursor | None]:
        """Return the tenant's items of one page; behind the last of the memories the others begin."""
        if after is None or is_memory(after):
            found, following = self._memories.page(tenant_id, after, limit)
            return found, following or NEXT_TABLE
        return self._values.page(tenant_id, None if after == NEXT_TABLE else after, limit)

    def reseal(self, item: SealedItem, sealed: bytes) -> bool:
        """Put other bytes in the place of these."""
        table = self._memories if is_memory({"pk": item.pk}) else self._values
        return table.reseal(item, sealed)


def is_memory(key: Cursor) -> bool:
    """Tell whether a key is of the table of memories: those of the other one begin with their own letters."""
    return "pk" in key and not key["pk"].startswith(VALUES)


def _scope_key(pk: str) -> str:
    return pk.partition("#")[2]


def _sealed_value(tenant_id: str, item: Item) -> SealedItem:
    return SealedItem(
        pk=item["pk"],
        sk=item["sk"],
        tenant_id=tenant_id,
        memory_id="",
        place=place_of(item["pk"], item["sk"]),
        row_version=0,
        sealed=item["sealed"],
    )


def _is_sealed(item: Item) -> bool:
    sk: str = item["sk"]
    return sk == items.ROW or sk.startswith(REVISION)


def _sealed(item: Item) -> SealedItem:
    tenant_id, memory_id = items.row_target(item["pk"])
    return SealedItem(
        pk=item["pk"],
        sk=item["sk"],
        tenant_id=tenant_id,
        memory_id=memory_id,
        place=items.sealed_place(item),
        row_version=item["row_version"],
        sealed=item.get("sealed"),
    )
