"""Between `/memory/explain` and the use cases."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends
from fastapi.responses import JSONResponse

from backend import bootstrap
from backend.kit import observability
from backend.kit.errors import IndexUnavailableError
from backend.kit.http import json_answer
from backend.retrieval.explain_schemas import MemoryExplain
from backend.retrieval.gates import Check, Explanation, Gate, Match, Recognised
from backend.retrieval.model import Answer, Question
from backend.tenancy.model import Caller
from backend.tenancy.scope import Scope

SAID = Check(Gate.STORED, passed=True, detail="A memory says this, or nearly this.")
NOT_LOOKED = " Other projects were not looked at: the index does not answer."


@dataclass(frozen=True, slots=True)
class ExplanationDoor:
    """From a caller's question to the use cases, and from what they say to the answer."""

    container: bootstrap.Container

    def explain(self, caller: Caller, body: MemoryExplain) -> JSONResponse:
        """Answer `POST /memory/explain`."""
        scope = self.container.access.scope_for(caller, caller.acting_for(body.user_id))
        question = body.question(self.container.clock.now())
        matches: tuple[Match, ...] = ()
        if body.memory_id is not None:
            beside, _ = self.container.access.beside(caller, scope.end_user_id)
            explained = self.container.explaining.explain(scope, body.memory_id, question, beside)
        else:
            explained, matches = self._of_text(caller, scope, body.text or "", question)
        gate = explained.gate
        observability.note(gate=gate.gate.value if gate else "none")
        answer = {
            "found": explained.found,
            "memory_id": explained.memory.memory_id if explained.memory else None,
            "rank": explained.rank,
            "score": None if explained.score is None else round(explained.score, 6),
            "gate": gate.gate.value if gate else None,
            "checks": [_shown(each) for each in explained.checks],
            "outranked_by": [_outranking(each) for each in explained.outranked_by],
            "matches": [
                {"id": each.memory.memory_id, "likeness": each.likeness.value, "state": each.memory.state.value}
                for each in matches
            ],
            "degraded": list(explained.degraded),
            "warnings": body.warnings(),
            "request_id": observability.request_id(),
        }
        return json_answer(answer, HTTPStatus.OK)

    def _of_text(self, caller: Caller, scope: Scope, text: str, question: Question) -> tuple[Explanation, tuple[Match, ...]]:
        """Explain the memory that says the text: one of here, or else of where the caller may read besides."""
        recognised = self.container.recognising.recognise(scope, text)
        if not recognised.matches:
            return self._elsewhere(caller, scope, text, question, recognised)
        explained = self.container.explaining.explain(scope, recognised.matches[0].memory.memory_id, question)
        # Whoever did not name what is gone is not told its name.
        shown = explained.memory if explained.memory and not explained.memory.is_gone(self.container.clock.now()) else None
        return replace(explained, memory=shown, checks=(SAID, *explained.checks)), self._not_gone(recognised)

    def _elsewhere(
        self, caller: Caller, scope: Scope, text: str, question: Question, here: Recognised
    ) -> tuple[Explanation, tuple[Match, ...]]:
        beside, _ = self.container.access.beside(caller, scope.end_user_id)
        try:
            found = self._not_gone(self.container.recognising.recognise(beside, text)) if beside else ()
        except IndexUnavailableError:
            return Explanation(None, (_not_stored(here, NOT_LOOKED),), degraded=("index",)), ()
        if not found:
            return Explanation(None, (_not_stored(here),)), ()
        explained = self.container.explaining.explain(scope, found[0].memory.memory_id, question, beside)
        return replace(explained, checks=(SAID, *explained.checks)), found

    def _not_gone(self, recognised: Recognised) -> tuple[Match, ...]:
        now = self.container.clock.now()
        return tuple(each for each in recognised.matches if not each.memory.is_gone(now))


def _not_stored(recognised: Recognised, more: str = "") -> Check:
    rules = sorted({f"{each.outcome.value} ({each.rule})" for each in recognised.refusals})
    why = f" Added now, of its statements are not simply stored: {', '.join(rules)}." if rules else ""
    return Check(Gate.STORED, passed=False, detail=f"Nothing that says this, or nearly this, is stored here.{why}{more}")


def _outranking(answer: Answer) -> dict[str, Any]:
    return {"id": answer.memory.memory_id, "tier": answer.memory.tier, "score": round(answer.weighed.score, 6)}


def _shown(check: Check) -> dict[str, Any]:
    return {"gate": check.gate.value, "passed": check.passed, "detail": check.detail, "pointer": check.pointer}


async def _door() -> ExplanationDoor:
    return ExplanationDoor(bootstrap.container())


Explanations = Annotated[ExplanationDoor, Depends(_door)]
