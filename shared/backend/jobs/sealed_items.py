"""The sealed items of the memories table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from backend.jobs.model import Cursor
from backend.jobs.ports import SealedItem
from backend.kit.dynamodb import ConditionFailedError, Item, Table, attribute, set_to
from backend.memories import items

REVISION = "REV#"


def is_as_read(item: SealedItem) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while nobody wrote the item since it was read."""
    return (attribute("row_version") == item.row_version) & (attribute("sealed") == item.sealed)


class DynamoSealedItems:
    """`SealedItems` on DynamoDB."""

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
        place=items.place_of(memory_id, item["sk"]),
        row_version=item["row_version"],
        sealed=item.get("sealed"),
    )
