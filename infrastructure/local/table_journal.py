"""Gap: the emulator keeps DynamoDB in memory until it stops, so kill -9 loses every write since the last save.

All writes, those that pass `handle_request` and those of state machines, expiry and replicas that do not, end in two functions:
`_set_item` and `_remove_item`. Wrapped, they note the after-image, and `handle_request` writes what one request noted before
it answers. A request that fails to write answers 500, which a client has to read as "outcome unknown".

Table definitions are not in the journal: a snapshot is taken when one changes. Images of tables that are gone, or were
replaced under the same name, are left out when the journal is replayed. Not kept over a kill: stream records that no
function has read yet, and the tokens of transactions.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import Any

from ministack.services import dynamodb

from infrastructure.local.journal import Image, Journal
from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]

ITEM_ACTIONS = frozenset(
    {
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
        "TransactWriteItems",
        "ExecuteStatement",
        "BatchExecuteStatement",
        "ExecuteTransaction",
    }
)
"""What the journal covers, so that no snapshot has to be taken."""


class TableJournal:
    """Journals the writes of the emulator's DynamoDB."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._lock = threading.RLock()
        self._noted: ContextVar[list[Image] | None] = ContextVar("_noted", default=None)
        self._cut = 0
        self._stock_set = dynamodb._set_item
        self._stock_remove = dynamodb._remove_item
        self._stock_replaced = dynamodb._items_replaced
        self._stock_handle = dynamodb.handle_request
        self._stock_state = dynamodb.get_state

    def apply(self, patcher: Patcher) -> None:
        """Begin to journal."""
        patcher.attribute(dynamodb, "_set_item", self._set)
        patcher.attribute(dynamodb, "_remove_item", self._remove)
        patcher.attribute(dynamodb, "_items_replaced", self._replaced)
        patcher.attribute(dynamodb, "handle_request", self._handle)
        patcher.attribute(dynamodb, "get_state", self.state)

    def state(self) -> Json:
        """Return what a snapshot holds, and cut the journal at exactly that point."""
        with self._lock:
            self._cut = self.journal.cut()
            state: Json = self._stock_state()
            return state

    def saved(self) -> None:
        """Forget what the snapshot holds: it is on disk."""
        with self._lock:
            self.journal.drop_before(self._cut)

    def replay(self) -> tuple[int, int]:
        """Bring the tables up to date; return how many images were applied, and how many were of tables that are gone."""
        applied = gone = 0
        for image in self.journal.read():
            _, _, _, region, account, resource = image.table_arn.split(":", 5)
            table = dynamodb._tables.get_scoped(account, region, resource.partition("/")[2])
            if table is None or identity(table) != image.table_id:
                gone += 1
            elif image.item is None:
                self._stock_remove(table, image.partition_key, image.sort_key)
                applied += 1
            else:
                self._stock_set(table, image.partition_key, image.sort_key, image.item)
                applied += 1
        return applied, gone

    async def _handle(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - the emulator's signature
        # The emulator's handler awaits nothing, so holding a thread's lock across it cannot stall another task that holds it.
        with self._lock:
            noted: list[Image] = []
            token = self._noted.set(noted)
            try:
                return await self._stock_handle(*args, **options)
            finally:
                self._noted.reset(token)
                if noted:
                    self.journal.append(noted)

    def _set(self, table: Json, partition_key: str, sort_key: str, item: Json) -> Any:  # noqa: ANN401 - the emulator's own result
        with self._lock:
            old = self._stock_set(table, partition_key, sort_key, item)
            self._note(Image(table["TableArn"], identity(table), partition_key, sort_key, item))
            return old

    def _remove(self, table: Json, partition_key: str, sort_key: str) -> Any:  # noqa: ANN401 - the emulator's own result
        with self._lock:
            old = self._stock_remove(table, partition_key, sort_key)
            if old is not None:
                self._note(Image(table["TableArn"], identity(table), partition_key, sort_key, None))
            return old

    def _replaced(self, table: Json) -> Any:  # noqa: ANN401 - the emulator's own result
        """Forget what this request noted of a table whose items were put back: a failed PartiQL transaction does that."""
        noted = self._noted.get()
        if noted is not None:
            noted[:] = [image for image in noted if image.table_arn != table["TableArn"]]
        return self._stock_replaced(table)

    def _note(self, image: Image) -> None:
        noted = self._noted.get()
        if noted is None:
            self.journal.append([image])
        else:
            noted.append(image)


def identity(table: Json) -> str:
    """Return what tells a table from another of the same name that came before or after it."""
    return str(table.get("TableId") or table.get("CreationDateTime"))
