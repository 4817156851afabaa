"""What `POST /memory/query` answers of what was found."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from backend.audit.fake import FakeAuditLog
from backend.extraction.model import Span
from backend.kit.clock import FakeClock, to_rfc3339
from backend.kit.ids import FakeIds
from backend.memories.failures import DecryptionFailures
from backend.memories.model import REDACTED, Memory
from backend.retrieval.diagnosis import Diagnosis
from backend.retrieval.http import ANSWER_BYTES, CONTEXT_BYTES, RELATED_TEXT_BYTES, RetrievalDoor
from backend.retrieval.model import ANSWER_TEXT_BYTES, SHOWN, STALE_SHARE, Found, Question, Related, Relation, Weights, Why
from backend.retrieval.schemas import MemoriesFound, MemoryQuery
from backend.tenancy.model import Caller, Permission, ScopeMode
from backend.tenancy.scope import Environment, Scope
from backend.usage.fake import FakeRecording
from backend.usage.messages import access_of
from backend.usage.model import UNUSED, Usage
from backend.usage.ports import Recording
from tests.support.executors import AtOnce
from tests.unit.memories.samples import ACME, NOW, memory
from tests.unit.retrieval.answer_samples import FACTORS, answer

LAMBDA_BYTES = 6 * 1024 * 1024
PRIVATE = "My sister lives in Lisbon."


@dataclass
class FixedRetrieval:
    """Finds the same, whatever is asked."""

    memories: list[Memory]
    degraded: tuple[str, ...] = ()
    asked: list[Question] = field(default_factory=list)
    piece: Span | None = None
    usage: Usage = UNUSED
    why: Why | None = None
    is_stale: bool = False
    related: tuple[Related, ...] = ()

    def query(self, scope: Scope, question: Question) -> Found:
        """Answer."""
        assert scope == ACME
        self.asked.append(question)
        facts = {"piece": self.piece, "why": self.why, "usage": self.usage, "is_stale": self.is_stale, "related": self.related}
        answers = tuple(answer(each, **facts) for each in self.memories)
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


def answered(
    retrieval: FixedRetrieval, recording: Recording | None = None, audit: FakeAuditLog | None = None, **body: Any
) -> dict[str, Any]:
    """Return the answer's body."""
    access = SimpleNamespace(scope_for=lambda _caller, user: ACME if user == "u1" else None, beside=lambda *_: (None, True))
    failures = DecryptionFailures(audit=audit or FakeAuditLog(), clock=FakeClock(), ids=FakeIds())
    doctor = SimpleNamespace(examine=lambda *_, **told: Diagnosis(0, (), (), is_whole=told["is_all"]))
    container: Any = SimpleNamespace(
        access=access,
        retrieval=retrieval,
        clock=FakeClock(),
        decryption_failures=failures,
        recording=recording or FakeRecording(FakeIds()),
        executor=AtOnce(),
        scope_doctor=doctor,
    )
    response = RetrievalDoor(container).query(CALLER, MemoryQuery(**{"query": "where is the lighthouse", **body}))
    assert len(response.body) < LAMBDA_BYTES
    found: dict[str, Any] = json.loads(bytes(response.body))
    return found


def test_an_answer_has_every_documented_field_and_no_other() -> None:
    body = answered(FixedRetrieval([memory(1)]))

    assert set(body) == set(MemoriesFound.model_fields)
    MemoriesFound.model_validate(body)
    (found,) = body["memories"]
    assert (found["score"], found["factors"]) == (0.333333, {name: FACTORS[name] for name in SHOWN})
    assert found["explanation"] is None
    assert (found["text"], found["text_truncated"], found["span"]) == (memory(1).text, False, [0, len(memory(1).text)])


@pytest.mark.parametrize("full_text", [True, False])
def test_explained_an_answer_says_why_of_the_part_that_is_shown(full_text: bool) -> None:
    text = "Nothing here. " * 1000 + "The lighthouse is on the cape. " + "No lighthouse. " * 1000
    why = Why(frozenset({"lighthous"}), is_named=False, date=None, is_pending=True, features={"words": 1.2})
    retrieval = FixedRetrieval([memory(1, text=text)], why=why)

    body = answered(retrieval, explain=True, weights={"recency": 0.5}, full_text=full_text)

    MemoriesFound.model_validate(body)
    asked = retrieval.asked[0]
    assert (asked.explain, asked.weights) == (True, Weights(recency=0.5))
    explanation = body["memories"][0]["explanation"]
    assert explanation["matched"]["words"] == ["lighthouse"]
    assert explanation["factors"]["recency"]["weight"] == 0.5
    assert {text[start:end] for start, end in explanation["spans"]} == {"lighthouse"}


def test_nothing_found_is_an_answer_too() -> None:
    body = answered(FixedRetrieval([]))

    assert (body["memories"], body["context"]) == ([], "")


def test_a_memory_is_shown_with_what_was_counted_before_this_query() -> None:
    used = FixedRetrieval([memory(1)], usage=Usage(3, NOW))

    (found,) = answered(used)["memories"]
    (unused,) = answered(FixedRetrieval([memory(1)]))["memories"]

    assert (found["access_count"], found["last_accessed"]) == (3, to_rfc3339(NOW))
    assert (unused["access_count"], unused["last_accessed"]) == (0, None)


def test_a_query_says_what_it_returned_and_nothing_else() -> None:
    recording = FakeRecording(FakeIds())

    answered(FixedRetrieval([memory(1, text=PRIVATE), memory(2)]), recording)
    answered(FixedRetrieval([]), recording)

    [message] = recording.messages
    access = access_of(message)
    assert (access.tenant_id, access.memory_ids) == ("acme", (memory(1).memory_id, memory(2).memory_id))
    assert access.at == FakeClock().now()
    assert PRIVATE not in message


def test_what_did_not_fit_into_the_answer_is_not_said_to_be_returned() -> None:
    recording = FakeRecording(FakeIds())
    large = [memory(number, metadata={"a": "x" * 15_000}, text="y" * ANSWER_TEXT_BYTES) for number in range(400)]

    shown = answered(FixedRetrieval(large), recording)["memories"]

    assert 0 < len(shown) < len(large)
    assert access_of(recording.messages[0]).memory_ids == tuple(each["id"] for each in shown)


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


def test_what_an_answer_leads_to_is_shown_by_its_best_part_and_told_of_where_it_cannot_be_decrypted() -> None:
    text = "Nothing here. " * 200 + "The lighthouse is on the cape. " + "Nor here. " * 200
    far = memory(2, text=text, valid_until=NOW, speaker="Ana")
    lost = memory(3, text=REDACTED, unreadable=b"sealed", unreadable_for="expired")
    links = (
        Related(far, Relation.SUPERSEDES, 1, memory(1).memory_id),
        Related(lost, Relation.DERIVED_FROM, 2, far.memory_id),
    )
    retrieval = FixedRetrieval([memory(1)], related=links)
    audit = FakeAuditLog()

    body = answered(retrieval, audit=audit, traversal_depth=2, include_archived=True)

    MemoriesFound.model_validate(body)
    assert (retrieval.asked[0].traversal_depth, retrieval.asked[0].filter.include_archived) == (2, True)
    first, second = body["memories"][0]["related"]
    assert "The lighthouse is on the cape." in first["text"]
    assert (first["text_truncated"], len(first["text"].encode()) <= RELATED_TEXT_BYTES) == (True, True)
    assert (first["relation"], first["depth"], first["via"]) == ("supersedes", 1, memory(1).memory_id)
    assert (first["state"], first["speaker"], first["valid_until"]) == ("active", "Ana", to_rfc3339(NOW))
    assert (second["text"], second["depth"], second["via"]) == (REDACTED, 2, far.memory_id)
    assert [each.entry.target for chain in audit.links.values() for each in chain] == [f"memory:{lost.memory_id}"]


def test_a_stale_answer_says_so() -> None:
    why = Why(frozenset(), is_named=False, date=None, is_pending=False, features={})

    for is_stale, share in ((True, STALE_SHARE), (False, 1.0)):
        (found,) = answered(FixedRetrieval([memory(1)], why=why, is_stale=is_stale), explain=True)["memories"]
        assert (found["stale"], found["explanation"]["stale_share"]) == (is_stale, share)


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
