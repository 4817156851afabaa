"""Whatever order changes come in, and however often: one end state, and the answers of the fake."""

from __future__ import annotations

import tempfile
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from backend.index.fake import FakeIndex
from backend.index.model import IndexDocument, IndexFilter, IndexQuery, SearchResult, Tombstone
from backend.index.ports import MemoryIndex
from backend.index.ranges import NumberRange
from tests.contract.index.index_cases import ANA, BEN, BETWEEN, EAST, MAKERS, MODEL, NORTH, document, scope_of, tombstone, vector

BOTH = scope_of(also_projects=(None,))
WORDS = ("red", "boat", "tree", "house", "garden")
VECTORS = (NORTH, EAST, BETWEEN, vector(1, 1, 1, 1), vector(-1, 2, 0, 3), None)
MEMORIES = ("m1", "m2", "m3")
FURTHEST = 2
NAMES = ("ana", "ben", "cleo")
KEYS = (*BOTH.keys, BEN.home)
STATES = {0: "soft_deleted", 1: "archived", 2: "archived"}


def test_every_filter_that_there_is_is_tried() -> None:
    assert set(FILTERS) == {each.name for each in fields(IndexFilter)}


def change_of(key: str, memory: str, numbers: tuple[int, int, int], grave: bool) -> IndexDocument | Tombstone:
    """One change; what it says follows from its id and version, as with rows of the table."""
    revision, chunk, version = numbers
    if grave:
        return tombstone(memory, version, version * 10, key)
    seed = hash((MEMORIES.index(memory), revision, chunk, version, KEYS.index(key)))
    direction = VECTORS[seed % len(VECTORS)]
    return document(
        memory,
        " ".join(WORDS[(seed >> shift) % len(WORDS)] for shift in range(seed % 5)),
        scope_key=key,
        revision=revision,
        chunk=chunk,
        row_version=version,
        vector=direction,
        model=MODEL if direction else None,
        created_at=seed % 50,
        known_from=seed % 20,
        known_until=30 if seed % 4 == 0 else None,
        valid_from=seed % 9,
        valid_until=seed % 40 + 9 if seed % 3 else None,
        expires_at=seed % 70 if seed % 5 == 0 else None,
        source=("mail", "chat", None)[seed % 3],
        tags=("a", "b", "c")[: seed % 4],
        tier=("hot", "warm")[seed % 2],
        memory_type=("fact", "event", "preference")[seed % 3],
        session_id=("s", None, "t")[seed % 3],
        occurred_at=seed % 5 if seed % 4 else None,
        speaker=("Ana", "Ben", None)[seed % 3],
        traits=seed % 100,
        is_summary=seed % 7 == 0,
        state=STATES.get(seed % 11, "active"),
        metadata={"n": seed % 3, "who": WORDS[seed % 5]},
    )


changes = some.builds(
    change_of,
    some.sampled_from(KEYS),
    some.sampled_from(MEMORIES),
    some.tuples(some.integers(1, 2), some.integers(0, 1), some.integers(1, 4)),
    some.sampled_from((False, False, False, True)),
)

FILTERS: dict[str, some.SearchStrategy[object]] = {
    "sources": some.sampled_from((("mail",), ("mail", "chat"))),
    "tags": some.sampled_from((("a",), ("b", "c"))),
    "tiers": some.just(("hot",)),
    "memory_types": some.sampled_from((("fact",), ("event", "preference"))),
    "session_id": some.just("s"),
    "created_since": some.integers(0, 50),
    "created_until": some.integers(0, 50),
    "include_summaries": some.just(False),
    "metadata": some.sampled_from(({"n": 1}, {"n": 1, "who": "red"})),
    "ranges": some.sampled_from(({"n": NumberRange(0, 1)}, {"n": NumberRange(1, 9), "who": NumberRange(0, 9)})),
    "as_of": some.integers(0, 50),
    "known_at": some.integers(0, 40),
    "include_archived": some.just(True),
    "now": some.integers(1, 70),
    "left_out": some.frozensets(some.sampled_from((*MEMORIES, "m9")), min_size=1, max_size=2),
}


def filter_of(names: list[str]) -> some.SearchStrategy[IndexFilter]:
    """A few at a time: hardly anything passes all of them."""
    return some.builds(IndexFilter, **{name: FILTERS[name] for name in names})


filters = some.lists(some.sampled_from(sorted(FILTERS)), max_size=3, unique=True).flatmap(filter_of)

questions = some.builds(
    IndexQuery,
    vector=some.sampled_from(VECTORS),
    model=some.just(MODEL),
    stems=some.lists(some.sampled_from((*WORDS, "absent")), max_size=5).map(tuple),
    filter=filters,
    limit=some.integers(1, 6),
    speaker=some.sampled_from((None, "ana")),
    around=some.integers(0, 2),
)


def alike(ours: SearchResult, theirs: SearchResult) -> None:
    """Assert that two answers are one, scores to nine decimals."""

    def shape(result: SearchResult) -> list[tuple[object, ...]]:
        return [
            (*h[:5], h.tier, h.created_at, h.from_overlay, h.said_at, h.length, h.traits, h.named, h.counts)
            for h in (*result.hits, *result.around)
        ]

    def steps(result: SearchResult) -> list[tuple[int, int, int]]:
        """Which of the hits stand how far apart, as far as that is said."""
        held = [(number, h.place) for number, h in enumerate((*result.hits, *result.around)) if h.place is not None]
        return [(a, b, q - p) for a, p in held for b, q in held if abs(q - p) <= FURTHEST]

    assert shape(ours) == shape(theirs)
    assert sorted(steps(ours)) == sorted(steps(theirs))
    assert ours.considered == theirs.considered
    for mine, other in zip((*ours.hits, *ours.around), (*theirs.hits, *theirs.around), strict=True):
        assert mine.dense == pytest.approx(other.dense, abs=2e-9)
        assert mine.lexical == pytest.approx(other.lexical, abs=1e-9)


def in_batches(index: MemoryIndex, every: list[IndexDocument | Tombstone], sizes: list[int]) -> None:
    """Write in batches of these sizes, asking between them so that caches have something to keep."""
    rest = every
    for size in [*sizes, len(every)]:
        index.write("acme", rest[:size])
        index.search(BOTH, IndexQuery(NORTH, MODEL, ("boat",), IndexFilter()))
        rest = rest[size:]


@pytest.mark.parametrize("kind", sorted(MAKERS))
@settings(max_examples=60)
@given(data=some.data())
def test_any_order_with_repeats_ends_in_one_state_that_answers_as_the_fake_does(kind: str, data: some.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        index = MAKERS[kind](Path(folder))
        fake, question, overlay = ends_as_the_fake_does(index, data)
        assert index.purge_tombstones(25) == fake.purge_tombstones(25)
        alike(index.search(BOTH, question, overlay), fake.search(BOTH, question, overlay))


def ends_as_the_fake_does(
    index: MemoryIndex, data: some.DataObject
) -> tuple[FakeIndex, IndexQuery, list[IndexDocument | Tombstone]]:
    """Write changes in any order and more than once: the index must hold and answer what the fake does that heard each once.

    Returns that fake, and a question and an overlay to go on with.
    """
    every = data.draw(some.lists(changes, min_size=1, max_size=25))
    repeated = data.draw(some.permutations(every + every[::2]))
    sizes = data.draw(some.lists(some.integers(1, 8), max_size=5))
    overlay = data.draw(some.lists(changes, max_size=6))
    asked = data.draw(some.lists(questions, min_size=1, max_size=4))
    fake = FakeIndex()
    fake.write("acme", every)
    in_batches(index, repeated, sizes)
    for each in asked:
        alike(index.search(BOTH, each), fake.search(BOTH, each))
        alike(index.search(BOTH, each, overlay), fake.search(BOTH, each, overlay))
    for scope in (ANA, BEN, BOTH):
        assert index.speakers(scope, NAMES) == fake.speakers(scope, NAMES)
        assert index.speakers(scope, NAMES, overlay) == fake.speakers(scope, NAMES, overlay)
        assert index.versions(scope, MEMORIES) == fake.versions(scope, MEMORIES)
    return fake, asked[0], overlay
