"""What every memory store promises."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backend.index.model import Tombstone
from backend.kit.errors import ConflictError
from backend.memories.documents import changes_for, documents_of
from backend.memories.model import MAX_TEXT_BYTES, EvidencePage
from backend.memories.ports import GuardTakenError, MemoryStore
from backend.tenancy.scope import Environment, user_scope
from backend.usage.model import Usage
from tests.contract.memories.store_cases import Fill, added, forgotten
from tests.unit.memories.samples import (
    ACME,
    FACT,
    MODEL,
    NEIGHBOUR,
    NOW,
    OTHER_PROJECT,
    RIVAL,
    VECTOR,
    evidence,
    memory,
    memory_id,
)


def ids_on(store: MemoryStore, *, limit: int = 3) -> list[list[str]]:
    """Return the ids of all pages."""
    pages, before = [], None
    while True:
        page = store.page(ACME, limit=limit, before=before, now=NOW)
        pages.append([each.memory_id for each in page.memories])
        before = page.next_position
        if before is None:
            return pages


# Rows


def test_a_memory_is_read_back_as_it_was_added(store: MemoryStore) -> None:
    whole = memory(
        1,
        valid_until=NOW + timedelta(days=9),
        occurred_at=NOW - timedelta(days=1),
        utc_offset=-300,
        expires_at=NOW + timedelta(minutes=5),
        source="chat",
        event_type="note",
        tags=("a", "b"),
        importance=0.25,
        metadata={"n": 1, "deep": {"list": [1, 2.5, None, "ü", True]}},
        session_id="s1",
        speaker="Ana",
        role="user",
    )

    assert added(store, whole) == whole
    assert store.get("acme", whole.memory_id) == whole
    assert store.get_many("acme", [whole.memory_id]) == {whole.memory_id: whole}


def test_what_is_not_there_is_none_and_missing(store: MemoryStore) -> None:
    added(store, memory(1))

    assert store.get("acme", memory_id(2)) is None
    assert store.get("rival", memory_id(1)) is None
    assert not store.get_many("rival", [memory_id(1)])
    assert store.get_many("acme", []) == {}
    assert list(store.get_many("acme", [memory_id(1), memory_id(2), memory_id(1)])) == [memory_id(1)]


def test_rows_come_with_how_they_were_used_as_far_as_that_is_known(store: MemoryStore) -> None:
    one = added(store, memory(1))

    rows, usage = store.get_many_used("acme", [memory_id(1), memory_id(2)])

    assert rows == {one.memory_id: one}
    assert usage.get(one.memory_id, Usage()) == Usage()


def test_more_rows_than_one_call_takes_are_read_together(store: MemoryStore, fill: Fill) -> None:
    fill([memory(number) for number in range(120)])

    assert len(store.get_many("acme", [memory_id(number) for number in range(130)])) == 120


def test_an_id_that_is_there_already_is_left_and_returned_as_it_is(store: MemoryStore) -> None:
    first = memory(1)
    added(store, first)

    assert added(store, memory(1, text="something else")) == first
    assert store.get("acme", memory_id(1)) == first
    assert store.guarded_by(ACME.home, memory(1, text="something else").extracted_key, "acme") is None


def test_an_id_whose_memory_was_forgotten_is_not_brought_back(store: MemoryStore) -> None:
    first = memory(1)
    added(store, first)
    gone = forgotten(store, first)

    assert added(store, first) == gone


# Guards


def test_a_fact_has_one_guarded_memory_in_its_place(store: MemoryStore) -> None:
    first, second = memory(1, text=FACT), memory(2, text=FACT)
    added(store, first)

    with pytest.raises(GuardTakenError) as refused:
        added(store, second)

    assert refused.value.memory_id == first.memory_id
    assert store.get("acme", second.memory_id) is None
    assert store.guarded_by(ACME.home, first.extracted_key, "acme") == first.memory_id
    assert [change.memory_id for change in store.pending(ACME)[0]] == [first.memory_id]


def test_another_user_project_or_tenant_is_another_place(store: MemoryStore) -> None:
    for number, scope in enumerate((ACME, NEIGHBOUR, OTHER_PROJECT, RIVAL)):
        added(store, memory(number, scope, text=FACT))

    assert store.guarded_by(NEIGHBOUR.home, memory(1, text=FACT).extracted_key, "acme") == memory_id(1)
    assert store.guarded_by(RIVAL.home, memory(1, text=FACT).extracted_key, "rival") == memory_id(3)


def test_an_unguarded_memory_takes_no_guard_and_minds_none(store: MemoryStore) -> None:
    added(store, memory(1, text=FACT), guarded=False)
    assert store.guarded_by(ACME.home, memory(1, text=FACT).extracted_key, "acme") is None

    added(store, memory(2, text=FACT))
    added(store, memory(3, text=FACT), guarded=False)

    assert store.guarded_by(ACME.home, memory(1, text=FACT).extracted_key, "acme") == memory_id(2)


def test_a_guard_is_taken_over_from_the_memory_that_is_named(store: MemoryStore) -> None:
    added(store, memory(1, text=FACT))

    added(store, memory(2, text=FACT), replacing=memory_id(1))

    assert store.guarded_by(ACME.home, memory(1, text=FACT).extracted_key, "acme") == memory_id(2)
    assert store.get("acme", memory_id(2)) is not None


def test_a_guard_is_not_taken_over_from_anybody_else(store: MemoryStore) -> None:
    added(store, memory(1, text=FACT))
    added(store, memory(2, text=FACT), replacing=memory_id(1))

    with pytest.raises(GuardTakenError) as refused:
        added(store, memory(3, text=FACT), replacing=memory_id(1))

    assert refused.value.memory_id == memory_id(2)
    assert store.get("acme", memory_id(3)) is None


def test_a_guard_that_is_not_there_cannot_be_taken_over(store: MemoryStore) -> None:
    with pytest.raises(GuardTakenError) as refused:
        added(store, memory(3, text=FACT), replacing=memory_id(1))

    assert refused.value.memory_id == ""


# Next versions


def test_the_next_version_replaces_the_one_it_was_made_from(store: MemoryStore) -> None:
    first = memory(1, vector=None, model=None)
    added(store, first)
    whole = first.with_vectors([VECTOR], MODEL, NOW + timedelta(seconds=1))

    store.replace(whole, documents_of(whole))

    assert store.get("acme", memory_id(1)) == whole


def test_a_version_made_from_an_older_one_is_refused(store: MemoryStore) -> None:
    first = memory(1)
    added(store, first)
    gone = forgotten(store, first)

    late = first.with_vectors([VECTOR], "another/4", NOW + timedelta(seconds=2))
    with pytest.raises(ConflictError):
        store.replace(late, documents_of(late))

    assert store.get("acme", memory_id(1)) == gone
    assert isinstance(store.pending(ACME)[0][0], Tombstone)


def test_what_was_never_there_is_not_replaced(store: MemoryStore) -> None:
    ghost = memory(1).forgotten(NOW)

    with pytest.raises(ConflictError):
        store.replace(ghost, changes_for(ghost))

    assert store.get("acme", memory_id(1)) is None
    assert store.pending(ACME) == ([], False)


# Evidence


def test_evidence_is_kept_oldest_first_and_once(store: MemoryStore) -> None:
    whole = evidence(1, source="chat", session_id="s1", occurred_at=NOW - timedelta(days=1))
    later = [evidence(number, recorded_at=NOW + timedelta(seconds=number)) for number in range(2, 60)]

    store.record_evidence("acme", list(reversed(later)))
    store.record_evidence("acme", [whole])
    store.record_evidence("acme", [whole])

    assert store.evidence("acme", memory_id(1), limit=99) == EvidencePage((whole, *later), None)


def test_a_memory_is_stored_with_its_first_evidence_or_not_at_all(store: MemoryStore) -> None:
    each, other = memory(1, text=FACT), memory(2, text=FACT)
    store.add(each, changes_for(each), guarded=True, evidence=evidence(1))

    # An attempt that is done again finds the row with its evidence; one that meets the guard leaves none.
    store.add(each, changes_for(each), guarded=True, evidence=evidence(1))
    with pytest.raises(GuardTakenError):
        store.add(other, changes_for(other), guarded=True, evidence=evidence(2, of=memory_id(2)))

    assert store.evidence("acme", memory_id(1), limit=9) == EvidencePage((evidence(1),), None)
    assert store.evidence("acme", memory_id(2), limit=9) == EvidencePage((), None)


def test_a_mark_is_the_same_for_the_same_words_of_one_tenant_and_tells_no_word(store: MemoryStore) -> None:
    mark = store.mark("acme", "clm_1", "i like tea")

    assert store.mark("acme", "clm_1", "i like tea") == mark
    others = {store.mark("rival", "clm_1", "i like tea"), store.mark("acme", "clm_1i", " like tea")}
    assert len({mark, *others}) == 3
    assert "tea" not in mark


def test_evidence_belongs_to_its_memory_and_tenant(store: MemoryStore) -> None:
    store.record_evidence("acme", [evidence(1), evidence(2, of=memory_id(2))])
    store.record_evidence("acme", [])

    assert [each.evidence_id for each in store.evidence("acme", memory_id(1), limit=9).evidence] == [evidence(1).evidence_id]
    assert store.evidence("rival", memory_id(1), limit=9) == EvidencePage((), None)


# Lists


def test_a_list_is_newest_first_and_pages_cover_it_once(store: MemoryStore) -> None:
    for number in range(8):
        # Two at each moment: the id decides between them.
        added(store, memory(number, created_at=NOW + timedelta(seconds=number // 2)))

    assert ids_on(store) == [
        [memory_id(7), memory_id(6), memory_id(5)],
        [memory_id(4), memory_id(3), memory_id(2)],
        [memory_id(1), memory_id(0)],
    ]


def test_a_list_is_whole_also_when_nothing_is_pending_any_more(store: MemoryStore) -> None:
    for number in range(5):
        store.settle(added(store, memory(number)))

    assert ids_on(store) == [[memory_id(4), memory_id(3), memory_id(2)], [memory_id(1), memory_id(0)]]


def test_a_list_that_fills_its_last_page_ends_there(store: MemoryStore) -> None:
    for number in range(6):
        added(store, memory(number))

    assert [len(page) for page in ids_on(store)] == [3, 3]


def test_an_empty_list_is_one_empty_page(store: MemoryStore) -> None:
    assert ids_on(store) == [[]]


def test_a_list_holds_the_live_memories_of_its_scope_alone(store: MemoryStore) -> None:
    alive, dying, other = memory(1), memory(2), memory(3, NEIGHBOUR)
    for each in (alive, dying, other, memory(4, RIVAL), memory(5, OTHER_PROJECT), memory(6, expires_at=NOW)):
        added(store, each)
    forgotten(store, dying)

    assert [each for page in ids_on(store) for each in page] == [memory_id(1)]


def test_a_list_over_several_projects_is_one_list(store: MemoryStore) -> None:
    both = user_scope("acme", None, Environment.LIVE, "u1", ("support", "sales"))
    for number, scope in enumerate((ACME, OTHER_PROJECT, ACME, both)):
        added(store, memory(number, scope))

    page = store.page(both, limit=10, before=None, now=NOW)

    assert [each.memory_id for each in page.memories] == [memory_id(number) for number in (3, 2, 1, 0)]


def test_a_page_ends_early_rather_than_pass_what_an_answer_may_hold(store: MemoryStore, fill: Fill) -> None:
    fill([memory(number, text=f"{number} ".ljust(MAX_TEXT_BYTES, "x")) for number in range(45)])

    pages = ids_on(store, limit=50)

    assert [len(page) for page in pages] == [40, 5]
    assert [each for page in pages for each in page] == [memory_id(number) for number in reversed(range(45))]


def test_a_walk_meets_every_row_once_and_nothing_else(store: MemoryStore) -> None:
    wanted = [added(store, memory(number)) for number in range(1, 5)]
    gone = forgotten(store, wanted[0])
    store.record_evidence(gone.tenant_id, [evidence(1, wanted[1].memory_id)])

    met, after = store.walk(None)
    while after:
        more, after = store.walk(after)
        met += more

    assert sorted(met) == sorted((each.tenant_id, each.memory_id) for each in wanted)
