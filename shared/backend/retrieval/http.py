"""Between `/memory/query` and the use case."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, wait
from contextvars import copy_context
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse

from backend import bootstrap
from backend.index.text import query_stems
from backend.kit import observability, wire
from backend.kit.http import json_answer
from backend.memories.model import carried_bytes
from backend.memories.schemas import UsedMemoryView
from backend.retrieval.diagnosis_http import diagnosed_nothing
from backend.retrieval.model import ANSWER_TEXT_BYTES, SHOWN, Answer, Question, Related
from backend.retrieval.schemas import Recalling
from backend.retrieval.spans import best_span
from backend.retrieval.why_answered import explanation
from backend.tenancy.model import Caller

CONTEXT_BYTES = 4 * ANSWER_TEXT_BYTES
RELATED_TEXT_BYTES = 1024
ANSWER_BYTES = 5 * 1024 * 1024
"""What the memories of an answer may come to (see `carried_bytes`): Lambda cuts at 6 MB."""


@dataclass(frozen=True, slots=True)
class RetrievalDoor:
    """From a caller's question to the use case, and from what was found to the answer."""

    container: bootstrap.Container

    def query(self, caller: Caller, body: Recalling) -> JSONResponse:
        """Answer `POST /memory/query`, and whatever else asks."""
        start = time.perf_counter()
        scope = self.container.access.scope_for(caller, caller.acting_for(body.user_id))
        question = body.question(self.container.clock.now())
        found = self.container.retrieval.query(scope, question)
        told = (*(each.memory for each in found.answers), *(one.memory for each in found.answers for one in each.related))
        failed = [each for each in told if each.unreadable is not None]
        if failed:
            # The use case counts them.
            self.container.decryption_failures.record(caller, failed)
        brief, left_out = shown_briefly(found.answers, question)
        recording = begun_recording(self.container, scope.tenant_id, [memory["id"] for memory in brief])
        memories = with_whole_texts(brief, found.answers) if body.full_text else brief
        if found.degraded:
            observability.note(degraded=",".join(found.degraded))
        answer = {
            "memories": memories,
            "context": _context(brief),
            "query_intent": found.intent.value,
            "latency_ms": round((time.perf_counter() - start) * 1000),
            "session_id": body.session_id,
            "degraded": list(found.degraded),
            "warnings": [*body.warnings(), *left_out],
            "scope_diagnostics": diagnosed_nothing(self.container, caller, scope, question, found),
            "request_id": observability.request_id(),
        }
        made = json_answer(answer, HTTPStatus.OK)
        # Lambda stops everything when the answer is out. Whatever comes of it, the answer stands.
        wait(recording)
        return made


def begun_recording(container: bootstrap.Container, tenant_id: str, memory_ids: Sequence[str]) -> list[Future[None]]:
    """Begin to say, beside the rest of the work, what is returned."""
    if not memory_ids:
        return []
    record, now = container.recording.record, container.clock.now()
    return [container.executor.submit(copy_context().run, record, tenant_id, memory_ids, now)]


def shown_briefly(answers: Sequence[Answer], question: Question) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the answers as the wire has them, as many as fit, and a warning where some do not."""
    words = frozenset(query_stems(question.text))
    brief = _fitting(_shown(each, question, words) for each in answers)
    return brief, _left_out(len(answers) - len(brief))


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


def with_whole_texts(brief: list[dict[str, Any]], answers: Sequence[Answer]) -> list[dict[str, Any]]:
    """Return the answers, the best of them with their whole texts as long as all together fit."""
    room = ANSWER_BYTES - sum(map(carried_bytes, brief))
    shown = []
    for part, answer in zip(brief, answers, strict=False):
        whole = {**part, **_text_shown(answer, 0, len(answer.memory.text))}
        more = carried_bytes(whole) - carried_bytes(part)
        shown.append(whole if more <= room else part)
        room -= more if more <= room else 0
    return shown


def _left_out(count: int) -> list[str]:
    return [f"{count} more were found than one answer can hold; ask for fewer with 'k'."] if count else []


def _shown(answer: Answer, question: Question, words: frozenset[str]) -> dict[str, Any]:
    start, end = best_span(answer.memory.text, words, ANSWER_TEXT_BYTES, answer.piece)
    return {
        **UsedMemoryView.fields_with(answer.memory, answer.usage, is_stale=answer.is_stale),
        **_text_shown(answer, start, end),
        "score": round(answer.weighed.score, 6),
        "factors": {name: round(answer.weighed.factors[name], 6) for name in SHOWN},
        "explanation": explanation(answer, question, (start, end)),
        "related": [_related_shown(each, words) for each in answer.related],
    }


def _related_shown(related: Related, words: frozenset[str]) -> dict[str, Any]:
    memory = related.memory
    start, end = best_span(memory.text, words, RELATED_TEXT_BYTES)
    return {
        "id": memory.memory_id,
        "relation": related.relation.value,
        "depth": related.depth,
        "via": related.via,
        "text": memory.text[start:end],
        "text_truncated": end - start < len(memory.text),
        "state": memory.state.value,
        "speaker": memory.speaker,
        "created_at": wire.shown(memory.created_at),
        "occurred_at": wire.shown(memory.occurred_at),
        "valid_until": wire.shown(memory.valid_until),
    }


def _text_shown(answer: Answer, start: int, end: int) -> dict[str, Any]:
    text = answer.memory.text
    return {"text": text[start:end], "text_truncated": end - start < len(text), "span": [start, end]}


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
