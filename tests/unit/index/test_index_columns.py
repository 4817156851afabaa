"""Hits as columns, columns of numbers, and documents by keys: the same as the plain thing, in less memory."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.index.columns import Hits
from backend.index.embedded_columns import Groups, Growing, Postings, kept_bytes, narrowed
from backend.index.model import Hit

hits = st.builds(
    Hit,
    scope_key=st.sampled_from(("k1", "k2")),
    memory_id=st.text(alphabet="mé1", min_size=1, max_size=4),
    revision=st.integers(1, 3),
    chunk=st.integers(0, 2),
    row_version=st.integers(1, 2**40),
    dense=st.none() | st.floats(-1, 1),
    lexical=st.floats(0, 50),
    tier=st.sampled_from(("hot", "cold")),
    created_at=st.integers(-(2**50), 2**50),
    from_overlay=st.booleans(),
    said_at=st.integers(-(2**50), 2**50),
    length=st.integers(0, 300),
    traits=st.integers(0, 511),
    named=st.booleans(),
    counts=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    place=st.none() | st.integers(0, 99),
)


@given(st.lists(hits, max_size=150), st.lists(hits, max_size=3))
def test_hits_as_columns_are_the_same_hits(some: list[Hit], more: list[Hit]) -> None:
    columns = Hits.of(some)

    assert (list(columns), len(columns)) == (some, len(some))
    assert columns == Hits.of(list(some))
    assert [columns[number] for number in range(len(some))] == some
    assert columns[1:-1] == tuple(some[1:-1])
    assert columns.chosen([0] * len(some)) == some[:1] * len(some)
    assert list(Hits.joined(some, more)) == [*some, *more]
    assert list(Hits.joined(columns[:1], columns[1:])) == some
    assert list(Hits.joined(columns, Hits.of(more))) == [*some, *more]


def test_hits_are_counted_from_the_end_too_and_end_where_they_end() -> None:
    columns = Hits.of([Hit("k", name, 1, 0, 1, None, 0.0, "hot", 0) for name in ("a", "b")])

    assert columns[-1].memory_id == "b"
    assert (hash(columns), repr(columns)) == (hash(tuple(columns)), repr(tuple(columns)))
    with pytest.raises(IndexError):
        columns[2]


@given(st.lists(st.integers(-(2**63), 2**63 - 1)) | st.lists(st.integers(-200, 200)), st.booleans())
def test_numbers_are_the_same_in_fewer_bytes(numbers: list[int], are_equal: bool) -> None:
    column = np.array((numbers[:1] if are_equal else numbers) * 200, dtype=np.int64)

    small = narrowed(column)

    assert small.tolist() == column.tolist()
    assert kept_bytes(small) <= max(column.nbytes, 8)
    if len(set(column.tolist())) == 1:
        assert kept_bytes(small) == 8


@given(st.lists(st.lists(st.integers(0, 9), max_size=9), max_size=9), st.sampled_from((1, 5000)))
def test_a_growing_column_holds_what_was_appended(parts: list[list[int]], times: int) -> None:
    column = Growing(np.int32)
    for part in parts:
        column.add(np.array(part * times))

    assert column.whole.tolist() == [number for part in parts for number in part * times]
    assert len(column) == len(column.whole)


@given(
    st.lists(st.tuples(st.sampled_from((0, 1, 2**40, 2**64 - 1)), st.integers(1, 3))), st.sets(st.sampled_from((0, 3, 2**64 - 1)))
)
def test_documents_are_found_by_key_in_their_order(entries: list[tuple[int, int]], asked: set[int]) -> None:
    keys = np.array([key for key, _ in entries], dtype=np.uint64)
    rows = np.arange(len(entries), dtype=np.int32)

    postings = Postings.sort(keys, rows, np.array([count for _, count in entries], dtype=np.int64))

    wanted = sorted(asked)
    for key, place in zip(wanted, postings.find(wanted), strict=True):
        held = [(row, count) for row, (own, count) in enumerate(entries) if own == key]
        assert list(zip(postings.rows[place].tolist(), postings.counts[place].tolist(), strict=True)) == held
    order = np.argsort(keys, kind="stable")
    groups = Groups.of(keys[order], rows[order])
    found = groups.members(np.array(wanted, dtype=np.uint64)).tolist()
    assert found == [row for key in wanted for row, (own, _) in enumerate(entries) if own == key]
    alive = np.ones(len(entries), dtype=np.bool_)
    assert [column.tolist() for column in postings.kept(alive, rows)] == [
        [column[at] for at in order] for column in (keys.tolist(), rows.tolist(), [count for _, count in entries])
    ]
