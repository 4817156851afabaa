"""What the tests of conflicts share: statements of where somebody lives, and what holds when."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from backend.extraction.pipeline import Pipeline
from backend.memories.model import (
    Memory,
    Said,
    State,
)
from backend.memories.outcomes import (
    Added,
)
from backend.memories.policy import MemoryPolicy, Winner
from tests.unit.memories.fake_world import FakeWorld
from tests.unit.memories.samples import ACME

DAY = timedelta(days=1)
YEAR = timedelta(days=365)
CLAIM = (ACME.home, "", "i", "live in")


def city(name: str, **changes: object) -> Said:
    return replace(Said(f"I live in {name}."), **changes)  # type: ignore[arg-type] # fields of the class


def added(world: FakeWorld, said: Said, *, winner: Winner = Winner.NEWEST, trusted: tuple[str, ...] = ()) -> Added:
    world.policies.policy = MemoryPolicy(winner=winner, trusted_sources=trusted)
    done = world.remembering(extractor=Pipeline()).add(ACME, said, actor="key:1")
    world.clock.advance(seconds=1)
    return done


def told(world: FakeWorld, said: Said, *, winner: Winner = Winner.NEWEST, trusted: tuple[str, ...] = ()) -> Memory:
    return added(world, said, winner=winner, trusted=trusted).memories[0]


def row(world: FakeWorld, each: Memory) -> Memory:
    found = world.store.get(each.tenant_id, each.memory_id)
    assert found
    return found


def standing(world: FakeWorld, *, at: datetime | None = None) -> set[str]:
    """Return the texts of what holds at a moment, now unless said otherwise."""
    now = at or world.clock.now()
    rows = world.store.page(ACME, limit=200, before=None, now=now).memories
    return {each.text for each in rows if each.state is State.ACTIVE and each.holds(now)}
