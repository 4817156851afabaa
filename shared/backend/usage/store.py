"""The table usage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from backend.kit.dynamodb import Asked, ConditionFailedError, Item, Table, attribute
from backend.kit.errors import ConflictError
from backend.usage.items import USAGE, gone_item, tally_item, tally_of, target_of, usage_of, usage_pk
from backend.usage.model import Tally, Target, Usage


def is_read(version: int) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while nobody counted since we read it, and the memory was not forgotten."""
    return attribute("version") == version if version else attribute("pk").does_not_exist()


class DynamoUsageStore:
    """`UsageStore` on DynamoDB."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def asked(self, tenant_id: str, memory_ids: Sequence[str]) -> Asked:
        """Return what to ask the table for, to be asked together with what other tables hold."""
        # A count is behind anyway, and half as dear to read so.
        return Asked(self._table, [(usage_pk(tenant_id, each), USAGE) for each in memory_ids], consistent=False)

    def read(self, found: Sequence[Item]) -> dict[str, Usage]:
        """Return the usage that items hold, by memory id."""
        used = {target_of(item["pk"])[1]: usage_of(item) for item in found}
        return {memory_id: usage for memory_id, usage in used.items() if usage.access_count}

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Usage]:
        """Return the usage of those that were ever returned."""
        asked = self.asked(tenant_id, memory_ids)
        return self.read(self._table.get_many(asked.keys, consistent=asked.consistent))

    def tallies(self, targets: Sequence[Target]) -> dict[Target, Tally]:
        """Return what is counted of each."""
        found = self._table.get_many([(usage_pk(*target), USAGE) for target in targets])
        counted: Mapping[Target, Tally] = {target_of(item["pk"]): tally_of(item) for item in found}
        return {target: counted.get(target, Tally()) for target in targets}

    def put(self, target: Target, tally: Tally) -> None:
        """Store the next version of a tally."""
        try:
            self._table.put(tally_item(target, tally), is_read(tally.version - 1))
        except ConditionFailedError as error:
            msg = "The memory was counted or forgotten at the same moment; read its tally again."
            raise ConflictError(msg) from error

    def forget(self, tenant_id: str, memory_id: str, now: datetime) -> None:
        """Remove what is counted of a memory."""
        self._table.put(gone_item(tenant_id, memory_id, now))
