"""The audit log in DynamoDB.

| pk | sk | what |
|---|---|---|
| `A#<tenant>#<day>#<shard>` | entry id (`aud_` and a ULID) | one link: the entry, its sequence, the MAC before it and its own |
| same | `HEAD` | how many links the chain has and the MAC of the last |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from backend.audit.model import (
    SHARDS,
    Action,
    AuditEntry,
    ChainReport,
    Head,
    Link,
    append,
    chain_name,
    check,
    first_shard,
    start_of,
)
from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.kit.dynamodb import Item, Put, Table, TransactionCanceledError, attribute, transact
from backend.kit.errors import ThrottledError
from backend.kit.ids import Ids
from backend.kit.schema_versions import known

HEAD = "HEAD"
SCHEMA_VERSION = 1

# Nobody has begun this chain.
UNBEGUN = attribute("pk").does_not_exist()
# The entry is not in this chain yet.
NEW = attribute("pk").does_not_exist()


class DynamoAuditLog:
    """One transaction an entry: the link, and the head moved on from where it was read.

    `key_of` gives a tenant's chain key, which is kept outside the table. Two writers who meet at one head cannot both
    win; the loser goes on to the next shard, at most once round.
    """

    def __init__(self, table: Table, key_of: Callable[[str], bytes], ids: Ids) -> None:
        self._table = table
        self._key_of = key_of
        self._ids = ids

    def record(self, entry: AuditEntry) -> None:
        """Add the entry to the first shard that takes it."""
        start = first_shard(entry.entry_id)
        for step in range(SHARDS):
            if self._appended(entry, (start + step) % SHARDS):
                return
        msg = "The audit log is busy; try again."
        raise ThrottledError(msg, retry_after=1)

    def entries(self, tenant_id: str, day: str) -> Sequence[AuditEntry]:
        """Return the day's entries, oldest id first."""
        links = [link for shard in range(SHARDS) for link in self._links(chain_name(tenant_id, day, shard))]
        return sorted((link.entry for link in links), key=lambda entry: entry.entry_id)

    def verify(self, tenant_id: str, day: str, shard: int) -> ChainReport:
        """Check one chain as it was when the call began: what is appended while it reads is left for the next time."""
        chain = chain_name(tenant_id, day, shard)
        head = self._head(chain)
        links = list(self._links(chain))
        began, ended = (each.count if each else 0 for each in (head, self._head(chain)))
        links = [link for link in links if not began < link.sequence <= ended]
        return check(self._key_of(tenant_id), chain, links, head)

    def _appended(self, entry: AuditEntry, shard: int) -> bool:
        chain = chain_name(entry.tenant_id, entry.day, shard)
        key = self._key_of(entry.tenant_id)
        head = self._head(chain)
        link = append(key, head or start_of(key, chain), entry)
        # Nobody has moved the head since it was read.
        unmoved = (attribute("count") == head.count) & (attribute("mac") == head.mac) if head else UNBEGUN
        moved = {"pk": chain, "sk": HEAD, "count": link.sequence, "mac": link.mac}
        writes = [Put(self._table, _to_item(chain, link), NEW), Put(self._table, moved, unmoved)]
        try:
            transact(self._table.seam, writes, self._ids.new("tx"))
        except TransactionCanceledError as refused:
            # The entry stands here already: an earlier try came through and its answer was lost.
            return refused.reasons[0] is not None and refused.reasons[0].condition_failed
        return True

    def _head(self, chain: str) -> Head | None:
        item = self._table.get(chain, HEAD)
        return Head(known(item, SCHEMA_VERSION)["count"], item["mac"]) if item else None

    def _links(self, chain: str) -> Iterator[Link]:
        start: Item | None = None
        while True:
            page = self._table.query(chain, start=start, consistent=True)
            yield from (_from_item(item) for item in page.items if item["sk"] != HEAD)
            if not page.next_key:
                return
            start = page.next_key


def _to_item(chain: str, link: Link) -> Item:
    entry = link.entry
    return {
        "pk": chain,
        "sk": entry.entry_id,
        "schema_version": SCHEMA_VERSION,
        "sequence": link.sequence,
        "previous": link.previous,
        "mac": link.mac,
        "tenant_id": entry.tenant_id,
        "at": to_rfc3339(entry.at),
        "actor": entry.actor,
        "action": entry.action.value,
        "target": entry.target,
        "project_id": entry.project_id,
        "environment": entry.environment,
        "details": dict(entry.details),
    }


def _from_item(item: Item) -> Link:
    """Return the link. Raises `NewerReleaseError`."""
    known(item, SCHEMA_VERSION)
    entry = AuditEntry(
        entry_id=item["sk"],
        tenant_id=item["tenant_id"],
        at=from_rfc3339(item["at"]),
        actor=item["actor"],
        action=Action(item["action"]),
        target=item["target"],
        project_id=item.get("project_id"),
        environment=item.get("environment"),
        details=item["details"],
    )
    return Link(entry, item["sequence"], item["previous"], item["mac"])
