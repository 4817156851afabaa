"""What an answer leads to: by its row and by its session, in at most two steps, and never to what nobody may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from backend.index.model import Hit, IndexFilter, SearchResult
from backend.kit.clock import epoch_ms
from backend.kit.observability import recording
from backend.memories.archiving import put_aside
from backend.memories.documents import changes_for
from backend.memories.model import REDACTED, Memory, State
from backend.retrieval.model import DEEPEST_TRAVERSAL, Found, Question, Related, Relation
from backend.retrieval.related import MOST_OF_ALL, MOST_OF_ONE, MOST_READ, Sessions
from backend.tenancy.scope import Scope
from tests.unit.memories.samples import ACME, NEIGHBOUR, OTHER_PROJECT, RIVAL, memory, memory_id
from tests.unit.retrieval.retrieval_world import World


def laid_in(world: World, *rows: Memory, shown: bool = True) -> list[Memory]:
    """Store rows as they stand."""
    for row in rows:
        world.store.add(row, changes_for(row), guarded=False)
    if shown:
        world.project(*rows)
    return list(rows)


def ask(world: World, text: str, depth: int = 1, k: int = 1, scope: Scope = ACME, **filters: Any) -> Found:
    asked = IndexFilter(now=epoch_ms(world.clock.now()), **filters)
    return world.retrieval.query(scope, Question(text, k, asked, traversal_depth=depth))


def led_to(world: World, text: str, depth: int = 1, **asked: Any) -> list[tuple[str, str, int, str]]:
    """Return what the first answer leads to: relation, text, depth and the text of what led there."""
    (first, *_) = ask(world, text, depth, **asked).answers
    said = {each.memory.memory_id: each.memory.text for each in first.related} | {first.memory.memory_id: first.memory.text}
    return [(each.relation.value, each.memory.text, each.depth, said[each.via]) for each in first.related]


def test_nothing_is_looked_for_unless_it_is_asked_for(world: World) -> None:
    laid_in(world, memory(1, text="the boat is red", supersedes=(memory_id(2),)), memory(2, text="it was blue"))
    world.store.reads = ()

    assert led_to(world, "a red boat", 0) == []
    assert len(world.store.reads) == 1


@pytest.mark.parametrize("shown", [True, False])
def test_an_answer_leads_to_what_its_row_names(world: World, shown: bool) -> None:
    laid_in(
        world,
        memory(1, text="the boat is red", superseded_by=memory_id(2), supersedes=(memory_id(3),), disputes=(memory_id(4),)),
        memory(2, text="it is green"),
        memory(3, text="it was blue"),
        memory(4, text="it is white"),
        memory(5, text="two harbours and a lighthouse", is_summary=True, derived_from=(memory_id(1), memory_id(3))),
        shown=shown,
    )

    assert led_to(world, "a red boat") == [
        ("superseded_by", "it is green", 1, "the boat is red"),
        ("supersedes", "it was blue", 1, "the boat is red"),
        ("disputes", "it is white", 1, "the boat is red"),
    ]
    assert led_to(world, "harbours and a lighthouse", 2) == [
        ("derived_from", "the boat is red", 1, "two harbours and a lighthouse"),
        ("derived_from", "it was blue", 1, "two harbours and a lighthouse"),
        ("superseded_by", "it is green", 2, "the boat is red"),
        ("disputes", "it is white", 2, "the boat is red"),
    ]


@pytest.mark.parametrize("shown", [True, False])
def test_an_answer_leads_to_what_was_said_around_it_in_its_session(world: World, shown: bool) -> None:
    texts = ["one apple", "two pears", "a red boat", "three plums", "four figs"]
    world.remember(*texts, shown=shown, session_id="s1")
    world.remember("between them", shown=shown, session_id="s2")

    assert led_to(world, "a red boat") == [
        ("previous_in_session", "two pears", 1, "a red boat"),
        ("next_in_session", "three plums", 1, "a red boat"),
    ]
    assert led_to(world, "a red boat", 2)[2:] == [
        ("previous_in_session", "one apple", 2, "two pears"),
        ("next_in_session", "four figs", 2, "three plums"),
    ]
    assert led_to(world, "one apple") == [("next_in_session", "two pears", 1, "one apple")]
    assert led_to(world, "between them") == []


def test_the_pieces_of_a_long_text_are_not_its_neighbours(world: World) -> None:
    long = memory(
        2, text="the boat is red. the boat is old.", chunks=((0, 16), (17, 33)), session_id="s", vector=None, model=None
    )
    laid_in(world, memory(1, text="before it", session_id="s"), long, memory(3, text="behind it", session_id="s"))

    assert [each[:2] for each in led_to(world, "the red old boat")] == [
        ("previous_in_session", "before it"),
        ("next_in_session", "behind it"),
    ]


def test_what_lies_behind_an_empty_place_is_not_next_to_anything() -> None:
    def at(number: int, place: int | None) -> Hit:
        return Hit(ACME.home, memory_id(number), 1, 0, 1, 0.5, 1.0, "hot", 0, place=place)

    sessions = Sessions(SearchResult((at(1, 3), at(2, 5), at(3, 6), at(3, 7)), 9, (at(4, 8), at(5, None))))

    assert {number: list(sessions.beside(memory_id(number))) for number in range(1, 6)} == {
        1: [],
        2: [(Relation.NEXT, memory_id(3))],
        3: [(Relation.PREVIOUS, memory_id(2)), (Relation.NEXT, memory_id(4))],
        4: [(Relation.PREVIOUS, memory_id(3))],
        5: [],
    }


@pytest.mark.parametrize("owner", [NEIGHBOUR, OTHER_PROJECT, RIVAL])
def test_what_is_anothers_is_led_to_by_nothing(world: World, owner: Scope) -> None:
    laid_in(world, memory(1, text="the boat is red", derived_from=(memory_id(2),)), memory(2, owner, text="a secret"))
    laid_in(world, replace(memory(3, text="the boat is red too"), derived_from=(memory_id(4711),)))

    assert led_to(world, "a red boat", 2, k=2) == []


GONE: dict[str, dict[str, Any]] = {
    "forgotten": {"state": State.FORGOTTEN},
    "disputed": {"state": State.DISPUTED},
    "quarantined": {"state": State.QUARANTINED},
    "archived": {"state": State.ARCHIVED},
}


@pytest.mark.parametrize("name", [*GONE, "expired"])
def test_what_is_not_to_be_seen_is_not_seen_here_either(world: World, name: str) -> None:
    changes = GONE.get(name, {"expires_at": world.clock.now()})
    laid_in(world, memory(1, text="the boat is red", derived_from=(memory_id(2), memory_id(3))))
    laid_in(world, memory(2, text="a secret", **changes), memory(3, text="plain"))

    assert [each[1] for each in led_to(world, "a red boat", 2)] == ["plain"]


def test_what_is_archived_is_led_to_on_demand(world: World) -> None:
    laid_in(world, memory(1, text="the boat is red", supersedes=(memory_id(2),)), memory(2, text="it was blue"))
    step = put_aside(memory(2, text="it was blue"), None, None, world.clock.now())
    world.store.replace(step.memory, step.changes, closes=step.closes)

    assert led_to(world, "a red boat") == []
    assert [each[1] for each in led_to(world, "a red boat", include_archived=True)] == ["it was blue"]


def test_what_has_ended_is_led_to_and_what_the_filters_leave_out_is_not(world: World) -> None:
    now = world.clock.now()
    old: dict[str, Any] = {"valid_until": now, "superseded_by": memory_id(1)}
    laid_in(
        world,
        memory(1, text="the boat is red", tags=("public",), supersedes=(memory_id(2), memory_id(3))),
        memory(2, text="it was blue", tags=("public",), **old),
        memory(3, text="it was grey", tags=("private",), **old),
    )

    assert [each[1] for each in led_to(world, "a red boat")] == ["it was blue", "it was grey"]
    assert [each[1] for each in led_to(world, "a red boat", tags=("public",))] == ["it was blue"]
    assert [each[1] for each in led_to(world, "a red boat", as_of=epoch_ms(now))] == ["it was blue", "it was grey"]


def test_what_was_not_known_then_is_not_led_to(world: World) -> None:
    laid_in(world, memory(1, text="the boat is red", superseded_by=memory_id(2)))
    at = epoch_ms(world.clock.now())
    world.clock.advance(seconds=1)
    later = world.clock.now()
    laid_in(world, memory(2, text="it is green", created_at=later, updated_at=later, known_from=later))

    assert [each[1] for each in led_to(world, "a red boat")] == ["it is green"]
    assert led_to(world, "a red boat", known_at=at) == []


def test_what_cannot_be_decrypted_is_counted_where_it_is_led_to(world: World) -> None:
    lost = memory(2, text=REDACTED, unreadable=b"sealed")
    world.store.add(lost, (), guarded=False)
    laid_in(world, memory(1, text="the boat is red", derived_from=(lost.memory_id,)))

    with recording("request", "r1") as line:
        assert led_to(world, "a red boat") == [("derived_from", REDACTED, 1, "the boat is red")]

    assert line.counts["decryption_failed"] == 1


def test_a_ring_of_links_ends(world: World) -> None:
    laid_in(
        world,
        memory(1, text="the boat is red", supersedes=(memory_id(2),), derived_from=(memory_id(2), memory_id(1))),
        memory(2, text="it was blue", superseded_by=memory_id(1), supersedes=(memory_id(1),)),
    )

    assert led_to(world, "a red boat", DEEPEST_TRAVERSAL) == [("supersedes", "it was blue", 1, "the boat is red")]


def related_of(found: Found) -> list[Sequence[Related]]:
    return [each.related for each in found.answers]


def test_no_answer_holds_more_than_so_many_those_of_the_best_first(world: World) -> None:
    sources = [memory(number, text=f"source {number}") for number in range(100, 120)]
    boats = [memory(n, text=f"red boat {n}", derived_from=tuple(each.memory_id for each in sources)) for n in range(1, 9)]
    laid_in(world, *sources, *boats)
    world.store.reads = ()

    counts = [len(each) for each in related_of(ask(world, "red boat", 2, k=8))]

    assert counts == [MOST_OF_ONE] * (MOST_OF_ALL // MOST_OF_ONE) + [0] * (8 - MOST_OF_ALL // MOST_OF_ONE)
    assert len(world.store.reads) <= 1 + DEEPEST_TRAVERSAL


@pytest.mark.parametrize(("depth", "trips", "count"), [(0, 1, 0), (1, 2, 20), (2, 3, MOST_OF_ALL)])
def test_each_step_is_one_read_of_a_hundred_rows_at_most(world: World, depth: int, trips: int, count: int) -> None:
    def named(start: int, count: int) -> tuple[str, ...]:
        return tuple(memory_id(number) for number in range(start, start + count))

    plums = [memory(number, text=f"plum {number}", derived_from=named(number * 10, 9)) for number in range(1000, 1020)]
    pears = [memory(each * 10 + n, text=f"pear {each} {n}") for each in range(1000, 1020) for n in range(9)]
    boats = [memory(n, text=f"red boat {n}", derived_from=named(1000 + 2 * (n - 1), 2)) for n in range(1, 11)]
    laid_in(world, *plums, *boats)
    laid_in(world, *pears, shown=False)
    world.store.reads = ()

    found = ask(world, "red boat", depth, k=10)

    assert len(world.store.reads) == trips
    assert max(world.store.reads) <= MOST_READ
    assert sum(map(len, related_of(found))) == count
