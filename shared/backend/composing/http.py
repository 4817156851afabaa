"""Between `/memory/compose` and the use case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse

from backend import bootstrap
from backend.composing.model import Used
from backend.composing.schemas import MemoryCompose
from backend.composing.wrapping import BOUNDARY_LENGTH
from backend.kit import observability, wire
from backend.kit.http import json_answer
from backend.retrieval.diagnosis_http import diagnosed_nothing
from backend.retrieval.http import begun_recording
from backend.retrieval.model import Found, Question
from backend.tenancy.model import Caller
from backend.tenancy.scope import Scope

SCORE_DIGITS = 6


@dataclass(frozen=True, slots=True)
class ComposingDoor:
    """From a caller's question to the use case, and from the prompt to the answer."""

    container: bootstrap.Container

    def compose(self, caller: Caller, body: MemoryCompose) -> JSONResponse:
        """Answer `POST /memory/compose`."""
        scope = self.container.access.scope_for(caller, caller.acting_for(body.user_id))
        question = body.question(self.container.clock.now())
        found = self.found(caller, scope, question)
        asked = body.asked()
        texts = [asked.query, asked.template, *(each.memory.text for each in found.answers)]
        composed = self.container.composer.compose(asked, found.answers, derived(self.container, scope, texts))
        recording = begun_recording(self.container, scope.tenant_id, [each.memory.memory_id for each in composed.used])
        answer = {
            "composed_prompt": composed.prompt,
            "memories_used": [_used(each) for each in composed.used],
            "token_count": composed.tokens,
            "token_budget": asked.budget,
            "tokenizer": self.container.composer.tokenizer,
            "truncated": composed.is_truncated,
            "dropped": [{"id": each.memory_id, "reason": each.reason.value} for each in composed.dropped],
            "order": asked.order.value,
            "degraded": list(found.degraded),
            "warnings": body.warnings(),
            "scope_diagnostics": diagnosed_nothing(self.container, caller, scope, question, found),
            "request_id": observability.request_id(),
        }
        made = json_answer(answer, HTTPStatus.OK)
        wait(recording)
        return made

    def found(self, caller: Caller, scope: Scope, question: Question) -> Found:
        """Return what answers the question; operators hear of what cannot be read."""
        found = self.container.retrieval.query(scope, question)
        failed = [each.memory for each in found.answers if each.memory.unreadable is not None]
        if failed:
            # The use case counts them.
            self.container.decryption_failures.record(caller, failed)
        if found.degraded:
            observability.note(degraded=",".join(found.degraded))
        return found


def derived(container: bootstrap.Container, scope: Scope, texts: Sequence[str]) -> Callable[[int], str]:
    """Return words that nobody can guess who has not the tenant's key, the same ones for the same texts."""

    def word(number: int) -> str:
        return container.macs.of(scope.tenant_id).mac("prompt", str(number), *texts)[:BOUNDARY_LENGTH]

    return word


def _used(used: Used) -> dict[str, Any]:
    memory = used.memory
    return {
        "id": memory.memory_id,
        "citation": used.citation,
        "tokens": used.tokens,
        "span": list(used.span),
        "text_truncated": used.span != (0, len(memory.text)),
        "score": round(used.score, SCORE_DIGITS),
        "speaker": memory.speaker,
        "source": memory.source,
        "occurred_at": wire.shown(memory.occurred_at),
        "created_at": wire.shown(memory.created_at),
        "revision": memory.revision,
    }


async def _door() -> ComposingDoor:
    return ComposingDoor(bootstrap.container())


Prompts = Annotated[ComposingDoor, Depends(_door)]
