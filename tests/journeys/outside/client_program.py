"""What somebody writes who has only the contract: a program on a client that a generator made of it.

It runs in the environment of the outside tools, where the generated package `memorysync_client` is put on the path, takes
the service's address and a key from the environment, and prints what it saw as one JSON object.
"""

from __future__ import annotations

import json
import os
import sys

# The package is made when the test runs; there mypy reads this file against it.
from memorysync_client import AuthenticatedClient  # type: ignore[import-not-found, unused-ignore]  # made later
from memorysync_client.api.memory import add_memory, forget_memory, get_memory, list_memories, query_memories  # type: ignore[import-not-found, unused-ignore]  # made later
from memorysync_client.api.status import health, version  # type: ignore[import-not-found, unused-ignore]  # made later
from memorysync_client.models import (  # type: ignore[import-not-found, unused-ignore]  # made later
    Filters,
    MemoriesFound,
    MemoryAdd,
    MemoryAdded,
    MemoryAddMetadata,
    MemoryForgotten,
    MemoryPage,
    MemoryQuery,
    MemoryRead,
    Problem,
)
from memorysync_client.types import UNSET, Unset  # type: ignore[import-not-found, unused-ignore]  # made later

ME = "u1"
FACTS = ("The key of the cellar hangs behind the blue door.", "The dentist moved the appointment to Tuesday.", "My dog is Rex.")


def added(client: AuthenticatedClient, text: str) -> MemoryAdded:
    """Add a memory."""
    metadata = MemoryAddMetadata.from_dict({"native": {"id": ["A-1", 1, None]}})
    body = MemoryAdd(text=text, user_id=ME, tags=["home"], source="chat", metadata=metadata, ttl_minutes=60)
    answer = add_memory.sync(client=client, body=body)
    if not isinstance(answer, MemoryAdded):
        raise TypeError(answer)
    return answer


def found(client: AuthenticatedClient, query: str) -> MemoriesFound:
    """Ask for the best two memories."""
    body = MemoryQuery(query=query, user_id=ME, k=2, filters=Filters(sources=["chat"]))
    answer = query_memories.sync(client=client, body=body)
    if not isinstance(answer, MemoriesFound):
        raise TypeError(answer)
    return answer


def listed(client: AuthenticatedClient) -> tuple[list[str], int]:
    """Return the ids of all memories, and how many pages they took at two a page."""
    ids: list[str] = []
    cursor: str | None = None
    pages = 0
    while pages == 0 or cursor:
        page = list_memories.sync(client=client, limit=2, x_end_user_id=ME, cursor=cursor or UNSET)
        if not isinstance(page, MemoryPage):
            raise TypeError(page)
        ids += [item.id for item in page.items]
        cursor = page.next_cursor
        pages += 1
    return ids, pages


def refused(client: AuthenticatedClient) -> Problem:
    """Send what cannot be meant and return the problem."""
    answer = query_memories.sync(client=client, body=MemoryQuery(query="anything", user_id=ME, k=0))
    if not isinstance(answer, Problem):
        raise TypeError(answer)
    return answer


def main() -> int:
    """Do all of it."""
    client = AuthenticatedClient(
        base_url=os.environ["MEMORYSYNC_BASE_URL"],
        token=os.environ["MEMORYSYNC_API_KEY"],
        prefix="",
        auth_header_name="X-API-Key",
        raise_on_unexpected_status=True,
    )
    memories = [added(client, text) for text in FACTS]
    ids, pages = listed(client)
    best = found(client, "How do I get into the basement?").memories[0]
    read = get_memory.sync(id=best.id, client=client, x_end_user_id=ME)
    forgotten = forget_memory.sync(id=best.id, client=client, x_end_user_id=ME, if_match='"r1"')
    gone = get_memory.sync(id=best.id, client=client, x_end_user_id=ME)
    problem = refused(client)
    if not (isinstance(read, MemoryRead) and isinstance(forgotten, MemoryForgotten) and isinstance(gone, Problem)):
        raise TypeError((read, forgotten, gone))
    faults = [] if isinstance(problem.errors, Unset) else problem.errors
    alive, running = health.sync(client=client), version.sync(client=client)
    said = {
        "added": [memory.id for memory in memories],
        "listed": ids,
        "pages": pages,
        "best": [best.id, best.text, best.score],
        "read": [read.text, read.tags, read.metadata.to_dict(), read.expires_at is not None],
        "forgotten": [forgotten.id, forgotten.state],
        "gone": [gone.status, gone.code],
        "problem": [problem.status, problem.code, [fault.pointer for fault in faults]],
        "status": [type(alive).__name__, type(running).__name__],
    }
    sys.stdout.write(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
