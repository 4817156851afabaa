"""Memories, scopes and requests that tests of several folders start from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from backend.embedding.model import Vector, to_unit
from backend.extraction.extracted_key import extracted_key
from backend.memories.model import (
    Evidence,
    Memory,
    Said,
)
from backend.memories.outcomes import (
    Request,
)
from backend.tenancy.scope import Environment, Scope, user_scope

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
ACME = user_scope("acme", "support", Environment.LIVE, "u1")
NEIGHBOUR = user_scope("acme", "support", Environment.LIVE, "u2")
OTHER_PROJECT = user_scope("acme", "sales", Environment.LIVE, "u1")
RIVAL = user_scope("rival", "support", Environment.LIVE, "u1")
FACT = "I moved to Lisbon in March."
SAID = Said(FACT)
VECTOR: Vector = to_unit([1.0, 2.0, 3.0, 4.0])
MODEL = "fake-bag-of-words/4"


def memory_id(number: int) -> str:
    """Return a valid id; a higher number is a later one."""
    return f"mem_{number:026d}"


def memory(number: int = 1, scope: Scope = ACME, **changes: Any) -> Memory:
    """Return a memory with a vector."""
    text = changes.pop("text", f"{FACT} No. {number}")
    plain = Memory(
        memory_id=memory_id(number),
        tenant_id=scope.tenant_id,
        scope_key=scope.home,
        project_id=scope.project_id,
        end_user_id=scope.end_user_id,
        text=text,
        # That of a text of 100 KB takes its time, and no test of this looks at it.
        extracted_key=extracted_key(text[:1000]),
        created_at=NOW,
        updated_at=NOW,
        valid_from=NOW,
        vector=VECTOR,
        model=MODEL,
    )
    return replace(plain, **changes)


def evidence(number: int = 1, of: str = memory_id(1), **changes: Any) -> Evidence:
    """Return a piece of evidence."""
    plain = Evidence(evidence_id=f"ev_{number:026d}", memory_id=of, recorded_at=NOW, span=(0, len(FACT)), sha256=f"{number:064x}")
    return replace(plain, **changes)


def keyed(number: int = 1, body: str = "the body") -> Request:
    """Return a request under an idempotency key."""
    return Request(record_id=f"{number:064x}", body_mac=body.encode().hex())
