"""What every memory store promises of earlier revisions, of the pieces of long texts, and of guards that move."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.embedding.model import pack
from backend.index.model import IndexDocument
from backend.kit.clock import epoch_ms
from backend.kit.errors import ConflictError
from backend.memories.documents import changes_for, documents_of
from backend.memories.model import Judgement, Memory, Revision
from backend.memories.ports import ContestedError, GuardTakenError, MemoryStore, Rekeying
from tests.contract.memories.store_cases import added, forgotten
from tests.unit.memories.samples import ACME, MODEL, NOW, OTHER_PROJECT, memory, memory_id

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)
CORNERS = [pack([0.5, 0.5, 0.5, sign * 0.5]) for sign in (1, -1)]


def edited(store: MemoryStore, each: Memory, number: int = 1, **fields: object) -> Memory:
    """Store the next revision, that many days later."""
    now = NOW + number * DAY
    after = each.edited(now, f"key:{number}", f"because {number}", **fields)
    closes = Revision(each, now, f"key:{number}", f"because {number}")
    store.replace(after, changes_for(after, [closes]), closes=closes)
    return after


def in_pieces(count: int, number: int = 1, **changes: object) -> Memory:
    """Return a memory of so many pieces with a vector each, which half precision holds."""
    spans = tuple((5 * place, 5 * place + 5) for place in range(count))
    vectors = tuple(CORNERS[place % 2] for place in range(count))
    long = memory(number, text="".join(f"w{place:03d} " for place in range(count)), chunks=spans, vector=vectors[0])
    return replace(long, more_vectors=vectors[1:], vectors_at=1, **changes)  # type: ignore[arg-type] # fields of the class


def as_read(each: Memory) -> Memory:
    return replace(each, more_vectors=())


def current(store: MemoryStore, each: Memory) -> Memory:
    found = store.get(each.tenant_id, each.memory_id)
    assert found
    return found


# Earlier revisions


def test_a_memory_that_never_changed_has_no_earlier_revision(store: MemoryStore) -> None:
    added(store, memory(1))

    assert store.revisions("acme", memory_id(1)) == []
    assert store.revisions("acme", memory_id(2)) == []
    assert store.changes(memory(1)) == documents_of(memory(1))


def test_every_revision_is_kept_as_it_was_with_who_ended_it_and_why(store: MemoryStore) -> None:
    first = memory(1, metadata={"deep": [1, {"x": None}]}, tags=("a",), speaker="Ana")
    added(store, first)
    second = edited(store, first, 1, importance=0.25)
    third = edited(store, second, 2, text="I moved to Porto.")

    assert current(store, first) == third
    assert store.revisions("acme", memory_id(1)) == [
        Revision(first, NOW + DAY, "key:1", "because 1"),
        Revision(second, NOW + 2 * DAY, "key:2", "because 2"),
    ]
    assert store.revisions("rival", memory_id(1)) == []


def test_earlier_revisions_are_read_by_their_numbers_of_many_memories_at_once(store: MemoryStore) -> None:
    first, other = added(store, memory(1)), added(store, memory(2))
    second = edited(store, first, 1, importance=0.25)
    edited(store, second, 2, importance=0.5)
    edited(store, other, 1, importance=0.75)
    wanted = [(memory_id(1), 2), (memory_id(2), 1), (memory_id(2), 1), (memory_id(1), 3), (memory_id(1), 9), (memory_id(3), 1)]

    found = store.revisions_at("acme", wanted)

    # The current one is no earlier revision.
    assert sorted(found, key=lambda each: each.memory.memory_id) == [
        Revision(second, NOW + 2 * DAY, "key:2", "because 2"),
        Revision(other, NOW + DAY, "key:1", "because 1"),
    ]
    assert store.revisions_at("rival", wanted) == store.revisions_at("acme", []) == []


def test_more_than_nine_revisions_stand_in_their_order(store: MemoryStore) -> None:
    each = added(store, memory(1))
    for number in range(1, 13):
        each = edited(store, each, number, importance=number / 100)

    assert [revision.memory.revision for revision in store.revisions("acme", memory_id(1))] == list(range(1, 13))


def test_a_revision_is_not_kept_when_its_memory_was_changed_meanwhile(store: MemoryStore) -> None:
    first = added(store, memory(1))
    edited(store, first, 1, importance=0.25)

    with pytest.raises(ConflictError):
        edited(store, first, 2, importance=0.75)

    assert [each.closed_by for each in store.revisions("acme", memory_id(1))] == ["key:1"]


def test_the_index_is_told_of_every_revision_and_until_when_it_was_known(store: MemoryStore) -> None:
    first = added(store, memory(1))
    second = edited(store, first, 1, text="I moved to Porto.")
    third = edited(store, second, 2, text="I moved to Faro.")

    found = [change for change in store.changes(current(store, first)) if isinstance(change, IndexDocument)]

    assert sorted((each.revision, each.known_from, each.known_until) for each in found) == [
        (1, epoch_ms(NOW), epoch_ms(NOW + DAY)),
        (2, epoch_ms(NOW + DAY), epoch_ms(NOW + 2 * DAY)),
        (3, epoch_ms(NOW + 2 * DAY), None),
    ]
    assert documents_of(third)[0] in found


def test_of_a_forgotten_memory_the_index_is_told_the_end_alone(store: MemoryStore) -> None:
    second = edited(store, added(store, memory(1)), 1, text="I moved to Porto.")
    gone = forgotten(store, second)

    assert store.changes(gone) == changes_for(gone)
    assert store.pending(ACME) == ([*changes_for(gone)], False)
    assert len(store.revisions("acme", memory_id(1))) == 1


# The pieces of long texts


def test_rows_are_read_without_the_vectors_of_further_pieces_and_made_whole_when_asked(store: MemoryStore) -> None:
    long = in_pieces(7)

    assert added(store, long) == as_read(long)
    assert current(store, long) == as_read(long)
    assert store.get_many("acme", [memory_id(1)]) == {memory_id(1): as_read(long)}
    assert store.whole(current(store, long)) == long
    assert store.whole(memory(2)) == memory(2)


def test_the_index_is_told_of_every_piece_with_its_vector(store: MemoryStore) -> None:
    long = in_pieces(7)
    added(store, long)

    assert store.changes(current(store, long)) == documents_of(long)


@pytest.mark.parametrize("count", [2, 4, 5, 9])
def test_a_question_finds_every_piece_of_what_is_pending(store: MemoryStore, count: int) -> None:
    long = in_pieces(count)
    added(store, long)

    changes, more = store.pending(ACME)

    assert sorted(changes, key=lambda each: each.chunk if isinstance(each, IndexDocument) else -1) == list(documents_of(long))
    assert not more


@pytest.mark.parametrize("count", [2, 9])
def test_a_change_made_to_a_row_as_it_was_read_loses_none_of_its_vectors(store: MemoryStore, count: int) -> None:
    """Whoever changes an importance reads the row without the vectors of its further pieces."""
    long = in_pieces(count)
    added(store, long)
    after = edited(store, current(store, long), 1, importance=0.25)

    whole = store.whole(current(store, long))
    changes, _ = store.pending(ACME)

    assert whole == replace(after, more_vectors=long.more_vectors)
    assert store.whole(store.revisions("acme", memory_id(1))[0].memory) == long
    told = [each for each in changes if isinstance(each, IndexDocument)]
    assert sorted((each.revision, each.chunk) for each in told) == [
        (number, piece) for number in (1, 2) for piece in range(count)
    ]
    assert all(each.vector for each in told)
    assert all(each.vector for each in store.changes(current(store, long)) if isinstance(each, IndexDocument))


def test_a_new_text_has_vectors_of_its_own_and_the_old_revision_keeps_its_own(store: MemoryStore) -> None:
    long = in_pieces(5)
    added(store, long)
    fresh = in_pieces(3)
    turned = tuple(reversed(fresh.vectors))
    after = edited(
        store,
        current(store, long),
        1,
        text=fresh.text,
        chunks=fresh.chunks,
        vector=turned[0],
        more_vectors=turned[1:],
        vectors_at=2,
    )

    assert store.whole(current(store, long)) == after
    assert store.whole(store.revisions("acme", memory_id(1))[0].memory) == long


def test_a_pending_change_is_read_as_it_is_now_and_not_as_it_was(store: MemoryStore) -> None:
    long = in_pieces(9)
    added(store, long)
    gone = forgotten(store, current(store, long))

    assert store.pending(ACME) == ([*changes_for(gone)], False)


# Guards that move with a new text


def guard_of(store: MemoryStore, key: str) -> str | None:
    return store.guarded_by(ACME.home, key, "acme")


def rekeyed(store: MemoryStore, each: Memory, to: Memory, replacing: str | None = None) -> Memory:
    after = each.edited(NOW + DAY, "ops", None, text=to.text, extracted_key=to.extracted_key)
    store.replace(after, changes_for(after), rekeying=Rekeying(each.extracted_key, to.extracted_key, replacing))
    return after


def test_a_new_text_lets_go_of_the_old_key_and_takes_its_own(store: MemoryStore) -> None:
    old, new = memory(1), memory(2)
    added(store, old)

    after = rekeyed(store, old, new)

    assert (guard_of(store, old.extracted_key), guard_of(store, new.extracted_key)) == (None, memory_id(1))
    assert current(store, old) == after
    added(store, replace(old, memory_id=memory_id(3)))


def test_a_key_that_another_memory_holds_is_not_taken_and_nothing_is_changed(store: MemoryStore) -> None:
    old, other = memory(1), memory(2)
    added(store, old)
    added(store, other)

    with pytest.raises(GuardTakenError) as refused:
        rekeyed(store, old, other)

    assert refused.value.memory_id == memory_id(2)
    assert current(store, old) == old
    assert (guard_of(store, old.extracted_key), guard_of(store, other.extracted_key)) == (memory_id(1), memory_id(2))


def test_a_key_is_taken_over_from_the_memory_that_is_named(store: MemoryStore) -> None:
    old, dead = memory(1), memory(2)
    added(store, old)
    added(store, dead)

    rekeyed(store, old, dead, replacing=memory_id(2))

    assert (guard_of(store, old.extracted_key), guard_of(store, dead.extracted_key)) == (None, memory_id(1))


@pytest.mark.parametrize("there", [True, False])
def test_a_key_is_not_taken_over_from_anybody_else(store: MemoryStore, there: bool) -> None:
    old, other = memory(1), memory(2)
    added(store, old)
    if there:
        added(store, other)

    with pytest.raises(GuardTakenError) as refused:
        rekeyed(store, old, other, replacing=memory_id(3))

    assert refused.value.memory_id == (memory_id(2) if there else "")
    assert current(store, old) == old


def test_a_key_that_somebody_else_holds_by_now_is_not_let_go(store: MemoryStore) -> None:
    old, new = memory(1), memory(2)
    added(store, old)
    added(store, replace(old, memory_id=memory_id(3)), replacing=memory_id(1))

    with pytest.raises(ContestedError):
        rekeyed(store, old, new)

    assert current(store, old) == old
    assert (guard_of(store, old.extracted_key), guard_of(store, new.extracted_key)) == (memory_id(3), None)


def test_a_change_that_comes_too_late_says_so_whatever_it_wanted_of_the_keys(store: MemoryStore) -> None:
    old, other = memory(1), memory(2)
    added(store, old)
    added(store, other)
    edited(store, old, 1, importance=0.25)

    with pytest.raises(ConflictError):
        rekeyed(store, old, other)


# Judgements


def test_a_judgement_counts_once_however_often_it_is_sent(store: MemoryStore) -> None:
    each = added(store, memory(1))
    judgement = Judgement(is_helpful=True, actor="key:1", judgement_id="fb_1", at=NOW)
    counted = each.changed(NOW + SECOND, helpful=1)

    assert store.judge(counted, changes_for(counted), judgement)
    again = counted.changed(NOW + 2 * SECOND, helpful=2)
    assert not store.judge(again, changes_for(again), judgement)

    assert current(store, each) == counted


def test_a_judgement_of_an_older_version_is_not_counted(store: MemoryStore) -> None:
    each = added(store, memory(1))
    first, second = (Judgement(is_helpful=True, actor="key:1", judgement_id=f"fb_{number}", at=NOW) for number in (1, 2))
    counted = each.changed(NOW + SECOND, helpful=1)
    store.judge(counted, changes_for(counted), first)

    with pytest.raises(ConflictError):
        store.judge(counted, changes_for(counted), second)
    again = counted.changed(NOW + SECOND, helpful=2)
    assert store.judge(again, changes_for(again), second)


def test_another_project_has_keys_of_its_own(store: MemoryStore) -> None:
    old, theirs = memory(1), memory(2, OTHER_PROJECT)
    added(store, old)
    added(store, theirs)

    rekeyed(store, old, theirs)

    assert guard_of(store, theirs.extracted_key) == memory_id(1)
    assert store.guarded_by(OTHER_PROJECT.home, theirs.extracted_key, "acme") == memory_id(2)
    assert theirs.model == MODEL
