"""What `POST /memory/query` takes, and how it refuses the rest."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from math import inf, nextafter
from typing import Any

import pytest
from pydantic import ValidationError

from backend.index.model import IndexFilter
from backend.index.ranges import NumberRange
from backend.kit.clock import epoch_ms
from backend.kit.errors import UnknownFilterError, ValidationFailedError
from backend.kit.faults import pointer_to
from backend.retrieval.model import DEFAULT_K, LARGEST_K, Weights
from backend.retrieval.schemas import EMPTY_RANGE, MAX_QUERY_BYTES, MOST_VALUES, QUERY_EXAMPLE, MemoryQuery
from tests.unit.memories.samples import NOW

DAY = timedelta(days=1)


def read(**body: Any) -> MemoryQuery:
    """Read a body as it comes over the wire."""
    return MemoryQuery.model_validate(json.loads(json.dumps(body)))


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "no query": ({"query": None}, "/query"),
    "query is a number": ({"query": 5}, "/query"),
    "query is empty": ({"query": ""}, "/query"),
    "query is blank": ({"query": " \n"}, "/query"),
    "query is too long": ({"query": "é" * (MAX_QUERY_BYTES // 2) + "x"}, "/query"),
    "query with NUL": ({"query": "\0"}, "/query"),
    "query with half of a surrogate pair": ({"query": "\ud800"}, "/query"),
    "k of 0": ({"k": 0}, "/k"),
    "k of -1": ({"k": -1}, "/k"),
    "k of 201": ({"k": LARGEST_K + 1}, "/k"),
    "k as text": ({"k": "5"}, "/k"),
    "k as a fraction": ({"k": 5.5}, "/k"),
    "k as true": ({"k": True}, "/k"),
    "session is empty": ({"session_id": ""}, "/session_id"),
    "as_of without a time": ({"as_of": "2026-01-01"}, "/as_of"),
    "known_at before the calendar": ({"known_at": "0001-01-01T00:00:00+01:00"}, "/known_at"),
    "full text as text": ({"full_text": "yes"}, "/full_text"),
    "explain as text": ({"explain": "yes"}, "/explain"),
    "weights is a list": ({"weights": [1]}, "/weights"),
    "a weight as text": ({"weights": {"recency": "0.5"}}, "/weights/recency"),
    "a weight that is true": ({"weights": {"recency": True}}, "/weights/recency"),
    "a weight below 0": ({"weights": {"usage": -0.1}}, "/weights/usage"),
    "a weight above 1": ({"weights": {"usage": 1.1}}, "/weights/usage"),
    "a weight without end": ({"weights": {"usage": float("inf")}}, "/weights/usage"),
    "a weight that is no number": ({"weights": {"usage": float("nan")}}, "/weights/usage"),
    "a weight of 400 digits": ({"weights": {"usage": 10**400}}, "/weights/usage"),
    "a weight that is null": ({"weights": {"usage": None}}, "/weights/usage"),
    "a weight of what there is not": ({"weights": {"graph": 0.1}}, "/weights/graph"),
    "filters is a list": ({"filters": []}, "/filters"),
    "filters is null": ({"filters": None}, "/filters"),
    "sources is text": ({"filters": {"sources": "chat"}}, "/filters/sources"),
    "a source is a number": ({"filters": {"sources": ["chat", 1]}}, "/filters/sources/1"),
    "too many tags": ({"filters": {"tags": ["x"] * (MOST_VALUES + 1)}}, "/filters/tags"),
    "a tier that does not exist": ({"filters": {"tier": ["hot", "icy"]}}, "/filters/tier/1"),
    "a type that is a number": ({"filters": {"memory_type": 5}}, "/filters/memory_type"),
    "an empty type": ({"filters": {"memory_type": ["fact", ""]}}, "/filters/memory_type/1"),
    "since as a number": ({"filters": {"since": 1}}, "/filters/since"),
    "include_summaries as text": ({"filters": {"include_summaries": "no"}}, "/filters/include_summaries"),
    "metadata is a list": ({"filters": {"metadata": []}}, "/filters/metadata"),
    "a metadata value that is a list": ({"filters": {"metadata": {"a": [1]}}}, "/filters/metadata/a"),
    "a metadata value that is null": ({"filters": {"metadata": {"a": None}}}, "/filters/metadata/a"),
    "a metadata value that is no number": ({"filters": {"metadata": {"a": float("nan")}}}, "/filters/metadata/a"),
    "a metadata value without end": ({"filters": {"metadata": {"a": float("inf")}}}, "/filters/metadata/a"),
    "a metadata value of 400 digits": ({"filters": {"metadata": {"a": 10**400}}}, "/filters/metadata/a"),
    "a range of nothing": ({"filters": {"metadata": {"a": {}}}}, "/filters/metadata/a"),
    "a range by another name": ({"filters": {"metadata": {"a": {"gte": 1, "below": 2}}}}, "/filters/metadata/a"),
    "a range of text": ({"filters": {"metadata": {"a": {"gte": "2026-01-01"}}}}, "/filters/metadata/a"),
    "a range of true": ({"filters": {"metadata": {"a": {"gte": True}}}}, "/filters/metadata/a"),
    "a range without end": ({"filters": {"metadata": {"a": {"lt": float("inf")}}}}, "/filters/metadata/a"),
    "a metadata value with NUL": ({"filters": {"metadata": {"a": "\0"}}}, "/filters/metadata/a"),
    "a metadata name with half of a pair": ({"filters": {"metadata": {"\ud800": 1}}}, "/filters/metadata"),
    "too many metadata fields": ({"filters": {"metadata": {str(n): n for n in range(MOST_VALUES + 1)}}}, "/filters/metadata"),
}


@pytest.mark.parametrize(("change", "pointer"), INVALID.values(), ids=INVALID)
def test_a_value_that_is_not_allowed_is_named(change: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ValidationError) as refused:
        read(**{"query": "who?", **change})

    assert {pointer_to(("body", *fault["loc"])) for fault in refused.value.errors()} == {pointer}


@pytest.mark.parametrize(
    ("name", "pointer"), [("color", "/filters/color"), ("source", "/filters/source"), ("a/b~c", "/filters/a~1b~0c")]
)
def test_a_filter_that_does_not_exist_is_refused_and_never_dropped(name: str, pointer: str) -> None:
    with pytest.raises(UnknownFilterError) as refused:
        read(query="who?", filters={name: "x", "tags": ["a"]})

    (fault,) = refused.value.faults
    assert fault.pointer == pointer
    assert "sources" in fault.detail


@pytest.mark.parametrize(("name", "pointer"), [("color", "/weights/color"), ("a/b~c", "/weights/a~1b~0c")])
def test_a_weight_that_does_not_exist_is_refused_and_never_dropped(name: str, pointer: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        read(query="who?", weights={name: 1, "recency": 1})

    (fault,) = refused.value.faults
    assert fault.pointer == pointer
    assert "recency" in fault.detail


def test_weights_that_are_all_0_are_refused() -> None:
    with pytest.raises(ValidationFailedError) as refused:
        read(query="who?", weights=dict.fromkeys(["semantic", "cluster", "recency", "importance", "usage"], 0))

    assert [fault.pointer for fault in refused.value.faults] == ["/weights"]


@pytest.mark.parametrize(
    ("sent", "weights"),
    [
        (None, Weights()),
        ({}, Weights()),
        ({"recency": 1, "graph": 0}, Weights(recency=1.0)),
        ({"semantic": 0.0, "cluster": 0, "decay": 0.3, "quality": 0.2}, Weights(semantic=0, cluster=0, decay=0.3, quality=0.2)),
    ],
)
def test_a_weight_that_is_not_named_keeps_its_default(sent: dict[str, float] | None, weights: Weights) -> None:
    assert read(query="who?", weights=sent).question(NOW).weights == weights


def test_the_defaults_are_those_that_are_documented() -> None:
    assert asdict(Weights()) == {
        "semantic": 0.40,
        "cluster": 0.20,
        "recency": 0.15,
        "importance": 0.15,
        "usage": 0.10,
        "decay": 0.0,
        "quality": 0.0,
    }


def test_two_different_sessions_are_refused_and_neither_is_dropped() -> None:
    with pytest.raises(ValidationFailedError) as refused:
        read(query="who?", session_id="s1", filters={"session_id": "s2"})

    assert refused.value.faults[0].pointer == "/filters/session_id"


def test_every_filter_reaches_the_index() -> None:
    body = read(
        query="who?",
        k=7,
        session_id="s1",
        as_of="2026-01-05T11:00:00+02:00",
        known_at="2026-01-04T09:00:00Z",
        filters={
            "sources": ["chat"],
            "tags": ["a", "b"],
            "since": "2026-01-05T09:00:00Z",
            "until": "2026-01-06T09:00:00Z",
            "tier": ["hot", "cold"],
            "memory_type": ["fact", "event"],
            "session_id": "s1",
            "include_summaries": False,
            "metadata": {"text": "x", "whole": 1, "part": 1.5, "yes": True, "pages": {"gt": 1, "lte": 3}, "size": {"lt": 0}},
        },
    )

    question = body.question(NOW)

    assert (question.text, question.k) == ("who?", 7)
    assert question.filter == IndexFilter(
        sources=("chat",),
        tags=("a", "b"),
        tiers=("hot", "cold"),
        memory_types=("fact", "event"),
        session_id="s1",
        created_since=epoch_ms(NOW),
        created_until=epoch_ms(NOW + DAY),
        include_summaries=False,
        metadata={"text": "x", "whole": 1, "part": 1.5, "yes": True},
        ranges={"pages": NumberRange(nextafter(1, inf), 3), "size": NumberRange(-inf, nextafter(0, -inf))},
        as_of=epoch_ms(NOW),
        known_at=epoch_ms(NOW - DAY),
        now=epoch_ms(NOW),
    )
    assert question.filter.metadata["yes"] is True


def test_a_plain_question_filters_nothing_but_what_has_expired() -> None:
    question = read(query="who?").question(NOW)

    assert (question.k, question.filter) == (DEFAULT_K, IndexFilter(now=epoch_ms(NOW)))


@pytest.mark.parametrize("where", [{"session_id": "s1"}, {"filters": {"session_id": "s1"}}])
def test_a_session_is_asked_for_in_either_place(where: dict[str, Any]) -> None:
    assert read(query="who?", **where).question(NOW).filter.session_id == "s1"


@pytest.mark.parametrize(("asked", "types"), [("fact", ("fact",)), (["fact", "event"], ("fact", "event")), (None, ())])
def test_one_type_or_several_may_be_asked_for(asked: Any, types: tuple[str, ...]) -> None:
    assert read(query="who?", filters={"memory_type": asked}).question(NOW).filter.memory_types == types


def test_unknown_fields_and_moments_without_an_offset_are_pointed_out() -> None:
    naive = "2026-01-05T09:00:00"
    body = read(query="who?", color="red", as_of=naive, filters={"since": naive, "until": f"{naive}Z"})

    assert body.warnings() == [
        "Unknown field 'color' was not used.",
        "'as_of' has no offset and was read as UTC.",
        "'filters.since' has no offset and was read as UTC.",
    ]
    assert body.question(NOW).filter.created_since == body.question(NOW).filter.as_of == epoch_ms(NOW)


@pytest.mark.parametrize("k", [1, 5, LARGEST_K])
def test_k_is_taken_within_its_limits(k: int) -> None:
    assert read(query="who?", k=k).question(NOW).k == k


def test_the_documented_example_is_valid() -> None:
    assert read(**QUERY_EXAMPLE).warnings() == []


def test_of_two_bounds_at_one_end_the_tighter_holds_and_a_range_without_numbers_is_told() -> None:
    asked = read(query="who?", filters={"metadata": {"a": {"gt": 1, "gte": 2, "lt": 9, "lte": 3}}})
    empty = read(query="who?", filters={"metadata": {"a": {"gt": 1, "lt": 1}}})

    assert (asked.question(NOW).filter.ranges, asked.warnings()) == ({"a": NumberRange(2, 3)}, [])
    assert empty.warnings() == [EMPTY_RANGE]
    assert not any(empty.question(NOW).filter.ranges["a"].holds(value) for value in (0, 1, 2))


def test_a_tier_of_computation_is_taken_and_said_to_have_no_effect() -> None:
    plain, named = (
        MemoryQuery.model_validate({"query": "q"}),
        MemoryQuery.model_validate({"query": "q", "computation_tier": "low"}),
    )

    assert named.question(NOW) == plain.question(NOW)
    assert (plain.warnings(), named.warnings()) == (
        [],
        ["'computation_tier' has no effect: every question is answered by the same search, with the same care."],
    )
    with pytest.raises(ValidationError):
        MemoryQuery.model_validate({"query": "q", "computation_tier": 3})
