"""The audit log in memory, for tests and tools."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from backend.audit.model import SHARDS, AuditEntry, ChainReport, Head, Link, append, chain_name, check, first_shard, start_of
from backend.kit.errors import TableUnavailableError

FAKE_KEY = b"a key that protects nothing, for tests only"


class FakeAuditLog:
    """Chains in lists. `down` makes every call fail as a table that does not answer."""

    def __init__(self) -> None:
        self.down = False
        self.links: defaultdict[str, list[Link]] = defaultdict(list)
        self.heads: dict[str, Head] = {}

    def record(self, entry: AuditEntry) -> None:
        """Add the entry to the chain that its id names."""
        self._answer()
        chain = chain_name(entry.tenant_id, entry.day, first_shard(entry.entry_id))
        link = append(FAKE_KEY, self.heads.get(chain, start_of(FAKE_KEY, chain)), entry)
        self.links[chain].append(link)
        self.heads[chain] = Head(link.sequence, link.mac)

    def entries(self, tenant_id: str, day: str) -> Sequence[AuditEntry]:
        """Return the day's entries, oldest id first."""
        self._answer()
        chains = [chain_name(tenant_id, day, shard) for shard in range(SHARDS)]
        found = [link.entry for chain in chains for link in self.links.get(chain, [])]
        return sorted(found, key=lambda entry: entry.entry_id)

    def verify(self, tenant_id: str, day: str, shard: int) -> ChainReport:
        """Check one chain."""
        self._answer()
        chain = chain_name(tenant_id, day, shard)
        return check(FAKE_KEY, chain, self.links.get(chain, []), self.heads.get(chain))

    def _answer(self) -> None:
        if self.down:
            msg = "The table does not answer."
            raise TableUnavailableError(msg, retry_after=2)
