"""A process of its own on an index file; `python index_worker.py WHAT FILE …`. What is acknowledged goes to its output."""

from __future__ import annotations

import resource
import signal
import sys
from pathlib import Path

from backend.index.embedded import EmbeddedIndex
from backend.index.model import IndexDocument, IndexFilter, IndexQuery, Tombstone
from backend.kit.clock import SystemClock
from backend.kit.errors import IndexUnavailableError
from backend.tenancy.scope import Environment, user_scope

ANA = user_scope("acme", "shop", Environment.LIVE, "ana")
EVERYTHING = IndexQuery(None, None, ("boat",), IndexFilter(), limit=10)
MOST_SEARCHES = 50_000


def document(memory_id: str) -> IndexDocument:
    return IndexDocument(ANA.home, memory_id, 1, 0, 1, {"boat": 1}, None, None, 1)


def write(index: EmbeddedIndex, prefix: str, batches: int, size: int) -> None:
    """Add so many batches of so many documents, and forget the first of every third batch."""
    for number in range(batches):
        ids = [f"{prefix}-{number}-{part}" for part in range(size)]
        index.write("acme", [document(memory_id) for memory_id in ids])
        sys.stdout.write("".join(f"{memory_id}\n" for memory_id in ids))
        sys.stdout.flush()
        if number % 3 == 2:
            index.write("acme", [Tombstone(ANA.home, ids[0], 2, 1)])
            sys.stdout.write(f"-{ids[0]}\n")
            sys.stdout.flush()


def read(index: EmbeddedIndex, expected: int) -> None:
    """Search until so many documents are there; say how often."""
    for number in range(MOST_SEARCHES):
        if index.search(ANA, EVERYTHING).considered == expected and "last-0-0" in index.versions(ANA, ["last-0-0"]):
            sys.stdout.write(f"{number + 1}\n")
            return
    sys.exit("never saw all documents")


def fill(index: EmbeddedIndex, most_bytes: int) -> None:
    """Add documents while no file may grow above a size, until the index refuses; say how many and why."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    number = 0
    try:
        while True:
            index.write("acme", [document(f"m{number}")])
            number += 1
    except IndexUnavailableError as error:
        found = index.search(ANA, EVERYTHING).considered
        sys.stdout.write(f"{number}\n{found}\n{error.detail}\n")


def main() -> None:
    what, path, *rest = sys.argv[1:]
    index = EmbeddedIndex(Path(path), SystemClock())
    if what == "write":
        write(index, rest[0], int(rest[1]), int(rest[2]))
    elif what == "read":
        read(index, int(rest[0]))
    else:
        fill(index, int(rest[0]))
    index.close()


if __name__ == "__main__":
    main()
