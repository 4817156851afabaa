"""Between `/memory/synthesize`, `/memory/summarize` and the use cases."""

from __future__ import annotations

from concurrent.futures import wait
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse

from backend import bootstrap
from backend.composing.answer_schemas import MemoriesSummarized, MemorySummarize, MemorySynthesize
from backend.composing.http import ComposingDoor, derived
from backend.composing.model import AnswerWanted, Cited, Summary, SummaryWanted
from backend.kit import observability, wire
from backend.kit.http import json_answer, refusals
from backend.memories.http import MemoryDoor, etag
from backend.memories.schemas import MemoryView
from backend.retrieval.diagnosis_http import diagnosed_nothing
from backend.retrieval.http import begun_recording
from backend.tenancy.model import Caller, Permission

SEMANTIC = "semantic"
FALLBACK = "The language model gave nothing that could be taken ({reason}); the words are those of the memories themselves."
SUMMARIZE_ANSWERS: dict[int | str, dict[str, Any]] = {
    201: {"model": MemoriesSummarized, "description": "The summary is a memory"},
    **refusals(HTTPStatus.CONFLICT, HTTPStatus.GONE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
}


@dataclass(frozen=True, slots=True)
class AnswerDoor(ComposingDoor):
    """From a caller's question or list to the use case, and from the words that were made to the answer."""

    def synthesize(self, caller: Caller, body: MemorySynthesize) -> JSONResponse:
        """Answer `POST /memory/synthesize`."""
        scope = self.container.access.scope_for(caller, caller.acting_for(body.user_id))
        question = body.question(self.container.clock.now())
        found = self.found(caller, scope, question)
        wanted = AnswerWanted(body.query, body.min_confidence, body.max_sentences)
        texts = [body.query, *(each.memory.text for each in found.answers)]
        made = self.container.synthesizer.answer(scope.tenant_id, wanted, found.answers, derived(self.container, scope, texts))
        cited = list(dict.fromkeys(each.sentence.memory.memory_id for each in made.cited))
        recording = begun_recording(self.container, scope.tenant_id, cited)
        lexical = [SEMANTIC] if made.is_lexical and SEMANTIC not in found.degraded else []
        answer = {
            "answer": made.text,
            "abstained": made.abstained is not None,
            "reason": made.abstained.value if made.abstained else None,
            "confidence": round(made.confidence, 3),
            "min_confidence": body.min_confidence,
            "method": made.method.value,
            "citations": [_cited(each) for each in made.cited],
            "degraded": [*found.degraded, *lexical],
            "warnings": [*body.warnings(), *_fallen_back(made.fallback)],
            "scope_diagnostics": diagnosed_nothing(self.container, caller, scope, question, found),
            "request_id": observability.request_id(),
        }
        shown = json_answer(answer, HTTPStatus.OK)
        wait(recording)
        return shown

    def summarize(self, caller: Caller, body: MemorySummarize, key: str | None) -> JSONResponse:
        """Answer `POST /memory/summarize`."""
        if body.store:
            caller.require(Permission.MEMORY_ADD)
        memories = MemoryDoor(self.container)
        scope = memories.scope(caller, body.user_id)
        request = memories.request(scope, "POST /memory/summarize", key, body.canonical())
        wanted = SummaryWanted(tuple(body.memory_ids), body.max_sentences, body.store)
        made, replayed = self.container.summarizer.summarize(
            scope, wanted, request, caller.actor, derived(self.container, scope, body.memory_ids)
        )
        headers = {"ETag": etag(made.stored)} if made.stored else {}
        if replayed:
            headers["Idempotent-Replay"] = "true"
        is_new = any(each.outcome.is_new for each in made.outcomes)
        return json_answer(_summary(made, body), HTTPStatus.CREATED if is_new else HTTPStatus.OK, headers)


def _summary(made: Summary, body: MemorySummarize) -> dict[str, Any]:
    outcome = made.outcomes[0] if made.outcomes else None
    return {
        "id": made.stored.memory_id if made.stored else None,
        "summary": made.text,
        "method": made.method.value,
        "sentences": [{"id": each.memory.memory_id, "span": list(each.span), "text": each.text} for each in made.sentences],
        "sources": [{"id": name, "status": part.value} for name, part in made.parts],
        "stored": made.stored is not None,
        "outcome": outcome.outcome.value if outcome else None,
        "rule": outcome.rule if outcome else None,
        "memory": MemoryView.fields_of(made.stored) if made.stored else None,
        "degraded": [SEMANTIC] if made.is_lexical else [],
        "warnings": [*body.warnings(), *_fallen_back(made.fallback)],
        "request_id": observability.request_id(),
    }


def _cited(cited: Cited) -> dict[str, Any]:
    memory = cited.sentence.memory
    return {
        "citation": cited.citation,
        "id": memory.memory_id,
        "span": list(cited.sentence.span),
        "quote": cited.sentence.text,
        "cosine": cited.cosine,
        "speaker": memory.speaker,
        "occurred_at": wire.shown(memory.occurred_at),
        "created_at": wire.shown(memory.created_at),
    }


def _fallen_back(reason: str | None) -> list[str]:
    return [FALLBACK.format(reason=reason)] if reason else []


async def _door() -> AnswerDoor:
    return AnswerDoor(bootstrap.container())


Answers = Annotated[AnswerDoor, Depends(_door)]
