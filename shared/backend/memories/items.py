"""The codec of the memories table: the one place that knows how rows, markers and evidence look there.

| item | pk | sk |
|---|---|---|
| row | `M#tenant#memory` | `ROW` |
| evidence | `M#tenant#memory` | `EV#id` |
| guard | `K#tenant#mac` | `K` |
| pending marker | `P#scope key#shard` | memory id |

Scope keys begin with the tenant. Global indexes, KEYS_ONLY: `list` (`L#scope key#shard` / created_at#id), `due`
(`EMBED#shard` or `PENDING#shard` / moment#tenant#id), `link` (`S#scope key#session` / id).
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any

from backend.embedding.model import Vector
from backend.index.model import IndexDocument, Tombstone
from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.kit.dynamodb import Item
from backend.kit.errors import NewerReleaseError
from backend.memories.model import SCHEMA_VERSION, Evidence, Memory, State

ROW = "ROW"
GUARD = "K"
PENDING = "P#"
LIST_SHARDS = 1
PENDING_SHARDS = 1
DUE_SHARDS = 4
_PLACES = frozenset({"pk", "sk", "schema_version", "list_pk", "list_sk", "due_pk", "due_sk", "link_pk", "link_sk"})
_MOMENTS = frozenset({"created_at", "updated_at", "valid_from", "valid_until", "occurred_at", "expires_at", "forgotten_at"})


def row_pk(tenant_id: str, memory_id: str) -> str:
    """Return the partition of one memory: all that must be erased for it stands there."""
    return f"M#{tenant_id}#{memory_id}"


def guard_pk(tenant_id: str, mac: str) -> str:
    """Return the partition of the guard of one scope key and extracted key."""
    return f"K#{tenant_id}#{mac}"


def pending_pk(scope_key: str, memory_id: str) -> str:
    """Return the partition that the memory's pending marker stands in."""
    return f"{PENDING}{scope_key}#{shard_of(memory_id, PENDING_SHARDS)}"


def list_pk(scope_key: str, memory_id: str) -> str:
    """Return the partition of the list index that the memory stands in."""
    return f"L#{scope_key}#{shard_of(memory_id, LIST_SHARDS)}"


def list_position(created_at: datetime, memory_id: str) -> str:
    """Return where a memory stands in its list."""
    return f"{to_rfc3339(created_at)}#{memory_id}"


def due_pk(kind: str, shard: int) -> str:
    """Return the partition of what is due of one kind."""
    return f"{kind}#{shard}"  # nosemgrep: tenant-in-every-key - the sweep asks for all tenants at once; the sort key has it


def shard_of(memory_id: str, shards: int) -> int:
    """Return which of so many shards a memory belongs to."""
    return sha256(memory_id.encode()).digest()[0] % shards


def row_item(memory: Memory) -> Item:
    """Return the row. A forgotten memory leaves the list; one without a vector stands in `due`."""
    values: dict[str, Any] = {name: value for name, value in asdict(memory).items() if value not in (None, (), {})}
    unknown = values.pop("unknown", {})
    values.update({name: to_rfc3339(values[name]) for name in _MOMENTS & values.keys()})
    values["metadata"] = json.dumps(memory.metadata, separators=(",", ":"), ensure_ascii=False)
    values["tags"] = list(memory.tags)
    values["state"] = memory.state.value
    item: Item = {
        **unknown,
        "pk": row_pk(memory.tenant_id, memory.memory_id),
        "sk": ROW,
        "schema_version": SCHEMA_VERSION,
        **values,
    }
    if memory.state is State.ACTIVE:
        item["list_pk"] = list_pk(memory.scope_key, memory.memory_id)
        item["list_sk"] = list_position(memory.created_at, memory.memory_id)
        if memory.session_id:
            item["link_pk"] = f"S#{memory.scope_key}#{sha256(memory.session_id.encode()).hexdigest()[:32]}"
            item["link_sk"] = memory.memory_id
        if memory.vector is None:
            item.update(due("EMBED", memory.memory_id, memory.tenant_id, memory.updated_at))
    return item


def memory_of(item: Item) -> Memory:
    """Return the memory of a row. Raises `NewerReleaseError` for one whose form this release does not know."""
    if item["schema_version"] > SCHEMA_VERSION:
        msg = "A row was written by a newer release of this service than the one that answered."
        raise NewerReleaseError(msg, scope_key=str(item.get("scope_key", "")))
    fields = {name: item[name] for name in Memory.__slots__ if name in item}
    fields.update({name: from_rfc3339(fields[name]) for name in _MOMENTS & fields.keys()})
    fields["metadata"] = json.loads(item["metadata"])
    fields["tags"] = tuple(item.get("tags", ()))
    fields["state"] = State(item["state"])
    fields["importance"] = float(item["importance"])
    fields["confidence"] = float(item["confidence"])
    fields.setdefault("project_id", None)
    fields["unknown"] = {name: value for name, value in item.items() if name not in _PLACES and name not in Memory.__slots__}
    if "vector" in fields:
        fields["vector"] = Vector(fields["vector"])
    return Memory(**fields)


def due(kind: str, memory_id: str, tenant_id: str, since: datetime) -> Item:
    """Return the attributes that put an item into the `due` index."""
    return {
        "due_pk": due_pk(kind, shard_of(memory_id, DUE_SHARDS)),
        "due_sk": f"{to_rfc3339(since)}#{tenant_id}#{memory_id}",
    }


def due_target(due_sk: str) -> tuple[str, str]:
    """Return (tenant, memory id) of what stands in the `due` index."""
    _, tenant_id, memory_id = due_sk.split("#")
    return tenant_id, memory_id


def row_target(pk: str) -> tuple[str, str]:
    """Return (tenant, memory id) of a row's partition."""
    _, tenant_id, memory_id = pk.split("#")
    return tenant_id, memory_id


def changed_rows(records: Iterable[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Return (tenant, memory id) of the rows that stream records name, each once."""
    keys = [record["dynamodb"]["Keys"]["pk"]["S"] for record in records if record["dynamodb"]["Keys"]["sk"]["S"] == ROW]
    return [row_target(key) for key in dict.fromkeys(keys)]


def marker_item(memory: Memory, change: IndexDocument | Tombstone, written_at: datetime) -> Item:
    """Return the pending marker: the change itself, so that a query can score it without reading the row."""
    item: Item = {
        "pk": pending_pk(memory.scope_key, memory.memory_id),
        "sk": memory.memory_id,
        "schema_version": SCHEMA_VERSION,
        "row_version": change.row_version,
        "position": list_position(memory.created_at, memory.memory_id),
        **due("PENDING", memory.memory_id, memory.tenant_id, written_at),
    }
    if isinstance(change, Tombstone):
        return {**item, "kind": "tombstone", "recorded_at": change.recorded_at}
    fields = {name: value for name, value in asdict(change).items() if value is not None}
    vector = fields.pop("vector", None)
    return {
        **item,
        "kind": "document",
        "document": zlib.compress(json.dumps(fields, ensure_ascii=False).encode(), 1),
        "vector": vector,
    }


def change_of(item: Item) -> IndexDocument | Tombstone:
    """Return the change that a marker carries."""
    if item["kind"] == "tombstone":
        scope_key = item["pk"].removeprefix(PENDING).rpartition("#")[0]
        return Tombstone(scope_key, item["sk"], item["row_version"], item["recorded_at"])
    fields = json.loads(zlib.decompress(item["document"]))
    fields["tags"] = tuple(fields.get("tags", ()))
    if fields.get("span"):
        fields["span"] = tuple(fields["span"])
    vector = item.get("vector")
    return IndexDocument(**{"model": None, **fields, "vector": Vector(vector) if vector else None})


def evidence_item(tenant_id: str, evidence: Evidence) -> Item:
    """Return one piece of evidence."""
    return {
        "pk": row_pk(tenant_id, evidence.memory_id),
        "sk": f"EV#{evidence.evidence_id}",
        "schema_version": SCHEMA_VERSION,
        "recorded_at": to_rfc3339(evidence.recorded_at),
        "span": list(evidence.span),
        "sha256": evidence.sha256,
        "source": evidence.source,
        "session_id": evidence.session_id,
        "occurred_at": to_rfc3339(evidence.occurred_at) if evidence.occurred_at else None,
    }


def evidence_of(memory_id: str, item: Item) -> Evidence:
    """Return the evidence of an item."""
    return Evidence(
        evidence_id=item["sk"].removeprefix("EV#"),
        memory_id=memory_id,
        recorded_at=from_rfc3339(item["recorded_at"]),
        span=(item["span"][0], item["span"][1]),
        sha256=item["sha256"],
        source=item.get("source"),
        session_id=item.get("session_id"),
        occurred_at=from_rfc3339(item["occurred_at"]) if item.get("occurred_at") else None,
    )
