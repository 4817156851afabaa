"""The codec of the memories table: the one place that knows how its items look, but for pending markers (`markers.py`).

| item | pk | sk |
|---|---|---|
| row | `M#tenant#memory` | `ROW` |
| earlier revision | `M#tenant#memory` | `REV#number` |
| vectors of the pieces of a long text, but the first | `M#tenant#memory` | `VEC#revision#part` |
| evidence | `M#tenant#memory` | `EV#id` |
| judgement | `M#tenant#memory` | `FB#id` |
| guard of an extracted key | `K#tenant#mac` | `K` |
| who holds a claim | `C#tenant#mac` | `C` |
| a vector is owed | `V#scope key` | memory id |
| pending marker | `P#scope key#shard` | memory id |

Scope keys begin with the tenant. Global indexes, KEYS_ONLY: `list` (`L#scope key#shard`, of what waits for a decision or is
archived `W#state#scope key` / created_at#id), `due` (`EMBED#shard`, `EXPIRE#shard` or `PENDING#shard` / moment#tenant#id),
`link` (`S#scope key#session` / id). What a user wrote stands in `sealed`, encrypted for this memory and this item.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from hashlib import sha256
from typing import Any

from backend.embedding.model import COMPONENT_BYTES, Vector, pack, unpack
from backend.encryption.model import DecryptionFailedError
from backend.extraction.model import Claimed, EventTime, Precision
from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.kit.dynamodb import Item
from backend.kit.errors import NewerReleaseError
from backend.memories.model import (
    PLAIN_VERSION,
    REDACTED,
    SCHEMA_VERSION,
    WAITING,
    Evidence,
    Judgement,
    Memory,
    Revision,
    State,
)
from backend.memories.ports import Holders, Seals

ROW = "ROW"
GUARD = "K"
CLAIM = "C"
OWED = "V#"
LIST_SHARDS = 1
DUE_SHARDS = 4
_INDEXED = frozenset({"list_pk", "list_sk", "due_pk", "due_sk", "link_pk", "link_sk"})
_PLACES = frozenset({"pk", "sk", "schema_version", "sealed", "known_until", "closed_by", "closed_for", "sealed_for", *_INDEXED})
_SEALED = ("text", "summary", "metadata", "extracted_key", "claimed", "event", "reason", "state_reason")
_NOT_STORED = frozenset({*_SEALED, "unknown", "unreadable", "unreadable_for", "more_vectors", "chunks", "state", "owed"})
_MOMENTS = frozenset(
    {
        "created_at",
        "updated_at",
        "valid_from",
        "valid_until",
        "occurred_at",
        "expires_at",
        "forgotten_at",
        "known_from",
        "superseded_at",
        "ended_before",
        "last_said",
        "archived_at",
    }
)
_FRACTIONS = ("importance", "confidence")
_TUPLES = ("tags", "supersedes", "disputes", "derived_from")
_FIELDS = tuple(each.name for each in fields(Memory))
MOST_VECTOR_BYTES = 300 * 1024


def row_pk(tenant_id: str, memory_id: str) -> str:
    """Return the partition of one memory: all that must be erased for it stands there."""
    return f"M#{tenant_id}#{memory_id}"


def revision_sk(revision: int) -> str:
    """Return the place of an earlier revision; they stand in their order."""
    return f"REV#{revision:09d}"


def vectors_sk(revision: int, part: int | None = None) -> str:
    """Return the place of a part of the vectors that were made for a revision; the beginning of all without a part."""
    return f"VEC#{revision:09d}#" + ("" if part is None else f"{part:03d}")


def guard_pk(tenant_id: str, mac: str) -> str:
    """Return the partition of the guard of one scope key and extracted key."""
    return f"K#{tenant_id}#{mac}"


def claim_pk(tenant_id: str, mac: str) -> str:
    """Return the partition of one claim: of one scope key, speaker, subject and attribute."""
    return f"C#{tenant_id}#{mac}"


def owed_pk(scope_key: str) -> str:
    """Return the partition of those memories of a scope key that wait for a vector."""
    return f"{OWED}{scope_key}"


def list_pk(scope_key: str, memory_id: str) -> str:
    """Return the partition of the list index that the memory stands in."""
    return f"L#{scope_key}#{shard_of(memory_id, LIST_SHARDS)}"


def state_pk(state: State, scope_key: str) -> str:
    """Return the partition of the list index of what waits for a decision, or is archived."""
    return f"W#{state.value}#{scope_key}"


def list_position(created_at: datetime, memory_id: str) -> str:
    """Return where a memory stands in its list."""
    return f"{to_rfc3339(created_at)}#{memory_id}"


def due_pk(kind: str, shard: int) -> str:
    """Return the partition of what is due of one kind."""
    return f"{kind}#{shard}"  # nosemgrep: tenant-in-every-key - the sweep asks for all tenants at once; the sort key has it


def shard_of(memory_id: str, shards: int) -> int:
    """Return which of so many shards a memory belongs to."""
    return sha256(memory_id.encode()).digest()[0] % shards


def row_item(memory: Memory, seals: Seals) -> Item:
    """Return the row. A forgotten memory leaves the list; one without a vector, or with an end, stands in `due`."""
    item = {**_item(memory, ROW, seals), **memory.unknown}
    if memory.owes_vector or memory.owed:
        item["owed"] = True
    if memory.state in WAITING or memory.state is State.ARCHIVED:
        item["list_pk"] = state_pk(memory.state, memory.scope_key)
        item["list_sk"] = list_position(memory.created_at, memory.memory_id)
    if memory.state is State.ACTIVE:
        item["list_pk"] = list_pk(memory.scope_key, memory.memory_id)
        item["list_sk"] = list_position(memory.created_at, memory.memory_id)
        if memory.session_id:
            item["link_pk"] = f"S#{memory.scope_key}#{sha256(memory.session_id.encode()).hexdigest()[:32]}"
            item["link_sk"] = memory.memory_id
    if memory.owes_vector and not memory.is_given_up:
        item.update(due("EMBED", memory.memory_id, memory.tenant_id, memory.updated_at))
    if memory.state is not State.FORGOTTEN and memory.expires_at and "due_pk" not in item:
        item.update(due("EXPIRE", memory.memory_id, memory.tenant_id, memory.expires_at))
    return item


def memory_of(item: Item, seals: Seals) -> Memory:
    """Return the memory of a row. Raises `NewerReleaseError` for one whose form this release does not know.

    One that cannot be decrypted has a text that says so, and keeps what was sealed, so that writing it back loses nothing.
    """
    return _read(item, seals)[0]


def _read(item: Item, seals: Seals) -> tuple[Memory, dict[str, Any]]:
    """Return the memory of a row or revision, and all that is sealed in it, nothing where it cannot be opened."""
    if item["schema_version"] > SCHEMA_VERSION:
        msg = "A row was written by a newer release of this service than the one that answered."
        raise NewerReleaseError(msg, scope_key=str(item.get("scope_key", "")))
    values = {name: item[name] for name in _FIELDS if name in item}
    values.update({name: from_rfc3339(values[name]) for name in _MOMENTS & values.keys()})
    values.update({name: tuple(item.get(name, ())) for name in _TUPLES})
    values.update({name: float(item[name]) for name in _FRACTIONS})
    values["state"] = State(item["state"])
    values["chunks"] = tuple((start, end) for start, end in item.get("chunks", ()))
    values.setdefault("project_id", None)
    values["unknown"] = {name: value for name, value in item.items() if name not in _PLACES and name not in _FIELDS}
    if "vector" in values:
        values["vector"] = Vector(values["vector"])
    try:
        said = _opened(item, seals)
    except DecryptionFailedError as error:
        closed = {"text": REDACTED, "extracted_key": "", "unreadable": item["sealed"], "unreadable_for": error.reason}
        return Memory(**{**values, **closed}), {}
    # Reasons stood in the clear once.
    values.update({name: said[name] for name in _SEALED if name in said})
    return Memory(**values), said


def revision_item(revision: Revision, seals: Seals) -> Item:
    """Return an earlier revision."""
    item = _item(revision.memory, revision_sk(revision.memory.revision), seals, closed_for=revision.reason)
    item["known_until"] = to_rfc3339(revision.known_until)
    if revision.memory.unreadable:
        # The bytes are the row's own: they open there alone, should their key ever come back.
        item["sealed_for"] = ROW
    if revision.closed_by:
        item["closed_by"] = revision.closed_by
    return item


def revision_of(item: Item, seals: Seals) -> Revision:
    """Return the earlier revision of an item. Raises as `memory_of` does."""
    until = from_rfc3339(item["known_until"])
    memory, said = _read(item, seals)
    return Revision(memory, until, item.get("closed_by"), said.get("closed_for", item.get("closed_for")))


def vector_items(memory: Memory) -> list[Item]:
    """Return the vectors of the pieces but the first, in half precision, as few items as hold them."""
    if not memory.more_vectors:
        return []
    size = len(memory.more_vectors[0]) // 2
    each = max(1, MOST_VECTOR_BYTES // size)
    parts = [memory.more_vectors[start : start + each] for start in range(0, len(memory.more_vectors), each)]
    place = {"pk": row_pk(memory.tenant_id, memory.memory_id), "schema_version": PLAIN_VERSION}
    revision = memory.vectors_at or memory.revision
    return [
        {**place, "sk": vectors_sk(revision, part), "size": size, "vectors": b"".join(map(_halved, vectors))}
        for part, vectors in enumerate(parts)
    ]


def vectors_of(found: Sequence[Item]) -> tuple[Vector, ...]:
    """Return the vectors of all parts."""
    return tuple(
        _whole(item["vectors"][start : start + item["size"]])
        for item in found
        for start in range(0, len(item["vectors"]), item["size"])
    )


def claim_item(pk: str, holds: Holders) -> Item:
    """Return who holds a claim, and who held it."""
    item: Item = {"pk": pk, "sk": CLAIM, "memory_ids": list(holds.memory_ids), "version": holds.version}
    if holds.past and holds.past_until:
        item.update(past=list(holds.past), past_until=to_rfc3339(holds.past_until))
    return item


def holders_of(item: Item) -> Holders:
    """Return who holds the claim of an item; an earlier release kept nobody who had held it."""
    until = from_rfc3339(item["past_until"]) if "past_until" in item else None
    return Holders(tuple(item["memory_ids"]), item["version"], tuple(item.get("past", ())), until)


def owed_item(memory: Memory) -> Item:
    """Return the note that a memory waits for its vector, since when."""
    return {"pk": owed_pk(memory.scope_key), "sk": memory.memory_id, "since": to_rfc3339(memory.updated_at)}


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


def evidence_item(tenant_id: str, evidence: Evidence) -> Item:
    """Return one piece of evidence."""
    return {
        "pk": row_pk(tenant_id, evidence.memory_id),
        "sk": f"EV#{evidence.evidence_id}",
        "schema_version": PLAIN_VERSION,
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
        sha256=item.get("sha256"),
        source=item.get("source"),
        session_id=item.get("session_id"),
        occurred_at=from_rfc3339(item["occurred_at"]) if item.get("occurred_at") else None,
    )


def judgement_item(memory: Memory, judgement: Judgement) -> Item:
    """Return what somebody thinks of a memory."""
    return {
        "pk": row_pk(memory.tenant_id, memory.memory_id),
        "sk": f"FB#{judgement.judgement_id}",
        "schema_version": PLAIN_VERSION,
        "helpful": judgement.is_helpful,
        "reason": judgement.reason,
        "actor": judgement.actor,
        "at": to_rfc3339(judgement.at) if judgement.at else None,
    }


def _item(memory: Memory, sk: str, seals: Seals, *, closed_for: str | None = None) -> Item:
    values = {name: getattr(memory, name) for name in _FIELDS if name not in _NOT_STORED}
    kept = {name: value for name, value in values.items() if value not in (None, ())}
    kept.update({name: to_rfc3339(kept[name]) for name in _MOMENTS & kept.keys()})
    kept.update({name: list(kept[name]) for name in _TUPLES if name in kept})
    kept["state"] = memory.state.value
    if memory.chunks:
        kept["chunks"] = [list(span) for span in memory.chunks]
    pk = row_pk(memory.tenant_id, memory.memory_id)
    sealed = memory.unreadable or seals.seal(memory.tenant_id, place_of(memory.memory_id, sk), _plain(memory, closed_for))
    version = SCHEMA_VERSION if memory.state is State.ARCHIVED else PLAIN_VERSION
    return {"pk": pk, "sk": sk, "schema_version": version, **kept, "sealed": sealed}


def place_of(memory_id: str, sk: str) -> str:
    """Return what is sealed with the text: moved to another memory or item it opens no more."""
    return f"{memory_id}#{sk}"


def sealed_place(item: Item) -> str:
    """Return the place that an item's text was sealed for: its own, or its row's where it could not be opened when it moved."""
    _, _, memory_id = item["pk"].split("#")
    return place_of(memory_id, str(item.get("sealed_for", item["sk"])))


def _plain(memory: Memory, closed_for: str | None) -> bytes:
    said: dict[str, Any] = {name: getattr(memory, name) for name in ("text", "summary", "metadata", "extracted_key")}
    if memory.claimed:
        said["claimed"] = asdict(memory.claimed)
    if memory.event:
        start, end = to_rfc3339(memory.event.start), to_rfc3339(memory.event.end)
        said["event"] = [start, end, memory.event.precision.value]
    reasons = {"reason": memory.reason, "state_reason": memory.state_reason, "closed_for": closed_for}
    said.update({name: each for name, each in reasons.items() if each})
    return zlib.compress(json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode(), 1)


def _opened(item: Item, seals: Seals) -> dict[str, Any]:
    if "sealed" not in item:
        # The first release kept it as it was sent.
        return {"metadata": json.loads(item["metadata"])}
    said: dict[str, Any] = json.loads(zlib.decompress(seals.open(item["tenant_id"], sealed_place(item), item["sealed"])))
    if said.get("claimed"):
        said["claimed"] = Claimed(**said["claimed"])
    if said.get("event"):
        start, end, precision = said["event"]
        said["event"] = EventTime(from_rfc3339(start), from_rfc3339(end), Precision(precision))
    return said


def _halved(vector: Vector) -> bytes:
    components = unpack(vector)
    return struct.pack(f"<{len(components)}e", *components)


def _whole(halved: bytes) -> Vector:
    return pack(struct.unpack(f"<{len(halved) * 2 // COMPONENT_BYTES}e", halved))
