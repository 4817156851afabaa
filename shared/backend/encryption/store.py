"""The wrapped keys, in the memories table: whoever may write a memory may make the first key, and a restored table has its keys.

| item | pk | sk | holds |
|---|---|---|---|
| data key | `D#tenant` | `DATAKEY#version` | the wrapped key, its state and times |
| which one seals | `D#tenant` | `DATAKEY` | the version |
"""

from __future__ import annotations

from backend.encryption.model import KeyState, WrappedKey
from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.kit.dynamodb import ConditionFailedError, Item, Put, Table, TransactionCanceledError, attribute, transact
from backend.kit.errors import ConflictError
from backend.kit.ids import Ids
from backend.kit.schema_versions import known

SCHEMA_VERSION = 1
CURRENT = "DATAKEY"

# Nobody made this version before.
IS_NEW = attribute("pk").does_not_exist()
# There is something to replace.
IS_THERE = attribute("pk").exists()


class DynamoKeyStore:
    """`KeyStore` on the memories table."""

    def __init__(self, table: Table, ids: Ids) -> None:
        self._table = table
        self._ids = ids

    def current(self, tenant_id: str) -> WrappedKey | None:
        """Return the active version."""
        pointer = self._table.get(_pk(tenant_id), CURRENT)
        return self.version(tenant_id, int(known(pointer, SCHEMA_VERSION)["version"])) if pointer else None

    def version(self, tenant_id: str, version: int) -> WrappedKey | None:
        """Return one version."""
        item = self._table.get(_pk(tenant_id), _sk(version))
        return _key_of(item) if item else None

    def all(self, tenant_id: str) -> list[WrappedKey]:
        """Return all versions."""
        found: list[WrappedKey] = []
        start: Item | None = None
        while True:
            where = attribute("sk").startswith(f"{CURRENT}#")
            page = self._table.query(_pk(tenant_id), where=where, start=start, consistent=True)
            found += [_key_of(item) for item in page.items]
            start = page.next_key
            if start is None:
                return found

    def add(self, key: WrappedKey, retired: WrappedKey | None = None) -> WrappedKey:
        """Store the version and what points to it."""
        pointer = {"pk": _pk(key.tenant_id), "sk": CURRENT, "schema_version": SCHEMA_VERSION, "version": key.version}
        writes = [Put(self._table, _item(key), IS_NEW), Put(self._table, pointer)]
        if retired:
            writes.append(Put(self._table, _item(retired), IS_THERE))
        try:
            transact(self._table.seam, writes, token=self._ids.new("t"))
        except TransactionCanceledError as error:
            made = self.version(key.tenant_id, key.version)
            if made is None:
                msg = "The keys were changed at the same moment."
                raise ConflictError(msg) from error
            return made
        return key

    def replace(self, key: WrappedKey) -> None:
        """Store a version as it is now."""
        try:
            self._table.put(_item(key), IS_THERE)
        except ConditionFailedError:
            return


def _pk(tenant_id: str) -> str:
    return f"D#{tenant_id}"


def _sk(version: int) -> str:
    return f"{CURRENT}#{version:06d}"


def _item(key: WrappedKey) -> Item:
    return {
        "pk": _pk(key.tenant_id),
        "sk": _sk(key.version),
        "schema_version": SCHEMA_VERSION,
        "wrapped": key.wrapped,
        "state": key.state.value,
        "created_at": to_rfc3339(key.created_at),
        "expires_at": to_rfc3339(key.expires_at) if key.expires_at else None,
    }


def _key_of(item: Item) -> WrappedKey:
    """Return the key. Raises `NewerReleaseError`."""
    known(item, SCHEMA_VERSION)
    return WrappedKey(
        tenant_id=item["pk"].removeprefix("D#"),
        version=int(item["sk"].rpartition("#")[2]),
        wrapped=item["wrapped"],
        state=KeyState(item["state"]),
        created_at=from_rfc3339(item["created_at"]),
        expires_at=from_rfc3339(item["expires_at"]) if item.get("expires_at") else None,
    )
