"""From what an add did to what its caller is told."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from backend.memories.outcomes import (
    Added,
    Outcome,
    Preview,
)
from backend.memories.schemas import MemoryAdd, MemoryView, OutcomeView

FALLBACK = "The text was read by rules and not by the language model ({reason})."


def answer_of(added: Added, body: MemoryAdd) -> dict[str, Any]:
    """Return the members of an add's answer but the request's id: the first memory's, or why there is none."""
    candidates = dict(enumerate(added.candidates)) if body.return_candidates else {}
    told = {
        "memory_ids": [memory.memory_id for memory in added.memories],
        "candidates_extracted": len(added.outcomes),
        "candidates_stored": sum(each.outcome.is_new for each in added.outcomes),
        "outcomes": [OutcomeView.fields_of(each, candidates.get(each.candidate)) for each in added.outcomes],
        "warnings": [*body.warnings(), *fallen_back(added.fallback)],
    }
    if not added.memories:
        return {"status": "skipped", "reason": _reason(added), **told}
    first = added.memories[0]
    token = f"ct_{first.memory_id.removeprefix('mem_')}_{first.row_version}"
    return {**MemoryView.fields_of(first), **told, "consistency_token": token}


def preview_of(preview: Preview, body: MemoryAdd) -> dict[str, Any]:
    """Return the members of a dry run's answer but the request's id: every candidate in full."""
    pairs = zip(preview.outcomes, preview.candidates, strict=True)
    return {
        "status": "dry_run",
        "candidates_extracted": len(preview.outcomes),
        "outcomes": [OutcomeView.fields_of(outcome, candidate) for outcome, candidate in pairs],
        "warnings": [*body.warnings(), *fallen_back(preview.fallback)],
    }


def fallen_back(reason: str | None) -> list[str]:
    """Return the warning that a language model was asked for and did not read the text."""
    return [FALLBACK.format(reason=reason)] if reason else []


def status_of(added: Added) -> HTTPStatus:
    """Return 201 for one memory that is new, 207 for several, 200 where nothing new was stored."""
    if len(added.memories) > 1:
        return HTTPStatus.MULTI_STATUS
    return HTTPStatus.CREATED if any(each.outcome.is_new for each in added.outcomes) else HTTPStatus.OK


def _reason(added: Added) -> str:
    if not added.outcomes:
        return "no_extractable_text"
    blocked = any(each.outcome is Outcome.POLICY for each in added.outcomes)
    return "blocked_by_policy" if blocked else "no_high_value_content"
