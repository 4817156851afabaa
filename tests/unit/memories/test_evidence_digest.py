"""A piece of evidence has the hash of its source, but not where that would give away what a guard let nobody keep."""

from __future__ import annotations

import hashlib

import pytest

from backend.extraction.pipeline import Pipeline
from backend.extraction.policy import ExtractionPolicy, GuardPolicy, Reaction
from backend.memories.model import Said
from backend.memories.policy import MemoryPolicy
from tests.unit.memories.adding_cases import SECRET
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME

CARD = "My card is 4111 1111 1111 1111."


def digests(world: FakeWorld, text: str) -> set[str | None]:
    """Return the hashes that the evidence of all memories of a text has."""
    added = world.remembering(extractor=Pipeline()).add(ACME, Said(text))
    assert added.memories
    every = [each for memory in added.memories for each in world.store.evidence("acme", memory.memory_id, limit=9).evidence]
    assert len(every) >= len(added.memories)
    return {each.sha256 for each in every}


def test_who_has_the_source_can_compare_it(world: FakeWorld) -> None:
    text = "I live in Lisbon. I love hiking."

    assert digests(world, text) == {hashlib.sha256(text.encode()).hexdigest()}


@pytest.mark.parametrize("reaction", [Reaction.REDACT, Reaction.BLOCK])
@pytest.mark.parametrize("told", [SECRET, CARD])
def test_what_a_guard_took_out_cannot_be_found_by_trying(world: FakeWorld, told: str, reaction: Reaction) -> None:
    world.policies.policy = MemoryPolicy(extraction=ExtractionPolicy(guards=GuardPolicy(reaction, reaction)))

    assert digests(world, f"I live in Lisbon. {told}") == {None}


def test_what_is_kept_whole_is_compared_whole(world: FakeWorld) -> None:
    world.policies.policy = MemoryPolicy(extraction=ExtractionPolicy(guards=GuardPolicy(Reaction.ALLOW, Reaction.ALLOW)))

    assert digests(world, CARD) == {hashlib.sha256(CARD.encode()).hexdigest()}
