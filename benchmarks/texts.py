"""Memories and questions for benchmarks: made up, every memory different, the same for the same seed."""

from __future__ import annotations

from random import Random

PEOPLE = ("Amara", "Bruno", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Imani", "Jonas", "Keiko", "Leila")
THINGS = (
    "the spare bicycle", "a box of negatives", "the signed lease", "her father's watch", "a jar of sourdough", "the blue kayak",
    "the projector", "two concert tickets", "the tax folder", "a borrowed tent", "the piano stool", "the garden shears",
)  # fmt: skip
PLACES = (
    "in the attic", "at the harbour office", "with the neighbours downstairs", "behind the studio door", "in locker nine",
    "at the allotment", "in the back of the van", "under the stairs", "at the library desk", "in the summer house",
)  # fmt: skip
REASONS = (
    "because the cellar floods in spring", "until the insurance has answered", "so that nobody sells it by mistake",
    "after the move to the smaller flat", "while the roof is being repaired", "for the exhibition next month",
    "as a surprise for the anniversary", "since the old place was broken into",
)  # fmt: skip


def memory(number: int, random: Random) -> str:
    """Return a sentence of some twenty words. The number makes it different from every other."""
    person, thing, place, reason = (random.choice(some) for some in (PEOPLE, THINGS, PLACES, REASONS))
    month, day = random.randint(1, 12), random.randint(1, 28)
    return f"{person} left {thing} {place} on {day}.{month}. {reason}, and wrote it down as entry {number} of the house book."


def question(random: Random) -> str:
    """Return a question that several of the memories answer in part."""
    person, thing = random.choice(PEOPLE), random.choice(THINGS)
    return random.choice(
        (f"Where did {person} leave {thing}?", f"Why is {thing} not at home?", f"What did {person} put away, and when?")
    )
