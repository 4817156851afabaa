"""A refresh reads memories with the rules of today: on the fakes and on tables alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from backend.embedding.fake import FakeEmbedder
from backend.embedding.model import Purpose, Vector
from backend.extraction.extracted_key import extracted_key
from backend.extraction.model import Claimed
from backend.extraction.pipeline import Pipeline
from backend.index.model import IndexDocument
from backend.jobs.model import Counts, Job, JobState, Kind
from backend.jobs.refresh import Refreshing
from backend.jobs.service import target_of
from backend.kit.clock import FakeClock
from backend.kit.errors import DependencyUnavailableError, EmbeddingUnavailableError
from backend.memories.conflicts import claim_of
from backend.memories.documents import changes_for
from backend.memories.fake import FakeMemoryStore
from backend.memories.model import Memory
from backend.memories.ports import MemoryStore
from backend.tenancy.scope import Scope
from tests.contract.memories.memory_world import World, emulated, make_tables
from tests.support.tables import engine
from tests.unit.memories.samples import ACME, NEIGHBOUR, NOW, RIVAL, memory, memory_id

PREFERENCE = "I prefer tea to coffee."
HOME = "I live in Lisbon."
LONG = " ".join(f"The house number {number} has a red door and a garden with a pond." for number in range(60))


@pytest.fixture(scope="module")
def aws() -> Iterator[Any]:
    with emulated() as client:
        yield client


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture(params=["fake", engine()])
def store(request: pytest.FixtureRequest, clock: FakeClock) -> MemoryStore:
    if request.param == "fake":
        return FakeMemoryStore(clock)
    client = request.getfixturevalue("aws")
    make_tables()
    return World(client, clock).store


@pytest.fixture
def embedder() -> FakeEmbedder:
    return FakeEmbedder()


@pytest.fixture
def refreshing(store: MemoryStore, embedder: FakeEmbedder, clock: FakeClock) -> Refreshing:
    return Refreshing(store=store, extractor=Pipeline(), embedder=embedder, clock=clock)


Add = Callable[..., Memory]


@pytest.fixture
def add(store: MemoryStore, embedder: FakeEmbedder) -> Add:
    """Store a memory as an earlier release would have: with its vectors, read by no rule."""

    def stored(number: int, text: str, scope: Scope = ACME, **changes: Any) -> Memory:
        [vector] = embedder.embed([text], Purpose.DOCUMENT)
        fields: dict[str, Any] = {"vector": vector, "model": embedder.model.identity, **changes}
        each = memory(number, scope, text=text, **fields)
        return store.add(each, changes_for(each), guarded=True)

    return stored


def job(*memory_ids: str, scope: Scope = ACME, **changes: Any) -> Job:
    plain = Job("job_1", "acme", Kind.REFRESH, target_of(scope), "key:1", NOW, NOW, NOW, scope=scope, memory_ids=memory_ids)
    return replace(plain, **changes)


def whole(refreshing: Refreshing, begun: Job) -> Counts:
    """Do all pages."""
    while begun.state is not JobState.SUCCEEDED:
        begun = begun.advanced(refreshing.step(begun), NOW)
    return begun.counts


def now(store: MemoryStore, each: Memory) -> Memory:
    row = store.get(each.tenant_id, each.memory_id)
    assert row is not None
    return row


def test_what_the_rules_read_otherwise_today_is_changed_and_the_users_revision_stays(
    store: MemoryStore, refreshing: Refreshing, add: Add, clock: FakeClock
) -> None:
    each = add(1, PREFERENCE)
    assert (each.category, each.memory_type) == ("factual", "fact")
    clock.advance(days=1)

    assert whole(refreshing, job()) == Counts(changed=1)

    row = now(store, each)
    assert (row.category, row.memory_type, row.row_version) == ("preference", "preference", 2)
    same = ("text", "extracted_key", "revision", "created_at", "known_from", "vector", "model", "confidence", "tags")
    assert [getattr(row, name) for name in same] == [getattr(each, name) for name in same]
    assert changes_for(row)[0] in store.pending(ACME)[0]


def test_a_second_refresh_finds_nothing_to_do(store: MemoryStore, refreshing: Refreshing, add: Add) -> None:
    rows = [add(1, PREFERENCE), add(2, HOME), add(3, "?!"), add(4, LONG)]
    assert whole(refreshing, job()).changed >= 3
    versions = [now(store, each).row_version for each in rows]

    assert whole(refreshing, job()) == Counts(skipped=4)
    assert [now(store, each).row_version for each in rows] == versions


def test_a_memory_with_a_key_of_an_older_version_takes_the_key_of_today(
    store: MemoryStore, refreshing: Refreshing, add: Add
) -> None:
    each = add(1, HOME, extracted_key="k2:i live in lisbon")

    assert whole(refreshing, job()) == Counts(changed=1)

    assert now(store, each).extracted_key == extracted_key(HOME)
    assert store.guarded_by(each.scope_key, extracted_key(HOME), "acme") == each.memory_id
    assert store.guarded_by(each.scope_key, "k2:i live in lisbon", "acme") is None
    assert whole(refreshing, job()) == Counts(skipped=1)


def test_a_key_of_today_that_somebody_has_stays_with_them(store: MemoryStore, refreshing: Refreshing, add: Add) -> None:
    old = add(1, PREFERENCE, extracted_key="k2:i prefer tea to coffee")
    new = add(2, PREFERENCE, extracted_key=extracted_key(PREFERENCE))

    whole(refreshing, job())

    assert now(store, old).extracted_key == "k2:i prefer tea to coffee"
    assert store.guarded_by(old.scope_key, extracted_key(PREFERENCE), "acme") == new.memory_id
    assert whole(refreshing, job()) == Counts(skipped=2)


def test_a_claim_that_is_found_only_now_can_be_contradicted_from_now_on(
    store: MemoryStore, refreshing: Refreshing, add: Add
) -> None:
    each = add(1, HOME)

    whole(refreshing, job())

    row = now(store, each)
    claim = claim_of(row)
    assert claim is not None
    assert store.holders("acme", claim).memory_ids == (each.memory_id,)


def test_what_the_text_alone_does_not_say_any_more_stays(store: MemoryStore, refreshing: Refreshing, add: Add) -> None:
    said_around = Claimed("my sister", "live in", "porto")
    each = add(1, "Porto.", claimed=said_around, category="preference", memory_type="preference")

    whole(refreshing, job())

    assert now(store, each).claimed == said_around


def test_a_vector_of_another_model_and_one_that_is_missing_are_made(
    store: MemoryStore, refreshing: Refreshing, add: Add, embedder: FakeEmbedder
) -> None:
    old = add(1, "The cello stands in the attic.", model="another/1")
    owed = add(2, "The violin stands in the cellar.", vector=None, model=None, embed_tries=5)

    assert whole(refreshing, job()).failed == 0

    for each in (old, owed):
        row = now(store, each)
        assert (row.vector, row.model) == (embedder.embed([each.text], Purpose.DOCUMENT)[0], embedder.model.identity)
        assert (row.embed_tries, row.revision) == (0, 1)


def test_a_long_text_gets_its_pieces_with_a_vector_each(store: MemoryStore, refreshing: Refreshing, add: Add) -> None:
    each = add(1, LONG)

    whole(refreshing, job())

    row = store.whole(now(store, each))
    assert len(row.chunks) > 1
    assert len(row.vectors) == len(row.pieces)
    assert {document.vector is None for document in store.changes(row)} == {False}  # type: ignore[union-attr]  # no tombstones


def test_a_change_of_a_long_text_keeps_the_vectors_that_it_has(
    store: MemoryStore, refreshing: Refreshing, add: Add, embedder: FakeEmbedder
) -> None:
    each = add(1, LONG[:2000])
    whole(refreshing, job())
    before = store.whole(now(store, each))
    assert 1 < len(before.pieces) <= 4
    other = before.changed(NOW, category="episodic", memory_type="episode")
    store.replace(other, changes_for(other))
    embedder.down = True

    assert whole(refreshing, job()) == Counts(changed=1)

    after = store.whole(now(store, each))
    assert (after.category, len(after.vectors)) == (before.category, len(before.vectors))
    waiting = [each.vector for each in store.pending(ACME)[0] if isinstance(each, IndexDocument)]
    assert len(waiting) == len(before.vectors)
    assert None not in waiting


def test_only_the_callers_own_memories_are_touched(store: MemoryStore, refreshing: Refreshing, add: Add) -> None:
    mine, theirs, foreign = add(1, PREFERENCE), add(2, PREFERENCE, NEIGHBOUR), add(3, PREFERENCE, RIVAL)

    assert whole(refreshing, job()).seen == 1
    asked = job(mine.memory_id, theirs.memory_id, foreign.memory_id, memory_id(99))
    assert whole(refreshing, asked) == Counts(skipped=4)

    assert (now(store, theirs), now(store, foreign)) == (theirs, foreign)


def test_only_the_memories_that_are_named_are_touched(store: MemoryStore, refreshing: Refreshing, add: Add) -> None:
    named, other = add(1, PREFERENCE), add(2, HOME)

    assert whole(refreshing, job(named.memory_id)) == Counts(changed=1)
    assert now(store, other) == other


def test_what_is_forgotten_or_expired_is_left_alone(
    store: MemoryStore, refreshing: Refreshing, add: Add, clock: FakeClock
) -> None:
    gone, short = add(1, PREFERENCE), add(2, HOME, expires_at=NOW)
    forgotten = gone.forgotten(NOW)
    store.replace(forgotten, changes_for(forgotten))
    clock.advance(seconds=1)

    assert whole(refreshing, job(gone.memory_id, short.memory_id)) == Counts(skipped=2)
    assert whole(refreshing, job()) == Counts()


def test_many_memories_are_done_page_by_page_and_each_once(store: MemoryStore, refreshing: Refreshing, add: Add) -> None:
    rows = [add(number, f"I prefer tea number {number}.", created_at=NOW.replace(second=number)) for number in range(45)]

    step = refreshing.step(job())
    assert (step.counts, step.cursor is None) == (Counts(changed=20), False)
    assert whole(refreshing, job(cursor=step.cursor)) == Counts(changed=25)
    assert {now(store, each).row_version for each in rows} == {2}

    named = job(*(each.memory_id for each in rows))
    assert whole(refreshing, named) == Counts(skipped=45)


def test_a_page_that_is_done_twice_changes_nothing_more(store: MemoryStore, refreshing: Refreshing, add: Add) -> None:
    each = add(1, PREFERENCE)
    refreshing.step(job())

    assert refreshing.step(job()).counts == Counts(skipped=1)
    assert now(store, each).row_version == 2


def test_an_embedder_that_is_down_is_waited_for(
    store: MemoryStore, refreshing: Refreshing, add: Add, embedder: FakeEmbedder
) -> None:
    each = add(1, PREFERENCE, model="another/1")
    embedder.down = True

    with pytest.raises(DependencyUnavailableError):
        refreshing.step(job())

    assert now(store, each) == each


@pytest.mark.parametrize("error", [ValueError, EmbeddingUnavailableError])
def test_a_text_that_the_embedder_cannot_do_holds_up_none_of_the_others(
    store: MemoryStore, clock: FakeClock, add: Add, error: type[Exception]
) -> None:
    class Picky(FakeEmbedder):
        def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
            if any("poison" in text for text in texts):
                msg = "poison"
                raise error(msg)
            return super().embed(texts, purpose)

    poison, sound = add(1, "The poison stands in the attic.", model="old/1"), add(2, "The cello stands there.", model="old/1")
    picky = Refreshing(store=store, extractor=Pipeline(), embedder=Picky(), clock=clock)

    assert whole(picky, job()) == Counts(changed=1, failed=1)
    assert (now(store, poison).model, now(store, sound).model) == ("old/1", FakeEmbedder().model.identity)


class Meanwhile:
    """A store in which somebody else is quicker, once for each memory."""

    def __init__(self, store: MemoryStore, change: Callable[[Memory], Memory]) -> None:
        self._store, self._change = store, change
        self._done: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def replace(self, each: Memory, *arguments: Any, **named: Any) -> None:
        """Let the other go first."""
        if each.memory_id not in self._done:
            self._done.add(each.memory_id)
            row = self._store.get(each.tenant_id, each.memory_id)
            assert row is not None
            other = self._change(row)
            self._store.replace(other, changes_for(other))
        self._store.replace(each, *arguments, **named)


def test_what_somebody_changes_meanwhile_is_kept_and_read_anew_all_the_same(
    store: MemoryStore, embedder: FakeEmbedder, clock: FakeClock, add: Add
) -> None:
    each = add(1, PREFERENCE)
    contested: Any = Meanwhile(store, lambda row: row.edited(NOW, "key:2", "tagged", tags=("drinks",)))

    counts = whole(Refreshing(store=contested, extractor=Pipeline(), embedder=embedder, clock=clock), job())

    row = now(store, each)
    assert (counts, row.tags, row.revision, row.category) == (Counts(changed=1), ("drinks",), 2, "preference")


def test_what_is_given_another_text_meanwhile_is_left_as_it_is(
    store: MemoryStore, embedder: FakeEmbedder, clock: FakeClock, add: Add
) -> None:
    each = add(1, PREFERENCE)
    contested: Any = Meanwhile(store, lambda row: row.edited(NOW, "key:2", None, text="Sold.", vector=None))

    assert whole(Refreshing(store=contested, extractor=Pipeline(), embedder=embedder, clock=clock), job()) == Counts(skipped=1)
    assert (now(store, each).text, now(store, each).row_version) == ("Sold.", 2)


def test_a_memory_that_cannot_be_decrypted_is_counted_as_failed_and_left(aws: Any, clock: FakeClock) -> None:
    make_tables()
    world = World(aws, clock)
    each = memory(1, text=PREFERENCE)
    world.store.add(each, changes_for(each), guarded=True)
    world.seals.expired.add(world.seals.version)

    refreshing = Refreshing(store=world.store, extractor=Pipeline(), embedder=FakeEmbedder(), clock=clock)

    assert whole(refreshing, job()) == Counts(failed=1)
    assert now(world.store, each).row_version == 1
