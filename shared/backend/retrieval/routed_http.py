"""Between `/memory/search/routed` and the use case."""

from __future__ import annotations

import time
from concurrent.futures import wait
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse

from backend import bootstrap
from backend.kit import observability
from backend.kit.http import json_answer
from backend.retrieval.diagnosis_http import diagnosed
from backend.retrieval.http import begun_recording, shown_briefly, with_whole_texts
from backend.retrieval.routed import Reckoned, Routed
from backend.retrieval.routed_schemas import RoutedQuery
from backend.tenancy.model import Caller


@dataclass(frozen=True, slots=True)
class RoutingDoor:
    """From a caller's question to the use case, and from what it found to the answer."""

    container: bootstrap.Container

    def search(self, caller: Caller, body: RoutedQuery) -> JSONResponse:
        """Answer `POST /memory/search/routed`."""
        start = time.perf_counter()
        now = self.container.clock.now()
        scope = self.container.access.scope_for(caller, caller.acting_for(body.user_id))
        question = body.question(now)
        routed = self.container.routing.answer(scope, question, body.asked_at(now))
        self._tell(caller, routed)
        brief, left_out = shown_briefly(routed.answers, question)
        recording = begun_recording(self.container, scope.tenant_id, [memory["id"] for memory in brief])
        memories = with_whole_texts(brief, routed.answers) if body.full_text else brief
        answer = {
            "route": routed.kind.route.value,
            "reason": routed.kind.reason,
            "trace": routed.trace,
            "refused": routed.refused is not None,
            "refusal": routed.refused.value if routed.refused else None,
            "answer": _answer(routed.reckoned),
            "memories": memories,
            "complete": routed.is_whole,
            "latency_ms": round((time.perf_counter() - start) * 1000),
            "degraded": list(routed.degraded),
            "warnings": [*body.warnings(), *left_out],
            "scope_diagnostics": diagnosed(self.container, caller, scope, question, degraded=tuple(routed.degraded))
            if routed.met == 0
            else None,
            "request_id": observability.request_id(),
        }
        made = json_answer(answer, HTTPStatus.OK)
        wait(recording)
        return made

    def _tell(self, caller: Caller, routed: Routed) -> None:
        failed = [each.memory for each in routed.answers if each.memory.unreadable is not None]
        if failed:
            self.container.decryption_failures.record(caller, failed)
        observability.note(
            route=routed.kind.route.value,
            refusal=routed.refused.value if routed.refused else None,
            degraded=",".join(routed.degraded) or None,
        )


def _answer(reckoned: Reckoned | None) -> dict[str, Any] | None:
    if reckoned is None:
        return None
    counted, far, days = reckoned.counted, reckoned.distance, reckoned.days
    empty = {"value": None, "unit": None, "least": None, "most": None, "first": None, "last": None, "text": reckoned.text}
    if far is not None:
        value = far.least if far.least == far.most else None
        return {**empty, "kind": "distance", "value": value, "unit": far.unit.value, "least": far.least, "most": far.most}
    if days is not None:
        return {**empty, "kind": "date", "first": days.first.isoformat(), "last": days.last.isoformat()}
    return {**empty, "kind": "count", "value": counted, "unit": "memories"}


async def _door() -> RoutingDoor:
    return RoutingDoor(bootstrap.container())


RoutedSearch = Annotated[RoutingDoor, Depends(_door)]
