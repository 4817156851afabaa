"""What stands around hits: how often the engine is asked for it, and where a session that came in part has gaps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backend.index.model import Hit, IndexDocument
from backend.index.opensearch_engine import ATTEMPTS
from backend.index.opensearch_scores import Seen
from backend.index.opensearch_sessions import MOST_MEMBERS, Span, Stretch, best_first, fitting
from backend.index.ranges import NumberRange
from backend.kit.errors import IndexUnavailableError
from tests.contract.index.index_cases import ANA, document, question
from tests.unit.index.loopback_opensearch import World, described, nothing


def turn(**changes: Any) -> IndexDocument:
    return document(**{"session_id": "s", "occurred_at": 40, **changes})


def columns(request: Any) -> set[str]:
    return {column for body in request.lines[1::2] for column in body.get("docvalue_fields", ())}


def test_sessions_are_asked_for_once_and_only_when_they_are_wanted(world: World) -> None:
    world.index.search(ANA, question("boat"), [turn()])
    assert len(world.server.sent("/_msearch")) == 1
    world.index.search(ANA, question("boat", around=2), [turn(session_id=None)])
    assert len(world.server.sent("/_msearch")) == 2
    result = world.index.search(ANA, question("boat", around=2), [turn()])
    assert len(world.server.sent("/_msearch")) == 4
    assert [hit.place for hit in result.hits] == [0]


def test_who_is_named_is_told_by_the_questions_that_are_asked_anyway(world: World) -> None:
    world.index.search(ANA, question("boat", speaker="ana"), [turn(speaker="Ana")])
    assert len(world.server.sent("/_msearch")) == 1


def test_speakers_are_asked_for_at_once_and_not_at_all_without_a_name(world: World) -> None:
    assert world.index.speakers(ANA, (), [turn(speaker="Ana")]) == frozenset()
    assert world.server.requests == []
    assert world.index.speakers(ANA, ["ana", "ben"], [turn(speaker="Ana")]) == {"ana"}
    assert len(world.server.sent("/_msearch")) == 1


def test_sessions_that_cannot_be_had_are_an_error_and_no_shorter_answer(world: World) -> None:
    counted = nothing({"aggs": {"passing": {}, "scope0": {}}})
    world.server.tell("/_msearch", (200, {"responses": [counted, nothing({})]}), *[(503, {"error": {"type": "gone"}})] * ATTEMPTS)
    with pytest.raises(IndexUnavailableError):
        world.index.search(ANA, question("boat", around=1), [turn()])


def test_an_index_of_the_mapping_before_is_given_and_asked_only_what_it_has_columns_for(world: World) -> None:
    new = {"said_at", "session", "traits"}
    world.index.write("acme", [turn(), turn(memory_id="m2", session_id=None)])
    world.index.search(ANA, question("boat"), [turn()])
    [written], [asked] = world.server.sent("/_bulk"), world.server.sent("/_msearch")
    assert [new & line.keys() for line in written.lines[1::2]] == [new, {"said_at", "traits"}]
    assert new <= columns(asked)

    world.server.requests.clear()
    world.server.layout = {"one": described("memories-read", "memories-write", mapping_version=1)}
    world.clock.advance(seconds=30)
    world.index.write("acme", [turn()])
    result = world.index.search(ANA, question("boat", around=1), [turn()])
    [written], [asked] = world.server.sent("/_bulk"), world.server.sent("/_msearch")
    assert not new & written.lines[1].keys()
    assert not new & columns(asked)
    assert [hit.place for hit in result.hits] == [None]
    assert '"session"' not in json.dumps(asked.lines)


@pytest.mark.parametrize("version", [1, 2])
def test_an_index_of_a_mapping_before_is_asked_for_no_range_whose_facets_it_lacks(world: World, version: int) -> None:
    world.server.layout = {"one": described("memories-read", "memories-write", mapping_version=version)}

    with pytest.raises(IndexUnavailableError, match="migrate"):
        world.index.search(ANA, question("boat", ranges={"pages": NumberRange(1, 2)}))

    assert world.index.search(ANA, question("boat", metadata={"pages": 1})).hits == ()


# What there is room for.


def scored(name: str, dense: float | None, lexical: float) -> Seen:
    return Seen(hit(0)._replace(memory_id=name, dense=dense, lexical=lexical), "s")


def test_the_best_are_those_whose_scores_are_highest_together() -> None:
    found = [scored("a", 0.1, 9.0), scored("b", None, 10.0), scored("c", 0.9, 0.0), scored("d", 0.8, 5.0), scored("e", 0.1, 9.0)]
    assert [each.hit.memory_id for each in best_first(found)] == ["d", "b", "c", "a", "e"]
    assert [each.hit.memory_id for each in best_first([scored("b", None, 1.0), scored("a", None, 1.0)])] == ["a", "b"]


def chosen(standing: list[tuple[str, int]], **spans: Span) -> list[tuple[str, int]]:
    return [(session, each.said_at) for session, each in fitting([(name, hit(at)) for name, at in standing], spans, 5)]


def test_of_hits_far_apart_in_a_long_session_as_many_are_chosen_as_have_room() -> None:
    standing = [("s", 1000 * number) for number in range(100)]
    assert chosen(standing, s=Span(0, 10**6, 9000)) == standing[: MOST_MEMBERS // 11]


def test_hits_of_a_session_that_comes_whole_cost_no_more_than_it() -> None:
    small = [("small", number) for number in range(30)]
    long = [("long", 1000 * number) for number in range(100)]
    spans = {"small": Span(0, 30, 30), "long": Span(0, 10**6, 9000)}
    assert chosen([*small, *long], **spans) == [*small, *long[: (MOST_MEMBERS - 30) // 11]]


def test_a_session_of_one_moment_that_has_no_room_is_passed_over() -> None:
    spans = {"import": Span(7, 7, MOST_MEMBERS + 1), "small": Span(0, 30, 30)}
    assert chosen([("import", 7), ("small", 3), ("unknown", 3)], **spans) == [("small", 3)]


# A session that came back in part.


EVERY_TEN_MS = Span(0, 9999, 1000)


def hit(said_at: int) -> Hit:
    return Hit("acme", f"m{said_at}", 1, 0, 1, None, 0.0, "hot", 0, said_at=said_at)


def parts(stretch: Stretch, *times: int) -> list[object]:
    return [stretch.part_of(hit(time), is_found=False) for time in times]


def test_a_session_that_came_back_whole_has_no_gap() -> None:
    assert parts(Stretch([500, 10]), 0, 10, 200, 500, 10**15) == [0] * 5


def test_a_session_that_came_back_in_part_is_known_around_what_is_found() -> None:
    # Those came back that have fewer than five documents to the next hit.
    stretch = Stretch([1000, 1080, 2000], EVERY_TEN_MS, 5.0)
    assert parts(stretch, 951, 952, 1000, 1040, 1080, 1128, 1129, 1500, 1952, 2000) == [None, 0, 0, 0, 0, 0, None, None, 1, 1]


def test_between_two_hits_there_is_a_gap_when_the_middle_is_too_far_from_both() -> None:
    assert parts(Stretch([1000, 1096], EVERY_TEN_MS, 5.0), 1000, 1096) == [0, 0]
    assert parts(Stretch([1000, 1098], EVERY_TEN_MS, 5.0), 1000, 1098) == [0, 1]


def test_what_is_found_stands_alone_when_not_even_its_own_moment_came_back_whole() -> None:
    stretch = Stretch([1000], Span(1000, 1000, 9), 9.0)
    first, second = hit(1000), hit(1000)._replace(memory_id="other")
    held = {stretch.part_of(each, is_found=True) for each in (first, second)}
    assert len(held) == 2
    assert stretch.part_of(first, is_found=False) is None


def test_what_is_pending_at_either_end_of_a_session_stands_there_however_long_after() -> None:
    later = Stretch([90_000], EVERY_TEN_MS, 5.0)
    assert later.moments == [9999]
    assert parts(later, 9900, 9980, 9999, 80_000, 10**6) == [None, 0, 0, 0, 0]
    assert parts(Stretch([40], EVERY_TEN_MS, 5.0), -(10**6), 80, 10**6) == [0, 0, None]
