"""From several memories, or what became of several things, to what a caller is told of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from backend.kit import observability, problems
from backend.kit.errors import MemorySyncError
from backend.memories.answers import answer_of, preview_of, status_of
from backend.memories.http import etag
from backend.memories.listing import Page
from backend.memories.model import Memory
from backend.memories.outcomes import Added, Preview
from backend.memories.schemas import MemoryAdd, MemoryView, OutcomeView


def updated_item(number: int, done: Any) -> dict[str, Any]:  # noqa: ANN401 - a memory and whether it is a replay, or why it failed
    """Return what is told of one change: the memory as it is now, or the problem."""
    if isinstance(done, MemorySyncError):
        problem = _problem(done, number)
        return {"index": number, "status": problem["status"], "problem": problem}
    memory, replayed = done
    told = {"etag": etag(memory), "memory": MemoryView.fields_of(memory), "replayed": replayed}
    return {"index": number, "status": int(HTTPStatus.OK), **told}


def replay_header(items: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return the header of a replay where all that was done had been done by an earlier request."""
    done = [each for each in items if "problem" not in each]
    return {"Idempotent-Replay": "true"} if done and all(each.get("replayed") for each in done) else {}


def added_item(number: int, done: object, body: MemoryAdd | None, *, shows_candidates: bool) -> dict[str, Any]:
    """Return what is told of one thing to remember: what an add of it alone would answer, or the problem."""
    if isinstance(done, MemorySyncError):
        problem = _problem(done, number)
        return {"index": number, "status": problem["status"], "outcomes": [], "problem": problem}
    if not isinstance(done, Added | Preview) or body is None:
        msg = "an item is done or failed"
        raise TypeError(msg)
    if isinstance(done, Preview):
        result = preview_of(done, body)
        return {"index": number, "status": int(HTTPStatus.OK), "outcomes": result["outcomes"], "result": result}
    candidates = dict(enumerate(done.candidates)) if shows_candidates or body.return_candidates else {}
    outcomes = [OutcomeView.fields_of(each, candidates.get(each.candidate)) for each in done.outcomes]
    told = {"outcomes": outcomes, "result": answer_of(done, body), "replayed": done.replayed}
    return {"index": number, "status": int(status_of(done)), **told}


def waiting_items(page: Page, others: Mapping[str, Memory]) -> list[dict[str, Any]]:
    """Return what is told of memories that wait for a decision, each with those that it contradicts."""
    return [
        {
            **MemoryView.fields_of(each),
            "rule": each.rule,
            "conflicts_with": [MemoryView.fields_of(others[name]) for name in each.disputes if name in others],
        }
        for each in page.memories
    ]


def _problem(error: MemorySyncError, number: int) -> dict[str, Any]:
    return problems.document(error, instance=f"#/items/{number}", request_id=observability.request_id())
