"""A filter that names nothing is refused: read as no filter, it would show what the caller meant to leave out."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from backend.kit.clock import FakeClock
from backend.retrieval.schemas import MemoryQuery


@pytest.mark.parametrize("name", ["sources", "tags", "tier", "memory_type"])
def test_one_of_none_is_refused_at_its_place(name: str) -> None:
    with pytest.raises(ValidationError) as refused:
        MemoryQuery.model_validate({"query": "tea", "filters": {name: []}})

    [fault] = refused.value.errors()
    assert fault["loc"] == ("filters", name)
    assert fault["msg"] == "Value error, Must name at least one; leave the filter out to admit all."


def test_a_filter_that_is_left_out_asks_nothing() -> None:
    asked = MemoryQuery.model_validate({"query": "tea", "filters": {}}).question(FakeClock().now()).filter

    assert (asked.sources, asked.tags, asked.tiers, asked.memory_types) == ((), (), (), ())
