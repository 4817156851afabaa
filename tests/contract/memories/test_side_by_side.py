"""Several things sent together, remembered in several threads: the same comes of them as one after the other."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.kit.dynamodb import Table
from backend.kit.errors import MemorySyncError
from backend.memories.model import Said
from backend.memories.outcomes import Outcome
from backend.memories.service import Asked, MemoryService
from tests.contract.memories.memory_world import IDEMPOTENCY, BreakingOnce, World
from tests.unit.memories.samples import ACME, keyed

THREADS = 4
CITIES = ("Oslo", "Bergen", "Turku", "Umea")
TEXTS = [text for city in CITIES for text in (f"I live in {city}.", "I like tea.", f"The roof in {city} leaks.")]


def remembering(world: World, threads: ThreadPoolExecutor) -> MemoryService:
    """Return the use cases with the rules and the threads that the product has."""
    # The client is made on first use, which is not safe in threads; a function makes it before any.
    world.store.get("acme", "mem_none")
    return world.remembering(executor=threads)


def test_the_last_of_contradicting_statements_holds_and_what_is_said_again_merges(world: World) -> None:
    with ThreadPoolExecutor(THREADS) as threads:
        done = remembering(world, threads).add_many("acme", [Asked(ACME, Said(text)) for text in TEXTS])

    outcomes = [each.outcomes[0].outcome for each in done if not isinstance(each, MemorySyncError)]
    lives, likes, leaks = outcomes[::3], outcomes[1::3], outcomes[2::3]
    assert lives == [Outcome.STORED, *[Outcome.SUPERSEDED] * 3]
    assert likes == [Outcome.STORED, *[Outcome.MERGED] * 3]
    assert leaks == [Outcome.STORED] * 4
    last = done[-3]
    assert not isinstance(last, MemorySyncError)
    assert world.store.holders("acme", (ACME.home, "", "i", "live in")).memory_ids == (last.memories[0].memory_id,)


def test_what_fails_unforeseen_is_told_when_all_others_are_done_and_can_be_sent_again(world: World) -> None:
    asked = [Asked(ACME, Said(text), keyed(number)) for number, text in enumerate(TEXTS[:3])]
    world.requests = BreakingOnce(Table(IDEMPOTENCY, world.seam), world.ids, world.clock)
    with ThreadPoolExecutor(THREADS) as threads:
        service = remembering(world, threads)
        with pytest.raises(ZeroDivisionError):
            service.add_many("acme", asked)
        assert len(stored(world)) == 3

        again = service.add_many("acme", asked)

    assert [each.outcomes[0].outcome for each in again if not isinstance(each, MemorySyncError)] == [Outcome.STORED] * 3
    assert stored(world) == sorted(TEXTS[:3])


def stored(world: World) -> list[str]:
    """Return the texts of all memories there are."""
    return sorted(row.text for row in world.store.page(ACME, limit=50, before=None, now=world.clock.now()).memories)
