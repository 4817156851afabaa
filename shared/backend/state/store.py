"""States on DynamoDB, in the table of conversations and states.

| item | pk | sk | holds |
|---|---|---|---|
| state | `N#scope key` | MACs of the namespace's beginnings joined by `.`, `!`, MAC of the key | version and times; `sealed` |

What is removed leaves a mark (`kit/deletion_marks.py`).

What expires stands in the index `due`: `STATE#shard` / moment#tenant#hash. Nothing of namespaces, keys and values is readable:
a sort key holds one MAC for each label, made of it and those before it, so that all that begins alike stands side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from backend.encryption.model import DecryptionFailedError
from backend.kit import deletion_marks
from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.kit.dynamodb import ConditionFailedError, Item, Table, TransactionCanceledError, attribute
from backend.kit.ids import Ids
from backend.kit.schema_versions import known
from backend.memories.items import DUE_SHARDS, due_pk, shard_of
from backend.memories.ports import Macs, Seals
from backend.memories.sealed_values import Unopened, opened_value, sealed_value
from backend.state.model import Namespace, Owner, State, check_version
from backend.state.ports import Expired, Found

SCHEMA_VERSION = 1
DUE = "STATE"
STATES = "N#"
MAC_CHARACTERS = 32
"""128 bits of each MAC: two of an owner's names meet by chance once there are 2**64 (birthday bound)."""

_KEY = "!"
_BELOW = "."
_BEHIND = "~"
"""Sorts behind the other two and every MAC's letters."""

# Nobody keeps anything there.
IS_NEW = attribute("pk").does_not_exist()
# There is something to remove.
IS_THERE = attribute("pk").exists()


def is_version(version: str) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while nobody put anything there since it was read."""
    return attribute("version") == version


def is_one_of(versions: Sequence[str]) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold while one of these versions is there."""
    return attribute("version").is_in(*versions)


def has_expired(before: datetime) -> Any:  # noqa: ANN401 - a vendor's condition, opaque here
    """Hold where its time was up by then: it may have been put off since it was listed."""
    return attribute("expires_at") <= to_rfc3339(before)


class DynamoStateStore:
    """`StateStore` on DynamoDB."""

    def __init__(self, table: Table, macs: Macs, seals: Seals, ids: Ids) -> None:
        self._table = table
        self._macs = macs
        self._seals = seals
        self._ids = ids

    def get(self, owner: Owner, namespace: Namespace, key: str) -> State | None:
        """Return the item."""
        item = self._table.get(states_pk(owner.scope_key), self._place(owner, namespace, key))
        return self._state(owner, item, namespace, key) if item else None

    def put(self, owner: Owner, state: State, over: str | None) -> bool:
        """Put the item under the condition."""
        item = self._item(owner, state)
        try:
            self._table.put(item, is_version(over) if over else IS_NEW)
        except ConditionFailedError as refused:
            # This very version is there: the write was taken, its answer was lost, and somebody sent it again.
            return refused.item is not None and refused.item.get("version") == state.version
        return True

    def remove(self, owner: Owner, namespace: Namespace, key: str, now: datetime, versions: frozenset[str] | None = None) -> bool:
        """Delete the item and leave a mark, or neither. One whose time is up goes too, and was not there."""
        pk, sk = states_pk(owner.scope_key), self._place(owner, namespace, key)
        live = attribute("expires_at").does_not_exist() | (attribute("expires_at") > to_rfc3339(now))
        condition = IS_THERE & live
        if versions is not None:
            condition &= is_one_of(sorted(versions)) if versions else IS_NEW
        try:
            deletion_marks.delete(self._table, pk, sk, condition, written="updated_at", now=now, ids=self._ids)
        except TransactionCanceledError as refused:
            item = refused.reasons[0].item if refused.reasons[0] else None
            # Whoever deletes may open nothing.
            held = _unopened(item, namespace, key) if item else None
            if held and not held.is_live(now):
                self.drop((pk, sk), now)
                held = None
            check_version(held, versions)
            return False
        return True

    def states(self, owner: Owner, namespace: Namespace, after: str | None, limit: int, *, below: bool) -> Found:
        """Query the part of the owner's partition that the namespace is."""
        begin = self._begin(owner, namespace) + ("" if below or not namespace else _KEY)
        # No sort key is the beginning of another.
        first, last = f"{after}{_KEY}" if after else begin or _KEY, f"{begin}{_BEHIND}"
        if first > last:
            # Behind all of it; DynamoDB refuses a range that ends before it begins.
            return [], None
        where = attribute("sk").between(first, last)
        page = self._table.query(states_pk(owner.scope_key), where=where, limit=limit, consistent=True)
        known = None if below else namespace
        states = [self._state(owner, item, known) for item in page.items]
        return states, page.next_key["sk"] if page.next_key else None

    def behind(self, owner: Owner, namespace: Namespace, *, below: bool) -> str:
        """Return a sort key that no item has."""
        return self._begin(owner, namespace) + ("" if below else _KEY) + _BEHIND

    def expired(self, before: datetime, limit: int) -> list[Expired]:
        """Ask the index."""
        found: list[Item] = []
        for shard in range(DUE_SHARDS):
            where = attribute("due_sk") < to_rfc3339(before)
            found += self._table.first(due_pk(DUE, shard), limit, index="due", where=where)
        return [(item["pk"], item["sk"]) for item in sorted(found, key=lambda each: each["due_sk"])[:limit]]

    def drop(self, target: Expired, before: datetime) -> bool:
        """Delete the item under the condition."""
        try:
            self._table.delete(*target, condition=has_expired(before))
        except ConditionFailedError:
            return False
        return True

    def _begin(self, owner: Owner, namespace: Namespace) -> str:
        """Return how the sort keys begin of all that begins with the namespace."""
        mac = self._macs.of(owner.tenant_id)
        beginnings = (namespace[: depth + 1] for depth in range(len(namespace)))
        return _BELOW.join(mac.mac("namespace", owner.scope_key, *each)[:MAC_CHARACTERS] for each in beginnings)

    def _place(self, owner: Owner, namespace: Namespace, key: str) -> str:
        mac = self._macs.of(owner.tenant_id).mac("state", owner.scope_key, *namespace, key)
        return f"{self._begin(owner, namespace)}{_KEY}{mac[:MAC_CHARACTERS]}"

    def _item(self, owner: Owner, state: State) -> Item:
        namespace, key = state.namespace or (), state.key or ""
        pk, sk = states_pk(owner.scope_key), self._place(owner, namespace, key)
        kept = {"namespace": list(namespace), "key": key, "value": state.value}
        item = {
            "pk": pk,
            "sk": sk,
            "schema_version": SCHEMA_VERSION,
            "version": state.version,
            "created_at": to_rfc3339(state.created_at),
            "updated_at": to_rfc3339(state.updated_at),
            "sealed": sealed_value(self._seals, owner.tenant_id, pk, sk, kept),
        }
        if state.expires_at:
            name = sha256(f"{pk}|{sk}".encode()).hexdigest()[:MAC_CHARACTERS]
            item |= {
                "expires_at": to_rfc3339(state.expires_at),
                "due_pk": due_pk(DUE, shard_of(name, DUE_SHARDS)),
                "due_sk": f"{to_rfc3339(state.expires_at)}#{owner.tenant_id}#{name}",
            }
        return item

    def _state(self, owner: Owner, item: Item, namespace: Namespace | None, key: str | None = None) -> State:
        """Return the state of an item, with the names that the caller knows where it cannot be opened."""
        shell = _unopened(item, namespace, key)
        try:
            kept = opened_value(self._seals, owner.tenant_id, item["pk"], item["sk"], item["sealed"])
        except DecryptionFailedError as error:
            return replace(shell, unopened=Unopened.of(f"state:{shell.version}", error))
        return replace(shell, namespace=tuple(kept["namespace"]), key=kept["key"], value=kept["value"])


def _unopened(item: Item, namespace: Namespace | None, key: str | None) -> State:
    """Return what an item says of itself without its seal. Raises `NewerReleaseError`."""
    known(item, SCHEMA_VERSION)
    return State(
        namespace=namespace,
        key=key,
        value=None,
        version=item["version"],
        created_at=from_rfc3339(item["created_at"]),
        updated_at=from_rfc3339(item["updated_at"]),
        expires_at=from_rfc3339(item["expires_at"]) if item.get("expires_at") else None,
        position=item["sk"],
    )


def states_pk(scope_key: str) -> str:
    """Return the partition of an end user's states."""
    return STATES + scope_key
