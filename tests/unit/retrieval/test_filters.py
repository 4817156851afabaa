"""The filters of a question one by one."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from backend.index.model import IndexFilter
from backend.index.ranges import NumberRange
from backend.memories.documents import documents_of
from backend.retrieval.filters import POINTERS, set_filters, unfiltered
from tests.unit.memories.samples import memory

SOME: dict[str, Any] = {
    "sources": ("chat",),
    "tags": ("a", "b"),
    "tiers": ("hot",),
    "memory_types": ("fact",),
    "session_id": "s1",
    "created_since": 5,
    "created_until": 9,
    "include_summaries": False,
    "metadata": {"a/b": 1, "c~d": True},
    "ranges": {"e/f": NumberRange(1, 2)},
    "as_of": 7,
    "known_at": 8,
}


def test_every_filter_that_there_is_has_a_name_on_the_wire() -> None:
    assert set(POINTERS) == {each.name for each in fields(IndexFilter)} - {"now", "include_archived", "left_out"} == set(SOME)


def test_each_filter_stands_alone_and_is_left_out_alone() -> None:
    asked = IndexFilter(**SOME, now=3)

    found = set_filters(asked)

    assert [each.name for each in found] == [
        *("sources", "tags", "tier", "memory_type", "session_id", "since", "until", "include_summaries"),
        *("metadata", "metadata", "metadata", "as_of", "known_at"),
    ]
    assert found[0].alone == IndexFilter(sources=("chat",))
    assert found[0].without == IndexFilter(**SOME | {"sources": ()}, now=3)
    by_pointer = {each.pointer: each for each in found}
    assert by_pointer["/filters/metadata/a~1b"].alone == IndexFilter(metadata={"a/b": 1})
    assert by_pointer["/filters/metadata/a~1b"].without.metadata == {"c~d": True}
    assert by_pointer["/filters/metadata/e~1f"].alone == IndexFilter(ranges={"e/f": NumberRange(1, 2)})
    assert by_pointer["/filters/metadata/e~1f"].without.ranges == {}
    assert unfiltered(asked) == IndexFilter(now=3)
    assert unfiltered(IndexFilter(sources=("chat",), include_archived=True)) == IndexFilter(include_archived=True)
    assert set_filters(unfiltered(asked)) == []


@given(
    st.fixed_dictionaries(
        {}, optional={name: st.just(value) for name, value in SOME.items() if name not in {"as_of", "known_at"}}
    )
)
def test_what_passes_each_filter_alone_passes_all_of_them(asked: dict[str, Any]) -> None:
    row = memory(source="chat", tags=("b",), session_id="s2", metadata={"a/b": 1, "c~d": True, "e/f": 1.5})
    (document,) = documents_of(row)
    whole = IndexFilter(**asked)

    alone = [each.alone.admits(document) for each in set_filters(whole)]

    assert whole.admits(document) == all(alone)
