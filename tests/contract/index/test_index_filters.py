"""Every filter of a question, on every index."""

from __future__ import annotations

from math import inf
from typing import Any

import pytest

from backend.index.ports import MemoryIndex
from backend.index.ranges import NumberRange
from tests.contract.index.index_cases import ANA, document, found, ids, question

ALL = {"m1#1#0", "m2#1#0", "m3#1#0"}


def three(index: MemoryIndex, *facts: dict[str, Any]) -> None:
    index.write("acme", [document(f"m{number}", **each) for number, each in enumerate(facts, start=1)])


def numbered(*numbers: int) -> set[str]:
    return {f"m{number}#1#0" for number in numbers}


def test_nothing_asked_finds_everything(index: MemoryIndex) -> None:
    three(index, {}, {"tier": "cold", "is_summary": True}, {"expires_at": 5, "valid_until": 5})
    assert found(index) == ALL


def test_sources(index: MemoryIndex) -> None:
    three(index, {"source": "mail"}, {"source": "chat"}, {})
    assert found(index, sources=("mail",)) == numbered(1)
    assert found(index, sources=("mail", "chat")) == numbered(1, 2)
    assert found(index, sources=("fax",)) == set()


def test_what_is_left_out_is_not_found_and_moves_no_word_statistics(index: MemoryIndex) -> None:
    three(index, {}, {}, {})
    index.write("acme", [document("m1", revision=1, chunk=1)])
    pending = [document("m2", row_version=2), document("m4", tags=("new",))]

    assert found(index, left_out=frozenset({"m1", "no such"})) == numbered(2, 3)
    assert found(index, overlay=pending, left_out=frozenset({"m1", "m2"})) == numbered(3, 4)
    assert found(index, left_out=frozenset({"m1", "m2", "m3"})) == set()
    all_found, some = (index.search(ANA, question("boat", left_out=frozenset(each))) for each in ((), ("m1",)))
    assert some.words == all_found.words
    assert {hit.memory_id: hit.lexical for hit in some.hits}.items() <= {h.memory_id: h.lexical for h in all_found.hits}.items()


def test_one_of_several_tags_is_enough(index: MemoryIndex) -> None:
    three(index, {"tags": ("q4", "plan")}, {"tags": ("plan",)}, {})
    assert found(index, tags=("plan",)) == numbered(1, 2)
    assert found(index, tags=("q4", "other")) == numbered(1)


def test_tiers_and_types(index: MemoryIndex) -> None:
    three(index, {"tier": "warm"}, {"memory_type": "event"}, {})
    assert found(index, tiers=("warm", "cold")) == numbered(1)
    assert found(index, memory_types=("event",)) == numbered(2)
    assert found(index, tiers=("hot",), memory_types=("fact",)) == numbered(3)


def test_a_value_of_one_field_is_not_taken_for_that_of_another(index: MemoryIndex) -> None:
    three(index, {"source": "x"}, {"tags": ("x",)}, {"metadata": {"x": "x"}})
    assert found(index, sources=("x",)) == numbered(1)
    assert found(index, tags=("x",)) == numbered(2)
    assert found(index, metadata={"x": "x"}) == numbered(3)


def test_session(index: MemoryIndex) -> None:
    three(index, {"session_id": "s1"}, {"session_id": "s2"}, {})
    assert found(index, session_id="s1") == numbered(1)
    assert found(index, session_id="") == set()


def test_created_from_a_moment_on_and_before_another(index: MemoryIndex) -> None:
    three(index, {"created_at": 100}, {"created_at": 200}, {"created_at": 300})
    assert found(index, created_since=200) == numbered(2, 3)
    assert found(index, created_until=200) == numbered(1)
    assert found(index, created_since=200, created_until=300) == numbered(2)


def test_summaries_can_be_left_out(index: MemoryIndex) -> None:
    three(index, {"is_summary": True}, {}, {})
    assert found(index, include_summaries=False) == numbered(2, 3)


@pytest.mark.parametrize(
    ("held", "asked", "same"),
    [
        ("red", "red", True),
        ("red", "Red", False),
        ("1", 1, False),
        (1, 1, True),
        (1, 1.0, True),
        (1.0, 1, True),
        (1, True, False),
        (True, 1, False),
        (True, True, True),
        (False, 0, False),
        (0.5, 0.5, True),
        (2**53 + 1, float(2**53), False),
        (-0.0, 0, True),
        (None, None, True),
        (None, "None", False),
        ("", "", True),
        ("\ud800", "\ud800", True),
        ("a\x00b", "a", False),
    ],
)
def test_metadata_is_compared_as_json_does(index: MemoryIndex, held: Any, asked: Any, same: bool) -> None:
    three(index, {"metadata": {"key": held, "other": 7}})
    assert found(index, metadata={"key": asked}) == (numbered(1) if same else set())


def test_all_metadata_asked_for_must_be_there(index: MemoryIndex) -> None:
    three(index, {"metadata": {"a": 1, "b": "x"}}, {"metadata": {"a": 1}}, {})
    assert found(index, metadata={"a": 1}) == numbered(1, 2)
    assert found(index, metadata={"a": 1, "b": "x"}) == numbered(1)
    assert found(index, metadata={"a": None}) == set()
    assert found(index, metadata={"x": "b"}) == set()


def test_numbers_of_metadata_within_a_range(index: MemoryIndex) -> None:
    three(index, {"metadata": {"a": 1, "b": -2.5}}, {"metadata": {"a": 2.5, "b": 7}}, {"metadata": {"a": "2", "b": True}})
    assert found(index, ranges={"a": NumberRange(1, 2)}) == numbered(1)
    assert found(index, ranges={"a": NumberRange(1, 2.5)}) == numbered(1, 2)
    assert found(index, ranges={"a": NumberRange(-inf, inf), "b": NumberRange(-3, 0)}) == numbered(1)
    assert found(index, ranges={"b": NumberRange(0, inf)}) == numbered(2)
    assert found(index, ranges={"c": NumberRange(-inf, inf)}) == set()
    assert found(index, ranges={"a": NumberRange(2, 1)}) == set()


def test_what_has_expired_is_hidden_from_its_last_moment_on(index: MemoryIndex) -> None:
    three(index, {"expires_at": 100}, {"expires_at": 200}, {})
    assert found(index, now=99) == ALL
    assert found(index, now=100) == numbered(2, 3)
    assert found(index, now=500) == numbered(3)


def test_as_of_finds_what_was_valid_then(index: MemoryIndex) -> None:
    three(index, {"valid_from": 100, "valid_until": 200}, {"valid_from": 200}, {"valid_until": 200})
    assert found(index, as_of=99) == numbered(3)
    assert found(index, as_of=100) == numbered(1, 3)
    assert found(index, as_of=199) == numbered(1, 3)
    assert found(index, as_of=200) == numbered(2)


def test_what_has_ended_is_hidden_from_its_last_moment_on(index: MemoryIndex) -> None:
    three(index, {"valid_from": 50, "valid_until": 100}, {"valid_until": 200}, {"valid_from": 300})
    assert found(index, now=99) == ALL
    assert found(index, now=100) == numbered(2, 3)
    assert found(index, now=500) == numbered(3)


def test_whoever_asks_for_a_moment_finds_what_held_then_although_it_has_ended_since(index: MemoryIndex) -> None:
    three(index, {"valid_from": 50, "valid_until": 100}, {"valid_until": 200, "expires_at": 400}, {"valid_from": 150})
    assert found(index, as_of=60, now=300) == numbered(1, 2)
    assert found(index, as_of=150, now=300) == numbered(2, 3)
    assert found(index, as_of=60, now=400) == numbered(1)


def test_what_was_known_to_hold_is_hidden_once_it_has_ended(index: MemoryIndex) -> None:
    index.write(
        "acme",
        [
            document(revision=1, row_version=2, known_from=100, known_until=200),
            document(revision=2, row_version=2, known_from=200, valid_until=150),
            document("m2", row_version=1, known_from=100, valid_until=250),
        ],
    )
    assert found(index, now=300) == set()
    assert found(index, known_at=120, now=240) == {"m1#1#0", "m2#1#0"}
    assert found(index, known_at=120, now=300) == {"m1#1#0"}
    assert found(index, known_at=250, as_of=140, now=300) == {"m1#2#0", "m2#1#0"}


def test_default_searches_see_the_current_revision_only(index: MemoryIndex) -> None:
    index.write("acme", [document(revision=1, row_version=1, known_from=100)])
    index.write(
        "acme",
        [
            document(revision=1, row_version=2, known_from=100, known_until=200),
            document(revision=2, row_version=2, known_from=200),
        ],
    )
    assert found(index) == {"m1#2#0"}


def test_known_at_finds_the_revision_that_was_known_then(index: MemoryIndex) -> None:
    index.write(
        "acme",
        [
            document(revision=1, row_version=2, known_from=100, known_until=200),
            document(revision=2, row_version=2, known_from=200),
        ],
    )
    assert found(index, known_at=99) == set()
    assert found(index, known_at=100) == {"m1#1#0"}
    assert found(index, known_at=199) == {"m1#1#0"}
    assert found(index, known_at=200) == {"m1#2#0"}
    assert found(index, known_at=10**15) == {"m1#2#0"}


@pytest.mark.parametrize("asked", [{}, {"known_at": 2000}])
def test_only_active_documents_are_found_now_and_in_the_past(index: MemoryIndex, asked: dict[str, Any]) -> None:
    three(index, {"state": "soft_deleted"}, {"state": "archived"}, {})
    assert found(index, **asked) == numbered(3)


@pytest.mark.parametrize("asked", [{}, {"known_at": 2000}, {"sources": ("chat",), "now": 5}])
def test_archived_documents_are_found_on_demand_like_any_other(index: MemoryIndex, asked: dict[str, Any]) -> None:
    away: dict[str, Any] = {"state": "archived", "source": "chat"}
    three(index, away, {"state": "quarantined", "source": "chat"}, {"source": "chat"})
    index.write("acme", [document("m4", **{**away, "known_until": 500}), document("m5", expires_at=5, **away)])
    assert found(index, include_archived=True, **asked) == numbered(1, 3) | (set() if "now" in asked else numbered(5))
    assert found(index, include_archived=True, sources=("mail",)) == set()


def test_a_document_goes_into_the_archive_and_comes_back_whether_written_or_pending(index: MemoryIndex) -> None:
    away, back = document(state="archived", row_version=2), document(row_version=3)
    index.write("acme", [document(), document("m2")])
    assert found(index, overlay=[away]) == numbered(2)
    assert found(index, overlay=[away], include_archived=True) == numbered(1, 2)
    index.write("acme", [away])
    assert found(index) == numbered(2)
    assert found(index, include_archived=True) == numbered(1, 2)
    assert found(index, overlay=[back]) == numbered(1, 2)
    index.write("acme", [back])
    assert found(index) == found(index, include_archived=True) == numbered(1, 2)


def test_what_is_archived_is_found_by_its_words_and_moves_no_word_statistics(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "red boat"), document("m2", "blue boat")])
    before = index.search(ANA, question("boat"))
    index.write("acme", [document("m3", "boat boat harbour", state="archived", vector=None, model=None)])

    after = index.search(ANA, question("boat"))
    asked = index.search(ANA, question("boat harbour", towards=None, include_archived=True))

    assert (after.hits, after.words) == (before.hits, before.words)
    assert asked.words[ANA.home].average_length == before.words[ANA.home].average_length
    assert ids(asked)[0] == "m3"
    assert set(ids(asked)) == {"m1", "m2", "m3"}


def test_where_everything_is_archived_it_is_found_all_the_same(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "red boat", state="archived")])
    (hit,) = index.search(ANA, question("boat", include_archived=True)).hits
    assert hit.lexical > 0
    assert hit.dense == 1.0


def test_filters_work_together(index: MemoryIndex) -> None:
    facts = {"source": "mail", "tags": ("q4",), "session_id": "s", "valid_from": 50, "expires_at": 900, "metadata": {"n": 1}}
    three(index, facts, {**facts, "source": "chat"}, {**facts, "metadata": {"n": 2}})
    asked: dict[str, Any] = {
        "sources": ("mail",),
        "tags": ("q4",),
        "session_id": "s",
        "as_of": 60,
        "now": 100,
        "metadata": {"n": 1},
    }
    assert found(index, known_at=1000, **asked) == numbered(1)


def test_filters_act_inside_the_search(index: MemoryIndex) -> None:
    index.write("acme", [document(f"a{n:03}", source="many") for n in range(300)])
    index.write("acme", [document(f"z{n}", source="few", vector=None, model=None, text="boat") for n in range(5)])
    assert found(index, sources=("few",), text="boat", limit=5) == {f"z{n}#1#0" for n in range(5)}
