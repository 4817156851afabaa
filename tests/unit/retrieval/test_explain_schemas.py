"""What `POST /memory/explain` and `POST /memory/search/routed` take besides a query's fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from backend.kit.errors import UnknownFilterError, ValidationFailedError
from backend.retrieval.explain_schemas import EXPLAIN_EXAMPLE, MemoryExplain
from backend.retrieval.routed_schemas import ROUTED_EXAMPLE, RoutedQuery
from backend.retrieval.schemas import MAX_QUERY_BYTES, MemoryQuery
from tests.unit.memories.samples import NOW


def explain(**body: Any) -> MemoryExplain:
    return MemoryExplain.model_validate(json.loads(json.dumps({"query": "q", **body})))


def routed(**body: Any) -> RoutedQuery:
    return RoutedQuery.model_validate(json.loads(json.dumps({"query": "q", **body})))


def test_the_examples_are_taken() -> None:
    assert MemoryExplain.model_validate(EXPLAIN_EXAMPLE).memory_id
    assert RoutedQuery.model_validate(ROUTED_EXAMPLE).now


@pytest.mark.parametrize("body", [{}, {"memory_id": "m", "text": "t"}, {"memory_id": None, "text": None}])
def test_exactly_one_of_id_and_text_is_taken(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        explain(**body)

    assert [each.pointer for each in refused.value.faults] == ["/memory_id"]


@pytest.mark.parametrize("text", [" ", "x" * (MAX_QUERY_BYTES + 1), "\u00e9" * (MAX_QUERY_BYTES // 2 + 1), 5])
def test_a_text_that_says_nothing_or_too_much_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        explain(text=text)


def test_the_question_is_that_of_a_query_and_what_has_no_effect_is_said() -> None:
    body = {"k": 7, "filters": {"sources": ["a"]}, "as_of": "2026-01-01T00:00:00Z"}
    asked = explain(memory_id="m", full_text=True, **body)

    assert asked.question(NOW) == MemoryQuery.model_validate({"query": "q", **body}).question(NOW)
    assert asked.warnings() == ["'full_text' has no effect here: no text is shown."]
    with pytest.raises(UnknownFilterError):
        explain(memory_id="m", filters={"colour": 1})


def test_now_is_the_askers_and_by_default_the_services() -> None:
    assert routed().asked_at(NOW) == NOW
    asked = routed(now="2026-11-22T01:00:00+09:00").asked_at(NOW)
    assert (asked.day, asked.utcoffset()) == (22, timedelta(hours=9))
    naive = routed(now="2026-11-22T01:00:00")
    assert naive.asked_at(NOW) == datetime(2026, 11, 22, 1, tzinfo=UTC)
    assert naive.warnings() == ["'now' has no offset and was read as UTC."]
