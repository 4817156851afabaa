"""Audit entries and the chain that binds them. An entry holds ids, names of actions and counts: never a user's text."""

from __future__ import annotations

import hashlib
import hmac
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from backend.kit.clock import as_utc, to_rfc3339

SHARDS = 8


class Action(StrEnum):
    """What was done."""

    TENANT_CREATED = "tenant_created"
    TENANT_SUSPENDED = "tenant_suspended"
    TENANT_RESUMED = "tenant_resumed"
    SCOPE_MODE_SET = "scope_mode_set"
    PROJECT_CREATED = "project_created"
    PROJECT_ARCHIVED = "project_archived"
    PROJECT_RESTORED = "project_restored"
    KEY_CREATED = "key_created"
    KEY_REVOKED = "key_revoked"
    ISSUER_CONFIGURED = "issuer_configured"
    ISSUER_REMOVED = "issuer_removed"
    SETTING_CHANGED = "setting_changed"
    MISSING_SCOPE = "missing_scope"
    DATA_KEY_ROTATED = "data_key_rotated"
    DECRYPTION_FAILED = "decryption_failed"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One thing that happened.

    `actor` says who (`operator`, `key:<public id>`, `token:<issuer>`), `target` what it was done to. `at` counts to the
    millisecond. `details` are ids and figures.
    """

    entry_id: str
    tenant_id: str
    at: datetime
    actor: str
    action: Action
    target: str
    project_id: str | None = None
    environment: str | None = None
    details: Mapping[str, str | int] = field(default_factory=dict)

    @property
    def day(self) -> str:
        """The day in UTC, `2026-01-05`."""
        return as_utc(self.at).date().isoformat()


@dataclass(frozen=True, slots=True)
class Link:
    """An entry in its chain: `sequence` counts from 1, `mac` covers the entry, the sequence and the link before."""

    entry: AuditEntry
    sequence: int
    previous: str
    mac: str


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a chain: how many links it has and the MAC of the last."""

    count: int
    mac: str


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What verifying a chain found: `broken_at` is the sequence of the first link that is wrong or gone, None when all hold."""

    count: int
    broken_at: int | None = None

    @property
    def intact(self) -> bool:
        """Tell whether every link holds."""
        return self.broken_at is None


def first_shard(entry_id: str) -> int:
    """Return the shard that an entry tries first; ids spread evenly."""
    return zlib.crc32(entry_id.encode()) % SHARDS


def chain_name(tenant_id: str, day: str, shard: int) -> str:
    """Return the name of one chain: the partition that holds it."""
    return f"A#{tenant_id}#{day}#{shard}"


def start_of(key: bytes, chain: str) -> Head:
    """Return the head of an empty chain. It is made of the chain's name, so that no chain can stand in for another."""
    return Head(0, _mac(key, [chain]))


def append(key: bytes, head: Head, entry: AuditEntry) -> Link:
    """Return the entry as the link after this head."""
    return Link(entry, head.count + 1, head.mac, _link_mac(key, head.mac, head.count + 1, entry))


def check(key: bytes, chain: str, links: Sequence[Link], head: Head | None) -> ChainReport:
    """Verify a whole chain against its head. Changed, missing, added, moved and reordered links are all found.

    What it cannot find: a chain removed together with its head. Who holds only the table cannot forge a link, because the
    MAC's key is not in the table.
    """
    at = start_of(key, chain)
    for link in sorted(links, key=lambda each: each.sequence):
        due = append(key, at, link.entry)
        if (link.sequence, link.previous) != (due.sequence, due.previous) or not hmac.compare_digest(link.mac, due.mac):
            return ChainReport(len(links), broken_at=at.count + 1)
        at = Head(due.sequence, due.mac)
    end = head or start_of(key, chain)
    if end.count != at.count or not hmac.compare_digest(end.mac, at.mac):
        return ChainReport(len(links), broken_at=min(end.count, at.count) + 1)
    return ChainReport(len(links))


def _link_mac(key: bytes, previous: str, sequence: int, entry: AuditEntry) -> str:
    facts = [entry.entry_id, entry.tenant_id, to_rfc3339(entry.at), entry.actor, entry.action, entry.target]
    places = [entry.project_id, entry.environment, dict(entry.details)]
    return _mac(key, [previous, sequence, *facts, *places])


def _mac(key: bytes, parts: list[object]) -> str:
    """Return the HMAC-SHA256 over the parts as JSON with sorted names: one text for one meaning."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
