"""What every memory store promises of lists that ask for something, of evidence, and of what is owed or has expired."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from backend.memories.documents import changes_for
from backend.memories.listing import EVERYTHING, Listing
from backend.memories.lists import ROWS_A_PAGE_LOOKS_AT
from backend.memories.model import MAX_TEXT_BYTES, Memory, Revision, State
from backend.memories.ports import MemoryStore
from backend.tenancy.scope import Environment, user_scope
from tests.contract.memories.memory_world import World
from tests.contract.memories.store_cases import Fill, added, forgotten
from tests.unit.memories.samples import ACME, MODEL, NEIGHBOUR, NOW, OTHER_PROJECT, VECTOR, evidence, memory, memory_id

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
ALL = 1000


def listed(store: MemoryStore, listing: Listing, *, limit: int = 3, now: datetime = NOW) -> list[Memory]:
    """Return what all pages of a list show."""
    found: list[Memory] = []
    before: str | None = None
    while True:
        page = store.page(ACME, limit=limit, before=before, now=now, listing=listing)
        assert len(page.memories) <= limit
        found += page.memories
        before = page.next_position
        if before is None:
            return found


def numbers(found: list[Memory]) -> list[int]:
    return [int(each.memory_id.removeprefix("mem_")) for each in found]


def edited(store: MemoryStore, each: Memory, at: datetime, **fields: Any) -> Memory:
    after = each.edited(at, "ops", "edited", **fields)
    closes = Revision(each, at, "ops", "edited")
    store.replace(after, changes_for(after, [closes]), closes=closes)
    return after


# The newest


def test_the_newest_rows_come_newest_first_of_every_scope_key_and_of_nobody_else(store: MemoryStore) -> None:
    for number in range(1, 7):
        added(store, memory(number, scope=(ACME, OTHER_PROJECT)[number % 2], created_at=NOW + number * SECOND))
    added(store, memory(7, scope=NEIGHBOUR, created_at=NOW + DAY))
    forgotten(store, added(store, memory(8, created_at=NOW + DAY)))
    both = user_scope("acme", "support", Environment.LIVE, "u1", ("sales",))

    assert numbers(store.newest(both, 4)) == [6, 5, 4, 3]
    assert numbers(store.newest(ACME, 9)) == [6, 4, 2]
    assert store.newest(user_scope("acme", "support", Environment.LIVE, "u9"), 9) == []


# What a list asks for


@pytest.mark.parametrize(
    ("listing", "shown"),
    [
        (EVERYTHING, [6, 5, 4, 3, 2, 1]),
        (Listing(sources=("chat",)), [2, 1]),
        (Listing(sources=("chat", "mail")), [3, 2, 1]),
        (Listing(sources=("fax",)), []),
        (Listing(tags=("home",)), [3, 1]),
        (Listing(tags=("home", "work")), [3, 2, 1]),
        (Listing(memory_types=("event",)), [4]),
        (Listing(categories=("temporal", "emotional")), [5, 4]),
        (Listing(created_since=NOW + 4 * SECOND, include_ended=True), [6, 5, 4]),
        (Listing(created_until=NOW + 4 * SECOND), [3, 2, 1]),
        (Listing(created_since=NOW + 2 * SECOND, created_until=NOW + 4 * SECOND), [3, 2]),
        (Listing(sources=("chat",), tags=("work",)), [2]),
        (Listing(), [5, 4, 3, 2, 1]),
        (Listing(as_of=NOW - 2 * DAY), [6]),
        (Listing(as_of=NOW - DAY), []),
        (Listing(as_of=NOW - 2 * DAY, include_ended=True), [6]),
    ],
)
def test_a_list_shows_what_it_was_asked_for(store: MemoryStore, listing: Listing, shown: list[int]) -> None:
    kinds: dict[int, dict[str, Any]] = {
        1: {"source": "chat", "tags": ("home",)},
        2: {"source": "chat", "tags": ("work",)},
        3: {"source": "mail", "tags": ("home", "work")},
        4: {"memory_type": "event", "category": "temporal"},
        5: {"category": "emotional"},
        6: {"valid_from": NOW - 3 * DAY, "valid_until": NOW - DAY},
    }
    for number, fields in kinds.items():
        added(store, memory(number, created_at=NOW + number * SECOND, **fields))

    assert numbers(listed(store, listing)) == shown


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize("state", [State.DISPUTED, State.QUARANTINED])
def test_what_waits_for_a_decision_stands_in_its_own_list_alone(store: MemoryStore, state: State, settled: bool) -> None:
    for number in range(1, 6):
        each = memory(number, state=state if number % 2 else State.ACTIVE, rule="same_claim")
        added(store, each)
        if settled:
            store.settle(each)
    added(store, memory(9, NEIGHBOUR, state=state))
    added(store, memory(8, state=State.QUARANTINED if state is State.DISPUTED else State.DISPUTED))

    assert numbers(listed(store, Listing(state=state), limit=2)) == [5, 3, 1]
    assert numbers(listed(store, EVERYTHING)) == [4, 2]


def test_what_was_decided_on_leaves_its_list(store: MemoryStore) -> None:
    waiting = [memory(number, state=State.DISPUTED) for number in (1, 2, 3)]
    for each in waiting:
        added(store, each)
    edited(store, waiting[0], NOW + DAY, state=State.ACTIVE)
    forgotten(store, waiting[1])

    assert numbers(listed(store, Listing(state=State.DISPUTED))) == [3]
    assert numbers(listed(store, EVERYTHING)) == [1]


def test_nothing_of_what_waits_for_a_decision_is_pending_for_the_index(store: MemoryStore) -> None:
    added(store, memory(1, state=State.QUARANTINED))
    added(store, memory(2, state=State.DISPUTED))

    assert store.pending(ACME) == ([], False)
    assert store.overdue(NOW + DAY, ALL) == []


def test_what_waits_and_was_accepted_is_pending(store: MemoryStore) -> None:
    each = added(store, memory(1, state=State.QUARANTINED))
    accepted = edited(store, each, NOW + DAY, state=State.ACTIVE)

    assert store.pending(ACME) == ([*changes_for(accepted)], False)


# As it was known


def test_a_list_of_a_moment_shows_what_was_known_then_as_it_was(store: MemoryStore) -> None:
    first = added(store, memory(1, text="I live in Porto."))
    second = edited(store, first, NOW + DAY, text="I live in Lisbon.")
    third = edited(store, second, NOW + 2 * DAY, text="I live in Faro.")
    added(store, memory(2, created_at=NOW + DAY, known_from=NOW + DAY))

    def known_at(moment: datetime) -> list[Memory]:
        return [each for each in listed(store, Listing(known_at=moment), now=NOW + 9 * DAY) if each.memory_id == memory_id(1)]

    assert known_at(NOW - SECOND) == []
    assert known_at(NOW) == known_at(NOW + DAY - SECOND) == [first]
    assert known_at(NOW + DAY) == known_at(NOW + 2 * DAY - SECOND) == [second]
    assert known_at(NOW + 2 * DAY) == known_at(NOW + 8 * DAY) == [third]
    assert numbers(listed(store, Listing(known_at=NOW))) == [1]
    assert numbers(listed(store, Listing(known_at=NOW + DAY))) == [2, 1]


@pytest.mark.parametrize("how", ["forgotten", "expired", "in the inbox"])
def test_no_list_of_a_moment_brings_back_what_nobody_may_read_any_more(store: MemoryStore, how: str) -> None:
    first = added(store, memory(1, text="I live in Porto."))
    second = edited(store, first, NOW + DAY, text="I live in Lisbon.", expires_at=NOW + 2 * DAY if how == "expired" else None)
    if how == "forgotten":
        forgotten(store, second)
    elif how == "in the inbox":
        edited(store, second, NOW + 2 * DAY, state=State.DISPUTED)

    for moment in (NOW, NOW + DAY):
        assert listed(store, Listing(known_at=moment), now=NOW + 3 * DAY) == []


def test_a_list_filters_by_what_a_memory_was_then(store: MemoryStore) -> None:
    first = added(store, memory(1, source="chat"))
    edited(store, first, NOW + DAY, source="mail")

    assert listed(store, Listing(known_at=NOW, sources=("chat",))) == [first]
    assert listed(store, Listing(known_at=NOW, sources=("mail",))) == []
    assert listed(store, Listing(known_at=NOW + DAY, sources=("chat",))) == []


# Pages


def test_a_list_that_asks_for_little_of_much_finds_all_of_it(store: MemoryStore, fill: Fill) -> None:
    rare = (0, 17, 40)
    fill([memory(number, created_at=NOW + number * SECOND, tags=("rare",) * (number in rare)) for number in range(60)])

    assert numbers(listed(store, Listing(tags=("rare",)), limit=2)) == [40, 17, 0]


def test_a_list_whose_next_memory_no_longer_fits_goes_on_with_it(store: MemoryStore, fill: Fill) -> None:
    """40 fill an answer, what follows them is not shown, and what follows that no longer fits: it begins the next page."""
    large = "x" * MAX_TEXT_BYTES
    fill([memory(number, text=large, tags=("large",)) for number in range(45) if number not in range(1, 5)])
    fill([memory(number) for number in range(1, 5)])

    assert numbers(listed(store, Listing(tags=("large",)), limit=44)) == [*range(44, 4, -1), 0]


def test_a_list_looks_at_no_more_rows_than_one_answer_has_time_for(world: World) -> None:
    rows = [memory(number, tags=("rare",) if number == 0 else ()) for number in range(ROWS_A_PAGE_LOOKS_AT + 30)]
    items = [world.row_of(each) for each in rows]
    world.table.put_many(items)

    page = world.store.page(ACME, limit=200, before=None, now=NOW, listing=Listing(tags=("rare",)))

    assert page.memories == ()
    assert page.next_position is not None
    rest = world.store.page(ACME, limit=200, before=page.next_position, now=NOW, listing=Listing(tags=("rare",)))
    assert (numbers(list(rest.memories)), rest.next_position) == ([0], None)


# Evidence


def test_evidence_is_read_page_by_page_and_counted(store: MemoryStore) -> None:
    every = [evidence(number) for number in range(1, 8)]
    store.record_evidence("acme", [*every, evidence(9, of=memory_id(2))])

    pages, after = [], None
    while True:
        page = store.evidence("acme", memory_id(1), limit=3, after=after)
        pages.append([each.evidence_id for each in page.evidence])
        after = page.next_id
        if after is None:
            break

    assert [len(page) for page in pages] == [3, 3, 1]
    assert [each for page in pages for each in page] == [each.evidence_id for each in every]
    assert store.evidence("acme", memory_id(1), limit=7).next_id is None
    assert (store.evidence_count("acme", memory_id(1)), store.evidence_count("acme", memory_id(2))) == (7, 1)
    assert (store.evidence_count("rival", memory_id(1)), store.evidence_count("acme", memory_id(3))) == (0, 0)


def test_only_evidence_is_counted_as_such(store: MemoryStore) -> None:
    each = added(store, memory(1))
    edited(store, each, NOW + DAY, importance=0.25)
    store.record_evidence("acme", [evidence(1)])

    assert store.evidence_count("acme", memory_id(1)) == 1


def test_items_that_fill_several_pages_of_the_table_are_all_counted(world: World) -> None:
    large = [evidence(number, source="x" * 60_000) for number in range(40)]
    world.store.record_evidence("acme", large)

    assert world.store.evidence_count("acme", memory_id(1)) == 40
    assert len(world.store.evidence("acme", memory_id(1), limit=99).evidence) == 40


# What has expired


def test_what_has_expired_is_named_oldest_first(store: MemoryStore) -> None:
    for number in range(6):
        added(store, memory(number, expires_at=NOW + number * SECOND))
    added(store, memory(7))

    found = store.expired(NOW + 4 * SECOND, ALL)

    assert found == [("acme", memory_id(number)) for number in range(4)]
    assert store.expired(NOW + 4 * SECOND, 2) == found[:2]


def test_what_is_gone_or_lasts_longer_now_is_not_named_as_expired(store: MemoryStore) -> None:
    first, second, third = (added(store, memory(number, expires_at=NOW)) for number in (1, 2, 3))
    forgotten(store, first)
    longer = second.changed(NOW, expires_at=NOW + 9 * DAY)
    store.replace(longer, changes_for(longer))
    for_ever = third.changed(NOW, expires_at=None)
    store.replace(for_ever, changes_for(for_ever))

    assert store.expired(NOW + DAY, ALL) == []
    assert store.expired(NOW + 10 * DAY, ALL) == [("acme", memory_id(2))]


def test_what_waits_for_a_decision_expires_as_anything_does(store: MemoryStore) -> None:
    for number, state in enumerate((State.QUARANTINED, State.DISPUTED)):
        added(store, memory(number, expires_at=NOW + number * SECOND, state=state, vector=None, model=None))

    assert store.expired(NOW + DAY, ALL) == [("acme", memory_id(0)), ("acme", memory_id(1))]


def test_what_expires_while_its_vector_is_owed_is_named_once_it_has_it(store: MemoryStore) -> None:
    bare = added(store, memory(1, vector=None, model=None, expires_at=NOW))
    assert store.expired(NOW + DAY, ALL) == []

    whole = bare.with_vectors([VECTOR], MODEL, NOW)
    store.replace(whole, changes_for(whole))

    assert store.expired(NOW + DAY, ALL) == [("acme", memory_id(1))]


# What is owed


def test_what_is_owed_is_counted_in_its_scope_up_to_a_limit_with_the_first_moment(store: MemoryStore) -> None:
    both = user_scope("acme", "support", Environment.LIVE, "u1", ("sales",))
    for number in range(1, 5):
        at = NOW + number * SECOND
        added(store, memory(number, vector=None, model=None, updated_at=at))
    added(store, memory(5))
    added(store, memory(6, vector=None, model=None, state=State.QUARANTINED))
    added(store, memory(7, OTHER_PROJECT, vector=None, model=None))
    added(store, memory(8, NEIGHBOUR, vector=None, model=None))

    assert store.owed(ACME, ALL) == (4, NOW + SECOND)
    assert store.owed(both, ALL) == (5, NOW)
    assert store.owed(ACME, 3)[0] == 3


def test_a_vector_is_owed_until_the_index_shows_it(store: MemoryStore) -> None:
    bare = added(store, memory(1, vector=None, model=None))
    whole = bare.with_vectors([VECTOR], MODEL, NOW + SECOND)
    store.settle(bare)
    assert store.owed(ACME, ALL)[0] == 1

    store.replace(whole, changes_for(whole))
    store.settle(whole)

    assert store.owed(ACME, ALL) == (0, None)


def test_nothing_is_owed_for_what_is_forgotten_once_the_index_knows(store: MemoryStore) -> None:
    gone = forgotten(store, added(store, memory(1, vector=None, model=None)))
    store.settle(gone)

    assert store.owed(ACME, ALL) == (0, None)


def test_a_new_text_that_waits_for_its_vector_is_owed_again(store: MemoryStore) -> None:
    first = added(store, memory(1))
    after = edited(store, first, NOW + DAY, text="I live in Faro.", vector=None, model=None)

    store.settle(first)

    assert store.owed(ACME, ALL) == (1, NOW + DAY)
    store.settle(after)
    assert store.owed(ACME, ALL) == (1, NOW + DAY)


def test_a_projection_that_comes_late_leaves_a_newer_debt_alone(store: MemoryStore) -> None:
    bare = added(store, memory(1, vector=None, model=None))
    whole = bare.with_vectors([VECTOR], MODEL, NOW + SECOND)
    store.replace(whole, changes_for(whole))
    edited(store, store.get("acme", memory_id(1)) or whole, NOW + DAY, text="I live in Faro.", vector=None, model=None)

    store.settle(whole)

    assert store.owed(ACME, ALL) == (1, NOW + DAY)
