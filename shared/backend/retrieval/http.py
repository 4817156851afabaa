"""Between `/memory/query` and the use case."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse

from backend import bootstrap
from backend.index.text import query_stems
from backend.kit import observability
from backend.kit.http import json_answer
from backend.memories.model import carried_bytes
from backend.memories.schemas import MemoryView
from backend.retrieval.model import ANSWER_TEXT_BYTES, Answer
from backend.retrieval.schemas import Asking
from backend.retrieval.spans import best_span
from backend.tenancy.model import Caller

CONTEXT_BYTES = 4 * ANSWER_TEXT_BYTES
ANSWER_BYTES = 5 * 1024 * 1024
"""What the memories of an answer may come to (see `carried_bytes`): Lambda cuts at 6 MB."""


@dataclass(frozen=True, slots=True)
class RetrievalDoor:
    """From a caller's question to the use case, and from what was found to the answer."""

    container: bootstrap.Container

    def query(self, caller: Caller, body: Asking) -> JSONResponse:
        """Answer `POST /memory/query`, and whatever else asks."""
        start = time.perf_counter()
        scope = self.container.access.scope_for(caller, caller.acting_for(body.user_id))
        found = self.container.retrieval.query(scope, body.question(self.container.clock.now()))
        failed = [each.memory for each in found.answers if each.memory.unreadable is not None]
        if failed:
            # The use case counts them.
            self.container.decryption_failures.record(caller, failed)
        words = frozenset(query_stems(body.asked()))
        brief = _fitting(_shown(each, words, full=False) for each in found.answers)
        memories = _with_whole_texts(brief, found.answers, words) if body.full_text else brief
        if found.degraded:
            observability.note(degraded=",".join(found.degraded))
        answer = {
            "memories": memories,
            "context": _context(brief),
            "latency_ms": round((time.perf_counter() - start) * 1000),
            "session_id": body.session_id,
            "degraded": list(found.degraded),
            "warnings": [*body.warnings(), *_left_out(len(found.answers) - len(brief))],
            "scope_diagnostics": None,
            "request_id": observability.request_id(),
        }
        return json_answer(answer, HTTPStatus.OK)


def _fitting(shown: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first answers that fit together: 200 with the most metadata and tags that there may be do not."""
    fitting = []
    size = 0
    for each in shown:
        size += carried_bytes(each)
        if size > ANSWER_BYTES:
            break
        fitting.append(each)
    return fitting


def _with_whole_texts(brief: list[dict[str, Any]], answers: Sequence[Answer], words: frozenset[str]) -> list[dict[str, Any]]:
    """Return the answers, the best of them with their whole texts as long as all together fit."""
    room = ANSWER_BYTES - sum(map(carried_bytes, brief))
    shown = []
    for part, answer in zip(brief, answers, strict=False):
        whole = _shown(answer, words, full=True)
        more = carried_bytes(whole) - carried_bytes(part)
        shown.append(whole if more <= room else part)
        room -= more if more <= room else 0
    return shown


def _left_out(count: int) -> list[str]:
    return [f"{count} more were found than one answer can hold; ask for fewer with 'k'."] if count else []


def _shown(answer: Answer, words: frozenset[str], *, full: bool) -> dict[str, Any]:
    memory = answer.memory
    start, end = (0, len(memory.text)) if full else best_span(memory.text, words, ANSWER_TEXT_BYTES, answer.piece)
    return {
        **MemoryView.fields_of(memory),
        "text": memory.text[start:end],
        "text_truncated": end - start < len(memory.text),
        "span": [start, end],
        "score": round(answer.relevance, 6),
        "factors": {"semantic": round(answer.relevance, 6)},
    }


def _context(memories: list[dict[str, Any]]) -> str:
    """Return the answers as lines for a prompt, best first, as many as fit into 16 KB."""
    lines: list[str] = []
    size = 0
    for memory in memories:
        said = f"{memory['speaker']}: {memory['text']}" if memory["speaker"] else memory["text"]
        line = f"[{(memory['occurred_at'] or memory['created_at'])[:10]}] {said}"
        size += len(line.encode()) + 1
        if size > CONTEXT_BYTES:
            break
        lines.append(line)
    return "\n".join(lines)


async def _door() -> RetrievalDoor:
    return RetrievalDoor(bootstrap.container())


Retrieval = Annotated[RetrievalDoor, Depends(_door)]
