"""The items of the table usage: keys, and the one codec."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.kit.schema_versions import known
from backend.usage.model import GONE_FOR, MARK_BYTES, UNUSED, Mark, Tally, Target, Usage

SCHEMA_VERSION = 1
USAGE = "U"
_PREFIX = "U#"


def usage_pk(tenant_id: str, memory_id: str) -> str:
    """Return the partition of a memory's usage."""
    return f"{_PREFIX}{tenant_id}#{memory_id}"


def target_of(pk: str) -> Target:
    """Return whose usage a partition holds. No id of a tenant or memory has a `#` in it."""
    tenant_id, _, memory_id = pk.removeprefix(_PREFIX).partition("#")
    return tenant_id, memory_id


def tally_item(target: Target, tally: Tally) -> dict[str, Any]:
    """Return the item of a tally."""
    latest = tally.usage.last_accessed
    return {
        "pk": usage_pk(*target),
        "sk": USAGE,
        "schema_version": SCHEMA_VERSION,
        "access_count": tally.usage.access_count,
        "last_accessed": to_rfc3339(latest) if latest else None,
        "seen": b"".join(tally.seen),
        "version": tally.version,
    }


def gone_item(tenant_id: str, memory_id: str, now: datetime) -> dict[str, Any]:
    """Return what stands in the place of a forgotten memory's tally until word of an access can come no more."""
    ttl = int((now + GONE_FOR).timestamp())
    return {"pk": usage_pk(tenant_id, memory_id), "sk": USAGE, "schema_version": SCHEMA_VERSION, "gone": True, "ttl": ttl}


def tally_of(item: Mapping[str, Any]) -> Tally:
    """Return the tally of an item. Raises `NewerReleaseError`."""
    if known(item, SCHEMA_VERSION).get("gone"):
        return Tally(is_gone=True)
    return Tally(usage_of(item), _marks(item["seen"]), item["version"])


def usage_of(item: Mapping[str, Any]) -> Usage:
    """Return what readers see of an item: of a forgotten memory nothing. Raises `NewerReleaseError`."""
    if known(item, SCHEMA_VERSION).get("gone"):
        return UNUSED
    return Usage(item["access_count"], from_rfc3339(item["last_accessed"]))


def _marks(seen: bytes) -> tuple[Mark, ...]:
    return tuple(seen[start : start + MARK_BYTES] for start in range(0, len(seen), MARK_BYTES))
