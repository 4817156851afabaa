"""Where a memory comes from: what each candidate of a text is remembered by."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from backend.extraction.model import Candidate, Guarded, Reading
from backend.kit.clock import as_utc
from backend.memories.model import Evidence, Said

TAKEN_OUT = "[REDACTED:"
"""What stands where a guard took something out begins so."""


def evidence_of(  # noqa: PLR0913, PLR0917 - one word for each thing that it names
    said: Said, candidate: Candidate, evidence_id: str, memory_id: str, recorded_at: datetime, digest: str | None
) -> Evidence:
    """Return the evidence that a candidate of what was said is of a memory; `digest` as `digest_of` gives it."""
    return Evidence(
        evidence_id=evidence_id,
        memory_id=memory_id,
        recorded_at=recorded_at,
        span=candidate.span,
        sha256=digest,
        source=said.source,
        session_id=said.session_id,
        occurred_at=as_utc(said.occurred_at) if said.occurred_at else None,
    )


def digest_of(said: Said, reading: Reading) -> str | None:
    """Return the SHA-256 of what was said, None where a guard let something of it be kept nowhere.

    A PIN that was taken out could be found by trying all of them against the hash of the words around it.
    """
    refused = any(each.refusal and each.refusal.outcome is Guarded.POLICY for each in reading.candidates)
    if refused or any(TAKEN_OUT in each.text for each in reading.candidates):
        return None
    return sha256(said.text.encode()).hexdigest()
