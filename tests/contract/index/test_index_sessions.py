"""What a hit tells besides its scores, what stands around it in its session, and who speaks: on every index."""

from __future__ import annotations

import pytest

from backend.index.model import Hit, IndexDocument, SearchResult, Tombstone
from backend.index.ports import MemoryIndex
from tests.contract.index.index_cases import ANA, BEN, EAST, NORTH, document, question, scope_of, tombstone


def turn(number: int, text: str = "tree", session: str | None = "s1", **changes: object) -> IndexDocument:
    """A turn of a session that points away from the question unless said otherwise."""
    facts = {"session_id": session, "occurred_at": 1000 + number, "vector": EAST, **changes}
    return document(f"m{number:02}", text, **facts)


def places(result: SearchResult) -> dict[str, int | None]:
    return {hit.memory_id: hit.place for hit in (*result.hits, *result.around)}


def distances(result: SearchResult, of: str) -> dict[str, int]:
    """How far from one memory each other one stands, of those that are near."""
    held = places(result)
    here = held[of]
    assert here is not None
    return {name: place - here for name, place in held.items() if place is not None and abs(place - here) <= 2}


def test_what_stands_around_a_hit_in_its_session_comes_back_with_both_scores(index: MemoryIndex) -> None:
    index.write("acme", [turn(n, "boat" if n == 5 else "tree") for n in (7, 3, 5, 1, 9, 4, 6, 2, 8)])

    result = index.search(ANA, question("boat", None, around=2))

    assert [hit.memory_id for hit in result.hits] == ["m05"]
    assert [hit.memory_id for hit in result.around] == ["m03", "m04", "m06", "m07"]
    assert distances(result, "m05") == {"m03": -2, "m04": -1, "m05": 0, "m06": 1, "m07": 2}
    toward = index.search(ANA, question("boat", EAST, limit=1, around=2))
    assert {hit.dense for hit in (*toward.hits, *toward.around)} == {1.0}


def test_nothing_around_is_brought_unless_it_is_asked_for(index: MemoryIndex) -> None:
    index.write("acme", [turn(n, "boat" if n == 2 else "tree") for n in range(4)])

    result = index.search(ANA, question("boat", None))

    assert (result.around, places(result)) == ((), {"m02": None})


def test_a_hit_that_stands_near_another_is_no_neighbour_besides(index: MemoryIndex) -> None:
    index.write("acme", [turn(n, "boat" if n in (2, 3) else "tree") for n in range(6)])

    result = index.search(ANA, question("boat", None, around=1))

    assert [hit.memory_id for hit in result.around] == ["m01", "m04"]
    assert distances(result, "m02") == {"m01": -1, "m02": 0, "m03": 1, "m04": 2}


def test_sessions_are_apart_and_so_is_what_is_in_none(index: MemoryIndex) -> None:
    changes = [turn(1, "boat", "a"), turn(2, "tree", "b"), turn(3, "boat", "b"), turn(4, "tree", "a"), turn(5, "boat", None)]
    index.write("acme", changes)

    result = index.search(ANA, question("boat", None, around=2))

    assert distances(result, "m01") == {"m01": 0, "m04": 1}
    assert distances(result, "m03") == {"m02": -1, "m03": 0}
    assert places(result)["m05"] is None


def test_the_same_session_id_of_two_scope_keys_is_two_sessions(index: MemoryIndex) -> None:
    both = scope_of(also_projects=(None,))
    changes = [turn(n, "boat" if n == 2 else "tree", scope_key=both.keys[n % 2]) for n in range(1, 5)]
    index.write("acme", changes)

    assert distances(index.search(both, question("boat", None, around=2)), "m02") == {"m02": 0, "m04": 1}


def test_turns_of_one_moment_stand_in_the_order_in_which_they_were_stored(index: MemoryIndex) -> None:
    index.write("acme", [turn(n, "boat" if n == 3 else "tree", occurred_at=50, created_at=90 - n) for n in range(1, 6)])
    assert distances(index.search(ANA, question("boat", None, around=1)), "m03") == {"m04": -1, "m03": 0, "m02": 1}

    index.write(
        "acme", [turn(n, row_version=2, occurred_at=50, created_at=7, text="boat" if n == 3 else "") for n in range(1, 6)]
    )
    assert distances(index.search(ANA, question("boat", None, around=1)), "m03") == {"m02": -1, "m03": 0, "m04": 1}


def test_what_the_filters_leave_out_stands_around_nothing(index: MemoryIndex) -> None:
    index.write("acme", [turn(n, "boat" if n == 3 else "tree", tags=() if n == 2 else ("a",)) for n in range(1, 6)])

    result = index.search(ANA, question("boat", None, around=1, tags=("a",)))

    assert distances(result, "m03") == {"m01": -1, "m03": 0, "m04": 1}


def test_pending_turns_stand_in_their_session(index: MemoryIndex) -> None:
    index.write("acme", [turn(1), turn(2), turn(4), turn(5)])
    pending: list[IndexDocument | Tombstone] = [turn(3, "boat"), tombstone("m04", 2)]

    result = index.search(ANA, question("boat", None, around=1), pending)

    assert distances(result, "m03") == {"m02": -1, "m03": 0, "m05": 1}
    assert [hit.from_overlay for hit in (*result.hits, *result.around)] == [True, False, False]


def test_a_hit_says_how_often_each_word_stands_in_it(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "boat boat tree house"), document("m2", "tree"), document("m3", "leaf")])

    result = index.search(ANA, question("tree boat tree absent", NORTH))

    held: dict[str, Hit] = {hit.memory_id: hit for hit in result.hits}
    assert {name: (hit.counts, hit.length) for name, hit in held.items()} == {
        "m1": ((1, 2, 0), 4),
        "m2": ((1, 0, 0), 1),
        "m3": ((0, 0, 0), 1),
    }
    said = result.words[ANA.home]
    assert said.average_length == pytest.approx(2)
    assert said.idf[0] < said.idf[1] < said.idf[2]


def test_word_statistics_come_even_when_nothing_is_found(index: MemoryIndex) -> None:
    result = index.search(ANA, question("boat", None))

    assert (result.hits, result.words[ANA.home].average_length) == ((), 1.0)
    assert len(result.words[ANA.home].idf) == 1


def test_a_hit_says_when_it_was_said_and_what_its_text_looks_like(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", created_at=70, occurred_at=30, traits=0x1FFF), document("m2", created_at=70, traits=5)])

    held = {hit.memory_id: (hit.said_at, hit.traits) for hit in index.search(ANA, question()).hits}

    assert held == {"m1": (30, 0x1FFF), "m2": (70, 5)}


def test_a_hit_of_the_speaker_who_is_named_says_so(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", speaker="Ana Lima"), document("m2", speaker="Ben"), document("m3")])
    pending: list[IndexDocument | Tombstone] = [document("m4", speaker="ana")]

    def named(name: str) -> set[str]:
        return {hit.memory_id for hit in index.search(ANA, question(speaker=name), pending).hits if hit.named}

    assert named("ana") == {"m1", "m4"}
    assert named("ana lima") == {"m1"}
    assert named("li") == set()


def test_the_speakers_of_a_scope_are_known_by_name(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", speaker="Ana Lima"), document("m2", speaker="Ben"), document("m3", speaker="user")])
    index.write("acme", [document("m4", speaker="Cleo", scope_key=BEN.home), document("m5", speaker="Dan", known_until=4000)])
    asked = ("ana", "lima", "ana lima", "ben", "user", "cleo", "dan", "eve")
    pending: list[IndexDocument | Tombstone] = [tombstone("m2"), document("m6", speaker="Eve")]

    assert index.speakers(ANA, asked) == {"ana", "lima", "ana lima", "ben"}
    assert index.speakers(ANA, asked, pending) == {"ana", "lima", "ana lima", "eve"}
    assert index.speakers(ANA, ()) == index.speakers(scope_of(tenant="rival"), asked) == frozenset()
