"""The codec of pending markers: what the index may not hold yet, so that the next question finds it all the same.

A marker carries the documents themselves, sealed. One of a long text would be too large for an item: it only says that the row
has to be read.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from backend.embedding.model import Vector
from backend.encryption.model import DecryptionFailedError
from backend.index.model import IndexDocument, Tombstone
from backend.kit.dynamodb import Item
from backend.memories import items
from backend.memories.model import PLAIN_VERSION, Memory
from backend.memories.ports import Seals

PENDING = "P#"
PENDING_SHARDS = 1
_BESIDE = frozenset({"vector", "traits"})
_FIELDS = tuple(each.name for each in fields(IndexDocument) if each.name not in _BESIDE)
_KNOWN = frozenset(_FIELDS)
"""A later release may write more."""

MOST_DOCUMENTS = 4
MOST_BYTES = 256 * 1024
"""Of documents as they are stored, without vectors: with these the item stays below 400 KB."""


def pending_pk(scope_key: str, memory_id: str) -> str:
    """Return the partition that the memory's pending marker stands in."""
    return f"{PENDING}{scope_key}#{items.shard_of(memory_id, PENDING_SHARDS)}"


def key_of(memory: Memory) -> tuple[str, str]:
    """Return the key of the memory's pending marker."""
    return pending_pk(memory.scope_key, memory.memory_id), memory.memory_id


def marker_item(memory: Memory, changes: Sequence[IndexDocument | Tombstone], written_at: datetime, seals: Seals) -> Item:
    """Return the pending marker of what a row version changes in the index."""
    pk, sk = key_of(memory)
    item: Item = {
        "pk": pk,
        "sk": sk,
        "schema_version": PLAIN_VERSION,
        "row_version": memory.row_version,
        "position": items.list_position(memory.created_at, memory.memory_id),
        **items.due("PENDING", memory.memory_id, memory.tenant_id, written_at),
    }
    first = changes[0]
    if isinstance(first, Tombstone):
        return {**item, "kind": "tombstone", "recorded_at": first.recorded_at}
    documents = [each for each in changes if isinstance(each, IndexDocument)]
    # A model without a vector: the row was read without the vectors of its further pieces.
    if len(documents) > MOST_DOCUMENTS or any(each.model and each.vector is None for each in documents):
        return {**item, "kind": "row"}
    plain = zlib.compress(json.dumps([_fields(each) for each in documents], ensure_ascii=False).encode(), 1)
    if len(plain) > MOST_BYTES:
        return {**item, "kind": "row"}
    return {
        **item,
        "kind": "documents",
        "documents": seals.seal(memory.tenant_id, _place(memory.memory_id), plain),
        "vectors": [each.vector for each in documents],
        # Beside the documents, not in them: the release before this one reads no field that it does not know.
        "traits": seals.seal(
            memory.tenant_id, _traits_place(memory.memory_id), json.dumps([each.traits for each in documents]).encode()
        ),
    }


def changes_of(item: Item, seals: Seals) -> list[IndexDocument | Tombstone] | None:
    """Return the changes that a marker carries, None when the row has to be read for them."""
    scope_key = item["pk"].removeprefix(PENDING).rpartition("#")[0]
    match item["kind"]:
        case "tombstone":
            return [Tombstone(scope_key, item["sk"], item["row_version"], item["recorded_at"])]
        case "document":
            # The first release's: one document, in the clear.
            return [_document(json.loads(zlib.decompress(item["document"])), item.get("vector"), 0)]
        case "documents":
            tenant_id = scope_key.partition("#")[0]
            try:
                documents = json.loads(zlib.decompress(seals.open(tenant_id, _place(item["sk"]), item["documents"])))
                sealed = item.get("traits")
                traits = json.loads(seals.open(tenant_id, _traits_place(item["sk"]), sealed)) if sealed else [0] * len(documents)
            except DecryptionFailedError:
                return None
            return [_document(*each) for each in zip(documents, item["vectors"], traits, strict=True)]
    return None


def size_of(item: Item) -> int:
    """Return how many bytes of documents a marker carries."""
    return len(item.get("documents") or item.get("document") or b"")


def _place(memory_id: str) -> str:
    return f"{memory_id}#MARKER"


def _traits_place(memory_id: str) -> str:
    return f"{memory_id}#TRAITS"


def _fields(document: IndexDocument) -> Item:
    return {name: value for name in _FIELDS if (value := getattr(document, name)) is not None}


def _document(held: Item, vector: bytes | None, traits: int) -> IndexDocument:
    known = {name: value for name, value in held.items() if name in _KNOWN}
    known["tags"] = tuple(known.get("tags", ()))
    if known.get("span"):
        known["span"] = tuple(known["span"])
    return IndexDocument(**{"model": None, **known, "vector": Vector(vector) if vector else None, "traits": traits})
