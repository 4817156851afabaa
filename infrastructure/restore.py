"""`python -m infrastructure.restore --from RESTORED --to TABLE`: bring back from a restored table what the live one lost.

Point-in-time recovery makes a new table beside the live one. This copies from it what the live table lacks, and memories
of which the live table has only an older version. What is newer in the live table stays: above all, what was forgotten or
deleted after the backup stays so. Doing it twice, or again after it was interrupted, is harmless.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from botocore.exceptions import BotoCoreError

from backend.kit.clock import SystemClock
from backend.kit.config import aws_endpoint
from backend.kit.deletion_marks import not_deleted
from backend.kit.dynamodb import ConditionFailedError, Item, Put, Seam, Table, TransactionCanceledError, attribute, transact
from backend.kit.dynamodb.table import Write
from backend.kit.errors import MemorySyncError
from backend.kit.ids import UlidIds
from backend.memories.items import OWED, owed_pk
from backend.memories.markers import PENDING
from backend.state.store import STATES
from backend.tenancy.items import ISSUER, ISSUERS
from backend.transcripts.store import SESSIONS
from infrastructure.region import NoRegionError, chosen_region

WRITERS = 8
ABSENT = attribute("pk").does_not_exist()
GROWS = ("row_version", "next")
"""Numbers that say which of two items is the newer: of a memory its version, of a conversation the place that its next message
gets, which must lie behind every message that comes back.
"""


def main(argv: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m infrastructure.restore", description=__doc__)
    parser.add_argument("--from", dest="restored", required=True, help="name of the table that was restored")
    parser.add_argument("--to", dest="live", required=True, help="name of the table that the stack uses")
    parser.add_argument("--region", help="their region; else that of the AWS settings")
    arguments = parser.parse_args(argv)
    try:
        seam = Seam(SystemClock(), chosen_region(arguments.region), aws_endpoint())
        counts = restore(Table(arguments.restored, seam), Table(arguments.live, seam))
    except (NoRegionError, BotoCoreError) as error:
        print(error, file=sys.stderr)
        return 1
    except MemorySyncError as error:
        print(f"Stopped: {error.detail} Run it again: it goes over what is done already.", file=sys.stderr)
        return 1
    print(
        f"{counts['written']} items brought back, {counts['kept']} left as they are or deleted since,"
        f" {counts['markers']} markers left out."
    )
    print("Now call RebuildIndex, so that the index shows them (docs/operations.md).")
    return 0


def restore(restored: Table, live: Table) -> Counter[str]:
    """Copy what the live table lacks; return how many items were `written`, `kept`, or are `markers`, which are left out.

    What was deleted since is kept as it is, too: deleted.

    A marker says what the index lacked when the backup was made: the rebuild that follows makes up for all of them. Notes of
    vectors that were owed are markers too: each is written anew, with the row that still owes one.
    Raises the errors of the tables.
    """
    with ThreadPoolExecutor(WRITERS) as pool:
        return Counter(pool.map(lambda item: _brought_back(live, item), _items(restored)))


def _items(table: Table) -> Iterator[Item]:
    start: Item | None = None
    while True:
        page = table.scan(start=start)
        yield from page.items
        start = page.next_key
        if start is None:
            return


def _brought_back(live: Table, item: Item) -> str:
    if item["pk"].startswith((PENDING, OWED)):
        return "markers"
    # What carries no such number is at least as new in the live table as here.
    number = next((name for name in GROWS if name in item), None)
    lacking = ABSENT | (attribute(number) < item[number]) if number else ABSENT
    beside: list[Write] = [not_deleted(live, *key, _written_at(item)) for key in _leaves_marks(item)]
    if item.get("owed"):
        beside.append(Put(live, {"pk": owed_pk(item["scope_key"]), "sk": item["memory_id"], "since": item["updated_at"]}))
    try:
        if beside:
            transact(live.seam, [Put(live, item, lacking), *beside], token=UlidIds(SystemClock()).new("t"))
        else:
            live.put(item, lacking)
    except (ConditionFailedError, TransactionCanceledError):
        return "kept"
    return "written"


def _leaves_marks(item: Item) -> list[tuple[str, str]]:
    """Return where it would be marked that this was deleted, or what it belongs to."""
    pk, sk = item["pk"], item.get("sk", "")
    if pk.startswith(SESSIONS):
        # The partition of a message is that of its session and the session's sort key.
        session, _, mac = pk.rpartition("#")
        return [(pk, sk), (session, mac)]
    return [(pk, sk)] if pk.startswith((STATES, ISSUER)) or sk.startswith(ISSUERS) else []


def _written_at(item: Item) -> str | None:
    return item.get("recorded_at") or item.get("updated_at")
