"""Vectors of what is added: in one call, as many as there is time for, and owed where they cannot be had."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from backend.embedding.fake import FakeEmbedder
from backend.embedding.model import Purpose, Vector
from backend.extraction.fake import WholeTexts
from backend.extraction.pipeline import Pipeline
from backend.kit.errors import DependencyUnavailableError, IdempotencyKeyReusedError, MemorySyncError, RequestInFlightError
from backend.memories.adding import MOST_TEXTS_NOW
from backend.memories.model import (
    Said,
    VectorState,
)
from backend.memories.outcomes import (
    Added,
    Outcome,
)
from backend.memories.service import Asked
from tests.unit.memories.adding_cases import Reads, candidate
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, NEIGHBOUR, NOW, SAID, keyed

# Vectors


def test_a_long_text_has_a_vector_for_each_of_its_pieces(world: FakeWorld) -> None:
    text = "\n\n".join(f"Paragraph {number} says something. " * 8 for number in range(20))
    memories = world.remembering(extractor=Pipeline())

    (memory,) = memories.add(ACME, Said(text)).memories

    assert len(memory.chunks) > 1
    assert world.embedder.calls == [tuple(memory.text[start:end] for start, end in memory.chunks)]
    assert len(world.store.whole(memory).vectors) == len(memory.chunks)
    changed = memory.edited(world.clock.now(), "ops", None, importance=0.25)
    assert len(world.store.whole(changed).vectors) == len(memory.chunks)


def test_while_the_embedder_is_down_every_piece_is_owed(world: FakeWorld) -> None:
    world.embedder.down = True
    memories = world.remembering(extractor=Pipeline())

    added = memories.add(ACME, Said("I like tea. I work at Acme."))

    assert [each.vector_state for each in added.memories] == [VectorState.PENDING] * 2
    assert world.store.owed(ACME, 9) == (2, NOW)
    assert [each.outcome for each in added.outcomes] == [Outcome.STORED] * 2


class Broken(FakeEmbedder):
    """Fails in a way that no embedder should."""

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        """Fail."""
        del texts, purpose
        raise ZeroDivisionError


class OneShort(FakeEmbedder):
    """Forgets the last text."""

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        """Return a vector less than there are texts."""
        return super().embed(texts, purpose)[:-1]


def test_an_embedder_that_gives_a_vector_less_than_was_asked_for_counts_as_down() -> None:
    world = FakeWorld(embedder=OneShort())

    added = world.remembering(extractor=WholeTexts(lines=True)).add(ACME, Said("one\ntwo"))

    assert [each.vector for each in added.memories] == [None, None]
    assert world.store.owed(ACME, 9) == (2, NOW)


def test_an_embedder_that_breaks_stores_nothing_and_lets_the_next_attempt_in_at_once() -> None:
    world = FakeWorld(embedder=Broken())
    with pytest.raises(ZeroDivisionError):
        world.memories.add(ACME, SAID, keyed())
    assert world.store.pending(ACME) == ([], False)

    world.embedder = FakeEmbedder()
    added = world.remembering().add(ACME, SAID, keyed())

    assert added.outcomes[0].outcome is Outcome.STORED


def test_texts_beyond_what_one_request_embeds_get_their_vectors_later(world: FakeWorld) -> None:
    memories = world.remembering(extractor=WholeTexts(lines=True))
    said = Said("\n".join(f"fact {number}" for number in range(MOST_TEXTS_NOW + 3)))

    added = memories.add(ACME, said)

    assert [len(call) for call in world.embedder.calls] == [MOST_TEXTS_NOW]
    assert [each.vector is None for each in added.memories] == [False] * MOST_TEXTS_NOW + [True] * 3
    assert world.store.owed(ACME, 99)[0] == 3


def test_a_text_of_more_pieces_than_are_left_is_owed_whole_and_shorter_ones_are_not(world: FakeWorld) -> None:
    spans = tuple((number, number + 1) for number in range(MOST_TEXTS_NOW))
    long = replace(candidate("x" * MOST_TEXTS_NOW), chunks=spans)

    added = world.remembering(extractor=Reads(candidate("one"), long, candidate("two"))).add(ACME, SAID)

    assert [each.vector is None for each in added.memories] == [False, True, False]
    assert world.embedder.calls == [("one", "two")]


# Several things in one request


def test_of_several_things_each_is_done_for_itself_and_all_are_embedded_together(world: FakeWorld) -> None:
    world.memories.add(ACME, Said("taken"), keyed(1, "another body"))

    done = world.memories.add_many(
        "acme", [Asked(ACME, Said("one")), Asked(ACME, Said("two"), keyed(1)), Asked(NEIGHBOUR, Said("three"), keyed(3))]
    )

    first, refused, third = done
    assert isinstance(first, Added)
    assert isinstance(third, Added)
    assert isinstance(refused, IdempotencyKeyReusedError)
    assert (first.memories[0].text, third.memories[0].scope_key) == ("one", NEIGHBOUR.home)
    assert world.embedder.calls[-1] == ("one", "three")


def test_one_key_sent_twice_in_one_request_is_done_once(world: FakeWorld) -> None:
    first, second = world.memories.add_many("acme", [Asked(ACME, SAID, keyed()), Asked(ACME, SAID, keyed())])

    assert isinstance(first, Added)
    assert isinstance(second, RequestInFlightError)
    assert world.memories.add(ACME, SAID, keyed()).replayed


def test_while_the_table_is_down_every_one_of_several_says_so_and_can_be_sent_again(world: FakeWorld) -> None:
    asked = [Asked(ACME, Said(f"fact {number}"), keyed(number)) for number in range(3)]
    world.store.down = True
    failed = world.memories.add_many("acme", asked)
    world.store.down = False

    done = world.memories.add_many("acme", asked)

    assert all(isinstance(each, DependencyUnavailableError) for each in failed)
    assert all(isinstance(each, Added) and not each.replayed for each in done)
    assert not any(isinstance(each, MemorySyncError) for each in done)
