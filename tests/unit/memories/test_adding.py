"""Every candidate of a text gets exactly one outcome, and nothing is stored twice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.extraction.fake import WholeTexts
from backend.extraction.model import Claimed, Guarded, Refusal
from backend.extraction.pipeline import Pipeline
from backend.memories.model import (
    OnConflict,
    Said,
    State,
)
from backend.memories.outcomes import (
    Added,
    Outcome,
    Preview,
)
from backend.memories.policy import MemoryPolicy, Winner
from backend.memories.service import Asked, MemoryService
from tests.unit.memories.adding_cases import ORDER, SECRET, Reads, candidate, check_the_account, outcomes
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, NOW, SAID

DAY = timedelta(days=1)


@pytest.fixture
def memories(world: FakeWorld) -> MemoryService:
    """The use cases with the rules that the product has."""
    return world.remembering(extractor=Pipeline())


# Outcomes


def test_what_one_text_says_stands_in_the_order_in_which_it_says_it(memories: MemoryService) -> None:
    said = [f"Aunt number {number} owns a boat." for number in range(20)]

    added = memories.add(ACME, Said(" ".join(said), session_id="s")).memories

    assert [memory.text for memory in sorted(added, key=lambda memory: memory.memory_id)] == said


def test_every_outcome_of_what_is_said_can_be_told_apart(world: FakeWorld, memories: MemoryService) -> None:
    memories.add(ACME, Said("I live in Porto."))
    said = [
        ("I like tea.", Outcome.STORED, None),
        ("i LIKE tea", Outcome.MERGED, "extracted_key"),
        ("I live in Lisbon.", Outcome.SUPERSEDED, "same_claim"),
        ("Hello!", Outcome.LOW_SIGNAL, "small_talk"),
        ("I'm hungry right now.", Outcome.TRANSIENT, "momentary"),
        (SECRET, Outcome.POLICY, "secret.aws_access_key"),
        (ORDER, Outcome.QUARANTINED, "injection.drops_instructions"),
    ]

    told = [outcomes(memories.add(ACME, Said(text))) for text, _, _ in said]
    world.policies.policy = MemoryPolicy(winner=Winner.ASK)
    told.append(outcomes(memories.add(ACME, Said("I live in Faro."))))

    assert told == [*([(outcome, rule)] for _, outcome, rule in said), [(Outcome.DISPUTED, "same_claim")]]


def test_what_a_reader_calls_redundant_is_skipped(world: FakeWorld) -> None:
    reader = Reads(candidate("one"), candidate("One", refusal=Refusal(Guarded.REDUNDANT, "said_before")))

    added = world.remembering(extractor=reader).add(ACME, SAID)

    assert outcomes(added) == [(Outcome.STORED, None), (Outcome.REDUNDANT, "said_before")]
    assert added.fallback == "malformed-answer"


@pytest.mark.parametrize("text", ["Hello!", SECRET, "I'm hungry right now."])
def test_what_is_skipped_leaves_nothing_behind(world: FakeWorld, memories: MemoryService, text: str) -> None:
    added = memories.add(ACME, Said(text))

    assert added.memories == ()
    assert [each.memory_id for each in added.outcomes] == [""]
    assert world.store.pending(ACME) == ([], False)
    assert world.embedder.calls == []
    assert world.memories.page(ACME, 9, None).memories == ()


def test_an_order_to_a_model_is_kept_for_a_person_to_see_and_found_by_nobody(world: FakeWorld, memories: MemoryService) -> None:
    added = memories.add(ACME, Said(ORDER))

    (memory,) = added.memories
    assert (memory.state, memory.text, memory.rule) == (State.QUARANTINED, ORDER, "injection.drops_instructions")
    assert added.outcomes[0].memory_id == memory.memory_id
    assert world.store.pending(ACME) == ([], False)
    assert world.embedder.calls == []
    assert memories.page(ACME, 9, None).memories == ()
    assert outcomes(memories.add(ACME, Said(ORDER))) == [(Outcome.MERGED, "extracted_key")]


def test_a_quarantined_text_never_merges_into_one_that_is_known(world: FakeWorld) -> None:
    order = Refusal(Guarded.QUARANTINED, "injection.x")
    known = world.remembering(extractor=Reads(candidate("one"))).add(ACME, SAID).memories[0]

    added = world.remembering(extractor=Reads(candidate("one", refusal=order))).add(ACME, SAID)

    assert outcomes(added) == [(Outcome.QUARANTINED, "injection.x")]
    assert added.memories[0].memory_id != known.memory_id
    assert outcomes(world.remembering(extractor=Reads(candidate("one"))).add(ACME, SAID)) == [(Outcome.MERGED, "extracted_key")]


SENTENCES = st.sampled_from(
    [
        "I live in Porto.",
        "I live in Lisbon.",
        "My sister lives in Rome.",
        "I like tea.",
        "I like tea and I like coffee.",
        "I work at Acme.",
        "I work at Initech.",
        "Hello!",
        "Do I like tea?",
        "brb",
        SECRET,
        "My name is Ana.",
        "Das Auto ist rot.",
        "東京に住んでいます。",
    ]
)
TEXTS = st.lists(SENTENCES, min_size=1, max_size=6).map(" ".join) | st.text(min_size=1, max_size=200)


@settings(max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(Winner), st.none() | st.sampled_from(OnConflict), st.booleans())
def test_whatever_is_said_every_candidate_has_one_outcome(
    texts: list[str], winner: Winner, on_conflict: OnConflict | None, deduplicate: bool
) -> None:
    world = FakeWorld()
    world.policies.policy = MemoryPolicy(winner=winner, trusted_sources=("crm",))
    memories = world.remembering(extractor=Pipeline())

    for number, text in enumerate(texts):
        said = Said(text, deduplicate=deduplicate, on_conflict=on_conflict, source="crm" if number % 2 else None)
        preview = memories.preview(ACME, said)
        added = memories.add(ACME, said)

        check_the_account(added, len(preview.candidates))
        assert [(each.outcome, each.rule) for each in preview.outcomes] == outcomes(added)
        evidence = Counter(each.memory_id for each in added.outcomes if each.memory_id)
        assert all(world.store.evidence_count("acme", name) >= count for name, count in evidence.items())
        world.clock.advance(seconds=1)


@settings(max_examples=60)
@given(st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(Winner), st.none() | st.sampled_from(OnConflict), st.booleans())
def test_a_preview_of_many_tells_what_adding_them_together_does(
    texts: list[str], winner: Winner, on_conflict: OnConflict | None, deduplicate: bool
) -> None:
    world = FakeWorld()
    world.policies.policy = MemoryPolicy(winner=winner, trusted_sources=("crm",))
    memories = world.remembering(extractor=Pipeline())
    many = [
        Said(text, deduplicate=deduplicate or number == 1, on_conflict=on_conflict, source="crm" if number % 2 else None)
        for number, text in enumerate([*texts, *texts])
    ]

    previews = memories.preview_many(ACME, many)

    foreseen = [(each.outcome, each.rule) for preview in previews if isinstance(preview, Preview) for each in preview.outcomes]
    done = memories.add_many("acme", [Asked(ACME, said) for said in many])
    assert foreseen == [pair for added in done if isinstance(added, Added) for pair in outcomes(added)]


@pytest.mark.parametrize("deduplicate", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "I live in Faro. I live in Lisbon.",
        "I live in Faro. I live in Lisbon. I live in Faro.",
        "I live in Lisbon. I live in Faro.",
    ],
)
def test_a_preview_knows_what_the_statements_before_would_have_changed(world: FakeWorld, text: str, *, deduplicate: bool) -> None:
    memories = world.remembering(extractor=Pipeline())
    memories.add(ACME, Said("I live in Lisbon."))
    world.clock.advance(seconds=1)

    preview = memories.preview(ACME, Said(text, deduplicate=deduplicate))

    added = memories.add(ACME, Said(text, deduplicate=deduplicate))
    assert [(each.outcome, each.rule) for each in preview.outcomes] == outcomes(added)


def test_what_is_said_twice_in_one_text_is_one_memory_with_two_pieces_of_evidence(world: FakeWorld) -> None:
    memories = world.remembering(extractor=WholeTexts(lines=True))

    added = memories.add(ACME, Said("I like tea.\nI like coffee.\nI LIKE tea!"))

    tea, coffee = added.memories
    assert [(each.outcome, each.memory_id) for each in added.outcomes] == [
        (Outcome.STORED, tea.memory_id),
        (Outcome.STORED, coffee.memory_id),
        (Outcome.MERGED, tea.memory_id),
    ]
    assert added.outcomes[2].rule == "same_request"
    spans = [each.span for each in world.store.evidence("acme", tea.memory_id, limit=9).evidence]
    assert sorted(spans) == [(0, 11), (27, 38)]


def test_without_deduplication_what_is_said_twice_in_one_text_is_two_memories(world: FakeWorld) -> None:
    memories = world.remembering(extractor=WholeTexts(lines=True))

    added = memories.add(ACME, Said("I like tea.\nI like tea.", deduplicate=False))

    assert [each.outcome for each in added.outcomes] == [Outcome.STORED, Outcome.STORED]
    assert len(added.memories) == 2


# Who said it


def test_the_actor_and_the_moment_it_became_known_stand_in_the_memory(world: FakeWorld) -> None:
    memory = world.memories.add(ACME, SAID, actor="key:7").memories[0]

    assert (memory.actor, memory.known_from, memory.since) == ("key:7", NOW, NOW)


def test_a_memory_carries_what_was_read_of_it(world: FakeWorld) -> None:
    claimed = Claimed("i", "live in", "porto")
    read = replace(candidate("one"), category="preference", memory_type="preference", confidence=0.75, claimed=claimed)

    memory = world.remembering(extractor=Reads(read)).add(ACME, Said("x", occurred_at=NOW - DAY)).memories[0]

    assert (memory.category, memory.memory_type, memory.confidence, memory.claimed) == ("preference", "preference", 0.75, claimed)
    assert memory.valid_from == NOW - DAY
