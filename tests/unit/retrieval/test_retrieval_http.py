"""What `POST /memory/query` answers of what was found."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from backend.audit.fake import FakeAuditLog
from backend.extraction.model import Span
from backend.kit.clock import FakeClock
from backend.kit.ids import FakeIds
from backend.memories.failures import DecryptionFailures
from backend.memories.model import REDACTED, Memory
from backend.retrieval.diagnosis import Diagnosis
from backend.retrieval.http import ANSWER_BYTES, CONTEXT_BYTES, RetrievalDoor
from backend.retrieval.model import ANSWER_TEXT_BYTES, Answer, Found, Question
from backend.retrieval.schemas import MemoriesFound, MemoryQuery
from backend.tenancy.model import Caller, Permission, ScopeMode
from backend.tenancy.scope import Environment, Scope
from tests.unit.memories.samples import ACME, NOW, memory

LAMBDA_BYTES = 6 * 1024 * 1024


@dataclass
class FixedRetrieval:
    """Finds the same, whatever is asked."""

    memories: list[Memory]
    degraded: tuple[str, ...] = ()
    asked: list[Question] = field(default_factory=list)
    piece: Span | None = None

    def query(self, scope: Scope, question: Question) -> Found:
        """Answer."""
        assert scope == ACME
        self.asked.append(question)
        answers = tuple(Answer(each, 1 / 3, 0.5, 1.0, self.piece) for each in self.memories)
        return Found(answers, self.degraded, NOW)


CALLER = Caller(
    tenant_id="acme",
    environment=Environment.LIVE,
    scopes=frozenset({Permission.MEMORY_READ}),
    scope_mode=ScopeMode.STRICT,
    actor="key:1",
    project_id="support",
    end_user_id="u1",
)


def answered(retrieval: FixedRetrieval, **body: Any) -> dict[str, Any]:
    """Return the answer's body."""
    access = SimpleNamespace(scope_for=lambda _caller, user: ACME if user == "u1" else None, beside=lambda *_: (None, True))
    failures = DecryptionFailures(audit=FakeAuditLog(), clock=FakeClock(), ids=FakeIds())
    doctor = SimpleNamespace(examine=lambda *_, is_all: Diagnosis(0, (), (), is_whole=is_all))
    container: Any = SimpleNamespace(
        access=access, retrieval=retrieval, clock=FakeClock(), decryption_failures=failures, scope_doctor=doctor
    )
    answer = RetrievalDoor(container).query(CALLER, MemoryQuery(**{"query": "where is the lighthouse", **body}))
    assert len(answer.body) < LAMBDA_BYTES
    found: dict[str, Any] = json.loads(bytes(answer.body))
    return found


def test_an_answer_has_every_documented_field_and_no_other() -> None:
    body = answered(FixedRetrieval([memory(1)]))

    assert set(body) == set(MemoriesFound.model_fields)
    MemoriesFound.model_validate(body)
    (found,) = body["memories"]
    assert (found["score"], found["factors"]) == (0.333333, {"semantic": 0.333333})
    assert (found["text"], found["text_truncated"], found["span"]) == (memory(1).text, False, [0, len(memory(1).text)])


def test_nothing_found_is_an_answer_too() -> None:
    body = answered(FixedRetrieval([]))

    assert (body["memories"], body["context"]) == ([], "")


def test_of_a_long_text_the_part_that_answers_is_shown_unless_all_is_asked_for() -> None:
    text = "Nothing here. " * 1000 + "The lighthouse is on the cape. " + "Nothing there. " * 1000
    retrieval = FixedRetrieval([memory(1, text=text)])

    (part,) = answered(retrieval)["memories"]
    (whole,) = answered(retrieval, full_text=True)["memories"]

    start, end = part["span"]
    assert part["text"] == text[start:end]
    assert "lighthouse" in part["text"]
    assert len(part["text"].encode()) <= ANSWER_TEXT_BYTES
    assert part["text_truncated"] is True
    assert (whole["text"], whole["text_truncated"]) == (text, False)


def test_of_a_long_text_that_was_found_by_one_piece_that_piece_is_shown() -> None:
    text = "The lighthouse is where? " + "Nothing here. " * 1000 + "It stands on the cape. " + "Nothing there. " * 1000
    start = text.index("It stands")
    retrieval = FixedRetrieval([memory(1, text=text)], piece=(start, start + len("It stands on the cape.")))

    (part,) = answered(retrieval)["memories"]

    assert part["text"] == text[slice(*part["span"])]
    assert "It stands on the cape." in part["text"]


def test_a_memory_that_cannot_be_decrypted_says_so_in_place_of_its_text() -> None:
    lost = memory(1, text=REDACTED, unreadable=b"sealed")

    body = answered(FixedRetrieval([lost, memory(2)]))

    assert [(each["text"], each["decryption_failed"]) for each in body["memories"]] == [
        ("[REDACTED \u2014 DECRYPTION FAILED]", True),
        (memory(2).text, False),
    ]


@pytest.mark.parametrize("metadata", [{}, {"a": "x" * 16_000}])
def test_whole_texts_are_given_best_first_as_far_as_an_answer_may_go(metadata: dict[str, str]) -> None:
    long = [memory(number, text=f"{number} ".ljust(100_000, "x"), metadata=metadata) for number in range(200)]

    found = answered(FixedRetrieval(long), full_text=True)["memories"]
    whole = [not each["text_truncated"] for each in found]

    assert len(found) == 200
    assert whole == sorted(whole, reverse=True)
    assert 5 < sum(whole) < 200
    assert sum(len(json.dumps(each)) for each in found) < ANSWER_BYTES + 200 * 1024


def test_short_texts_are_all_given_whole() -> None:
    short = [memory(number, text=f"{number} ".ljust(6_000, "x")) for number in range(200)]

    assert not any(each["text_truncated"] for each in answered(FixedRetrieval(short), full_text=True)["memories"])


def test_the_context_is_lines_for_a_prompt_best_first_within_16_kb() -> None:
    said = [memory(1, text="I like tea", speaker="Ana", occurred_at=NOW.replace(day=2)), memory(2, text="No sugar")]
    many = [memory(number, text="x" * 1000) for number in range(50)]

    assert answered(FixedRetrieval(said))["context"] == "[2026-01-02] Ana: I like tea\n[2026-01-05] No sugar"
    context = answered(FixedRetrieval(many))["context"]
    assert CONTEXT_BYTES - 1100 < len(context.encode()) <= CONTEXT_BYTES


def test_what_could_not_be_asked_and_what_was_not_understood_is_said() -> None:
    body = answered(FixedRetrieval([], ("semantic", "index")), color="red", session_id="s1")

    assert body["degraded"] == ["semantic", "index"]
    assert body["warnings"] == ["Unknown field 'color' was not used."]
    assert body["session_id"] == "s1"
