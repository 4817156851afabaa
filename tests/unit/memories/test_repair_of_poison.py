"""A text that the embedder cannot do is counted and given up; a dead embedder is nobody's fault."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backend.embedding.fake import FakeEmbedder
from backend.embedding.model import Purpose, Vector
from backend.kit.deadline import deadline
from backend.kit.errors import EmbeddingUnavailableError
from backend.memories.model import MOST_EMBED_TRIES, Memory, Said
from backend.memories.projection import TEXTS_A_ROUND
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME, RIVAL

POISON = "poison"


class Refusing(FakeEmbedder):
    """Fails on a call with this word in it, in the very way in which it fails when it is down."""

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        if any(POISON in text for text in texts):
            message = "The service refused: ValidationException (400)."
            raise EmbeddingUnavailableError(message)
        return super().embed(texts, purpose)


class Short(FakeEmbedder):
    """Loses a vector of a call with this word in it."""

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        vectors = super().embed(texts, purpose)
        return vectors[1:] if any(POISON in text for text in texts) else vectors


class Raising(FakeEmbedder):
    """Fails as no port says."""

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        if any(POISON in text for text in texts):
            raise RecursionError
        return super().embed(texts, purpose)


class OnlyBroken(FakeEmbedder):
    """Fails on everything, and not as an embedder that says that it is down."""

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        del texts, purpose
        raise RecursionError


def owed(world: FakeWorld, *texts: str) -> list[Memory]:
    """Return memories that were added while the embedder was down, of two tenants in turns, the first the oldest."""
    world.embedder.down = True
    memories: list[Memory] = []
    for number, text in enumerate(texts):
        memories += world.memories.add((ACME, RIVAL)[number % 2], Said(text)).memories
        world.clock.advance(seconds=1)
    world.embedder.down = False
    return memories


def row(world: FakeWorld, memory: Memory) -> Memory:
    found = world.store.get(memory.tenant_id, memory.memory_id)
    assert found
    return found


@pytest.mark.parametrize(
    ("embedder", "reason"),
    [
        (Refusing(), "EmbeddingUnavailableError: The service refused: ValidationException (400)."),
        (Short(), "EmbeddingUnavailableError: The embedder's answer is not whole."),
        (Raising(), "RecursionError"),
    ],
)
def test_a_poison_row_keeps_no_vector_from_the_others_and_ends_in_the_list_with_its_reason(
    world: FakeWorld, embedder: FakeEmbedder, reason: str
) -> None:
    poison, *good = owed(world, POISON, *(f"fact {number}" for number in range(TEXTS_A_ROUND + 5)))
    repair = world.projecting(embedder=embedder).repair

    assert repair() == len(good)

    assert all(row(world, each).vector for each in good)
    assert (row(world, poison).embed_tries, world.parking.parked) == (1, [])
    for tries in range(2, MOST_EMBED_TRIES + 1):
        world.clock.advance(minutes=1)
        assert repair() == 0
        assert row(world, poison).embed_tries == tries
    assert world.parking.parked == [("acme", poison.memory_id, MOST_EMBED_TRIES, reason)]
    world.clock.advance(minutes=1)
    assert world.store.without_vector(world.clock.now(), 9) == [], "nobody tries it again"
    count, since = world.store.owed(ACME, 9)
    assert (count, since is not None) == (1, True), "GET /memory/pending still tells of it"


@pytest.mark.parametrize("embedder", ["down", OnlyBroken()])
def test_while_the_embedder_is_down_nobody_is_counted(world: FakeWorld, embedder: FakeEmbedder | str) -> None:
    memories = owed(world, POISON, "fact", "other fact")
    world.embedder.down = embedder == "down"
    projection = world.projecting(embedder=embedder if isinstance(embedder, FakeEmbedder) else None)

    for _ in range(MOST_EMBED_TRIES + 1):
        world.clock.advance(minutes=1)
        assert projection.repair() == 0

    assert [row(world, each).embed_tries for each in memories] == [0, 0, 0]
    assert [row(world, each).row_version for each in memories] == [1, 1, 1]
    assert world.parking.parked == []


def test_an_embedder_that_dies_while_rows_are_done_one_by_one_leaves_what_it_gave_and_blames_nobody(world: FakeWorld) -> None:
    memories = owed(world, "one", "two", "three", POISON)

    class Dying(Refusing):
        """Dies with its third vector: the probe's, and those of the first two rows."""

        def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
            vectors = super().embed(texts, purpose)
            self.down = len(self.calls) == 3
            return vectors

    world.projecting(embedder=Dying()).repair()

    assert sum(bool(row(world, each).vector) for each in memories) == 2
    assert {row(world, each).embed_tries for each in memories} == {0}


def test_repair_that_has_no_time_left_between_two_rows_leaves_the_rest_for_the_next_run(world: FakeWorld) -> None:
    moment = 0.0
    memories = owed(world, *(f"fact {number}" for number in range(3)))

    class Ticking(FakeEmbedder):
        """Takes its time."""

        def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
            nonlocal moment
            moment += 3
            if len(texts) > 1:
                raise EmbeddingUnavailableError
            return super().embed(texts, purpose)

    with deadline(15, lambda: moment):
        assert world.projecting(embedder=Ticking()).repair() == 2

    assert sum(bool(row(world, each).vector) for each in memories) == 2
