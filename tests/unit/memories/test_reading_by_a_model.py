"""What a language model reads: side by side, within the request's time, and the same statement always the same memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest

from backend.extraction.model import Method
from backend.extraction.pipeline import Pipeline
from backend.extraction.policy import ExtractionPolicy
from backend.extraction.ports import LanguageModelUnavailableError, ModelAnswer
from backend.kit import observability
from backend.kit.deadline import deadline
from backend.memories.fake import FakeMemoryStore, FakePolicies
from backend.memories.model import Evidence, Memory, Said
from backend.memories.outcomes import Added, Outcome
from backend.memories.policy import MemoryPolicy
from backend.memories.service import Asked, MemoryService
from tests.support.executors import AtOnce
from tests.unit.memories.adding_cases import check_the_account
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, keyed

TEXT = "I like green tea. I like black coffee. I play the old cello."
TEA, COFFEE, CELLO = "I like green tea.", "I like black coffee.", "I play the old cello."
BY_MODEL = FakePolicies(MemoryPolicy(extraction=ExtractionPolicy(method=Method.MODEL)))


class Scripted:
    """Finds these sentences, one list for each time that it is asked; does not answer where there is None."""

    name = "scripted"

    def __init__(self, *answers: Sequence[str] | None) -> None:
        self._answers = list(answers)

    def answer(self, instructions: str, text: str, schema: Mapping[str, Any]) -> ModelAnswer:
        del instructions, text, schema
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if found is None:
            reason = "throttled"
            raise LanguageModelUnavailableError(reason, 70, 9)
        rows = [{"text": each, "quote": each, "category": "factual", "confidence": 0.95, "event_date": None} for each in found]
        return ModelAnswer({"statements": rows}, 100, 20)


class DiesOnce(FakeMemoryStore):
    """Loses the process once the memories are written, the first time."""

    alive = False

    def record_evidence(self, tenant_id: str, evidence: Sequence[Evidence]) -> None:
        """Die, or go on."""
        if not self.alive:
            self.alive = True
            raise SystemExit
        super().record_evidence(tenant_id, evidence)


def reading(world: FakeWorld, model: Any, **changes: Any) -> MemoryService:
    """Return the use cases, for a tenant whose texts this model reads."""
    world.policies.policy = BY_MODEL.policy
    parts = {"store": world.store, "requests": world.requests, "embedder": world.embedder, "policies": world.policies}
    named = {**parts, "clock": world.clock, "ids": world.ids, "executor": AtOnce(), **changes}
    return MemoryService(extractor=Pipeline(lambda: model), **named)


def listed(store: FakeMemoryStore, world: FakeWorld) -> list[Memory]:
    found = store.page(ACME, limit=50, before=None, now=world.clock.now()).memories
    return sorted(found, key=lambda each: each.memory_id)


@pytest.mark.parametrize("deduplicate", [True, False])
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([TEA], [TEA]),
        ([COFFEE], [TEA, COFFEE]),
        ([COFFEE, CELLO], [TEA, COFFEE, CELLO]),
        ([TEA, COFFEE], [COFFEE]),
        ([CELLO], [TEA, COFFEE]),
    ],
    ids=lambda each: "+".join(each) if isinstance(each, list) else "",
)
def test_a_retry_that_is_read_otherwise_loses_no_statement_and_doubles_none(
    world: FakeWorld, first: list[str], second: list[str], deduplicate: bool
) -> None:
    store = DiesOnce(world.clock)
    service = reading(world, Scripted(first, second), store=store)
    said = Said(TEXT, deduplicate=deduplicate)
    with pytest.raises(SystemExit):
        service.add(ACME, said, keyed())
    before = {each.text: each.memory_id for each in listed(store, world)}
    world.clock.advance(seconds=30)

    added = service.add(ACME, said, keyed())

    check_the_account(added, len(second))
    assert [each.text for each in added.memories] == second, "each outcome names the memory of its own statement"
    assert [each.outcome for each in added.outcomes] == [Outcome.STORED] * len(second)
    rows = listed(store, world)
    assert {each.text for each in rows} == {*before, *second}
    assert len(rows) == len({each.text for each in rows})
    assert all(each.memory_id == before.get(each.text, each.memory_id) for each in rows)
    assert all(store.evidence_count("acme", each.memory_id) == 1 for each in rows)
    again = service.add(ACME, said, keyed())
    assert (again.replayed, again.outcomes, again.memories) == (True, added.outcomes, added.memories)


@pytest.mark.parametrize(("first", "second"), [(None, [COFFEE, CELLO]), ([COFFEE], None)], ids=["rules, model", "model, rules"])
def test_a_retry_by_the_other_reader_loses_nothing(world: FakeWorld, first: list[str] | None, second: list[str] | None) -> None:
    store = DiesOnce(world.clock)
    service = reading(world, Scripted(first, second), store=store)
    with pytest.raises(SystemExit):
        service.add(ACME, Said(TEXT), keyed())
    world.clock.advance(seconds=30)

    added = service.add(ACME, Said(TEXT), keyed())

    named = [each.memory_id for each in added.outcomes]
    texts = {each.memory_id: each.text for each in added.memories}
    assert [texts[each] for each in named] == (second or [TEA, COFFEE, CELLO])
    rows = listed(store, world)
    assert len(rows) == len({each.text for each in rows}) == 3 if None in (first, second) else True


def test_the_ids_of_what_a_model_reads_sort_as_it_was_said(world: FakeWorld) -> None:
    sentences = [f"I own the {number} cup." for number in range(30)]
    text = " ".join(sentences)
    added = reading(world, Scripted(sentences)).add(ACME, Said(text))

    assert [each.text for each in added.memories] == sentences
    assert [each.text for each in listed(world.store, world)] == sentences


def asked(*texts: str) -> list[Asked]:
    return [Asked(ACME, Said(text), keyed(number)) for number, text in enumerate(texts)]


def test_texts_are_read_side_by_side(world: FakeWorld) -> None:
    gate = Barrier(3, timeout=20)

    class Meeting(Scripted):
        """Answers only where three ask at one time."""

        def answer(self, instructions: str, text: str, schema: Mapping[str, Any]) -> ModelAnswer:
            gate.wait()
            return super().answer(instructions, text, schema)

    with ThreadPoolExecutor(4) as threads:
        service = reading(world, Meeting([TEA]), executor=threads)
        added = service.add_many("acme", asked(f"{TEA} One.", f"{TEA} Two.", f"{TEA} Three."))

    assert [isinstance(each, Added) and each.fallback for each in added] == [None] * 3


def test_what_does_not_fit_into_the_request_is_read_by_the_rules_and_it_is_said(world: FakeWorld) -> None:
    moment = 0.0

    class Slow(Scripted):
        """Takes twelve seconds."""

        def answer(self, instructions: str, text: str, schema: Mapping[str, Any]) -> ModelAnswer:
            nonlocal moment
            moment += 12
            return super().answer(instructions, text, schema)

    service = reading(world, Slow([TEA]))

    with deadline(25, lambda: moment):
        added = service.add_many("acme", asked(*(f"{TEA} Number {number}." for number in range(5))))

    assert [isinstance(each, Added) and each.fallback for each in added] == [None, None, "no-time", "no-time", "no-time"]
    assert moment == 24
    assert all(isinstance(each, Added) and each.outcomes[0].memory_id for each in added)


def test_tokens_are_counted_of_every_answer_of_use_or_not(world: FakeWorld) -> None:
    service = reading(world, Scripted([TEA], None, [COFFEE]))

    with observability.recording("request", "req_1") as record:
        service.add_many("acme", asked(TEXT, f"{TEXT} Again.", f"{TEXT} And again."))

    counts = {name: record.counts[name] for name in ("llm_input_tokens", "llm_output_tokens", "llm_fallback")}
    assert counts == {"llm_input_tokens": 270, "llm_output_tokens": 49, "llm_fallback": 1}
