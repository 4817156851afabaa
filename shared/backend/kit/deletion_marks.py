"""Marks of what was deleted, so that a restore from an older backup leaves it out.

A mark stands in the table of what was deleted, in a partition of its own, and holds a moment and nothing else. It is written
with the deletion, and goes by the table's TTL, where it has one, when no backup reaches back so far.

| item | pk | sk | holds |
|---|---|---|---|
| mark | `GONE#` and the pk of what was deleted | its sk | when it was deleted |
"""

from __future__ import annotations

from datetime import datetime, timedelta

from backend.kit.clock import to_rfc3339
from backend.kit.dynamodb import Check, Delete, Put, Table, attribute

SCHEMA_VERSION = 1
GONE = "GONE#"
LASTS = timedelta(days=36)
"""A day longer than a point-in-time recovery reaches back (35 days, DynamoDB Developer Guide)."""


def mark(table: Table, pk: str, sk: str, at: datetime) -> Put:
    """Return the write that goes with the deletion of what stands there, or of all that belongs to it."""
    said = {"schema_version": SCHEMA_VERSION, "deleted_at": to_rfc3339(at), "ttl": int((at + LASTS).timestamp())}
    return Put(table, {"pk": GONE + pk, "sk": sk, **said})


def unmark(table: Table, pk: str, sk: str) -> Delete:
    """Return the write that goes with putting there what carries no time of its own: the mark would hold against it."""
    return Delete(table, (GONE + pk, sk))


def not_deleted(table: Table, pk: str, sk: str, since: str | None) -> Check:
    """Hold unless it was deleted since then (RFC 3339), or ever where None."""
    unmarked = attribute("pk").does_not_exist()
    return Check(table, (GONE + pk, sk), unmarked | (attribute("deleted_at") < since) if since else unmarked)
