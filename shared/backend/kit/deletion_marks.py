"""Marks of what was deleted, so that a restore from an older backup leaves it out.

A mark stands in the table of what was deleted, in a partition of its own, and holds a moment and nothing else. It is written
with the deletion, and goes by the table's TTL, where it has one, when no backup reaches back so far.

| item | pk | sk | holds |
|---|---|---|---|
| mark | `GONE#` and the pk of what was deleted | its sk | when it was deleted |
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.kit.dynamodb import Check, Delete, Put, Table, TransactionCanceledError, attribute, transact
from backend.kit.ids import Ids

SCHEMA_VERSION = 1
GONE = "GONE#"
LASTS = timedelta(days=36)
"""A day longer than a point-in-time recovery reaches back (35 days, DynamoDB Developer Guide)."""


def mark(table: Table, pk: str, sk: str, at: datetime) -> Put:
    """Return the write that goes with the deletion of what stands there, or of all that belongs to it."""
    said = {"schema_version": SCHEMA_VERSION, "deleted_at": to_rfc3339(at), "ttl": int((at + LASTS).timestamp())}
    return Put(table, {"pk": GONE + pk, "sk": sk, **said})


def delete(  # noqa: PLR0913 - one word for each thing that a deletion is
    table: Table,
    pk: str,
    sk: str,
    condition: Any,  # noqa: ANN401 - a vendor's condition, opaque here
    *,
    written: str,
    now: datetime,
    ids: Ids,
) -> None:
    """Delete an item under a condition and leave its mark, or neither. Raises `TransactionCanceledError` if it does not hold.

    `written` names the attribute that says when the item was written. Whoever wrote it may have had a clock ahead of this one:
    the mark is never older than what it stands for.
    """
    at = now
    while True:
        not_newer = attribute(written) <= to_rfc3339(at)
        try:
            transact(table.seam, (Delete(table, (pk, sk), condition & not_newer), mark(table, pk, sk, at)), token=ids.new("t"))
        except TransactionCanceledError as refused:
            held = refused.reasons[0].item if refused.reasons[0] else None
            if held is None or held[written] <= to_rfc3339(at):
                raise
            at = from_rfc3339(held[written])
        else:
            return


def unmark(table: Table, pk: str, sk: str) -> Delete:
    """Return the write that goes with putting there what carries no time of its own: the mark would hold against it."""
    return Delete(table, (GONE + pk, sk))


def not_deleted(table: Table, pk: str, sk: str, since: str | None) -> Check:
    """Hold unless it was deleted since then (RFC 3339), or ever where None."""
    unmarked = attribute("pk").does_not_exist()
    return Check(table, (GONE + pk, sk), unmarked | (attribute("deleted_at") < since) if since else unmarked)
