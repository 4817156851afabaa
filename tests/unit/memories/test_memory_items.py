"""What is written to the table is what is read from it."""

from __future__ import annotations

import struct
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.embedding.model import to_unit, unpack
from backend.encryption.fake import FakeSeals
from backend.kit.errors import NewerReleaseError
from backend.memories import items
from backend.memories.documents import changes_for
from backend.memories.markers import marker_item
from backend.memories.model import REDACTED, SCHEMA_VERSION, WAITING, Evidence, Memory, Revision, State
from tests.unit.memories.generated import json_objects, memories, moments, optional_moments, optional_texts, stored, texts
from tests.unit.memories.samples import MODEL, NOW, evidence, memory, memory_id

MILLISECOND = timedelta(milliseconds=1)
PIECES = ((0, 4), (5, 9), (10, 14))
INDEXES = {"list_pk", "list_sk", "link_pk", "link_sk", "due_pk", "due_sk"}


def halved(number: float) -> float:
    """Return the number in half precision."""
    (half,) = struct.unpack("<e", struct.pack("<e", number))
    return float(half)


# Rows


@given(memories())
def test_any_memory_is_read_back_from_its_row(each: Memory) -> None:
    seals = FakeSeals()

    assert items.memory_of(stored(items.row_item(each, seals)), seals) == each


@given(memories(), st.dictionaries(st.sampled_from(["mood", "votes"]), json_objects, max_size=2))
def test_what_a_newer_release_keeps_in_a_row_is_carried_along(each: Memory, unknown: dict[str, Any]) -> None:
    seals = FakeSeals()
    item = {**items.row_item(each, seals), **unknown}

    found = items.memory_of(item, seals)

    assert found.unknown == unknown
    assert {name: value for name, value in items.row_item(found, seals).items() if name in unknown} == unknown


def test_a_row_of_a_newer_schema_is_refused_and_says_whose_it_is() -> None:
    seals = FakeSeals()
    item = {**items.row_item(memory(1), seals), "schema_version": SCHEMA_VERSION + 1}

    with pytest.raises(NewerReleaseError) as refused:
        items.memory_of(item, seals)

    assert refused.value.scope_key == memory(1).scope_key


def test_a_row_that_owed_its_vector_remembers_that_a_note_of_it_was_left() -> None:
    seals = FakeSeals()
    bare = items.memory_of(items.row_item(memory(1, vector=None, model=None), seals), seals)
    whole = bare.with_vectors([to_unit([1.0, 2.0])], MODEL, NOW)

    assert bare.owed
    # The note stands until the index shows the vector, which is later than the write that brings it.
    assert items.memory_of(items.row_item(whole, seals), seals).owed
    assert not items.memory_of(items.row_item(memory(1), seals), seals).owed


# Earlier revisions


@given(memories(), moments, optional_texts, optional_texts)
def test_any_earlier_revision_is_read_back(each: Memory, until: Any, by: str | None, reason: str | None) -> None:
    seals = FakeSeals()
    revision = Revision(each, until, by, reason)
    item = stored(items.revision_item(revision, seals))

    assert items.revision_of(item, seals) == revision
    assert not INDEXES & item.keys()


def test_earlier_revisions_stand_in_their_order() -> None:
    places = [items.revision_sk(number) for number in (1, 2, 9, 10, 99, 100, 999_999_999)]

    assert places == sorted(places)


# The vectors of further pieces


@given(st.lists(st.lists(st.integers(-1000, 1000), min_size=4, max_size=4)), st.integers(1, 9))
def test_vectors_of_further_pieces_are_kept_in_half_precision(components: list[list[int]], revision: int) -> None:
    vectors = tuple(to_unit([*map(float, each), 1.0]) for each in components)
    each = memory(1, more_vectors=vectors, revision=revision, vectors_at=revision)

    found = items.vectors_of([stored(item) for item in items.vector_items(each)])

    assert [list(unpack(vector)) for vector in found] == [[halved(part) for part in unpack(vector)] for vector in vectors]
    assert all(
        abs(kept - meant) <= 2**-11
        for vector, whole in zip(found, vectors, strict=True)
        for kept, meant in zip(unpack(vector), unpack(whole), strict=True)
    )


def test_many_long_vectors_stand_in_as_few_items_as_hold_them_in_their_order() -> None:
    vectors = tuple(to_unit([number + 1.0, *([1.0] * 1535)]) for number in range(204))
    each = memory(1, more_vectors=vectors, revision=3, vectors_at=3)

    parts = items.vector_items(each)

    assert [part["sk"] for part in parts] == ["VEC#000000003#000", "VEC#000000003#001", "VEC#000000003#002"]
    assert {part["pk"] for part in parts} == {items.row_pk("acme", each.memory_id)}
    assert all(part["sk"].startswith(items.vectors_sk(3)) for part in parts)
    assert [unpack(vector)[0] for vector in items.vectors_of(parts)] == [halved(unpack(vector)[0]) for vector in vectors]


def test_a_memory_of_one_piece_has_no_further_vectors() -> None:
    assert items.vector_items(memory(1)) == []
    assert items.vectors_of([]) == ()


# What cannot be opened


def unreadable(each: Memory, seals: FakeSeals) -> tuple[dict[str, Any], Memory]:
    """Return a row whose key has expired, and what is read of it."""
    item = stored(items.row_item(each, seals))
    seals.expired.add(1)
    seals.version = 2
    return item, items.memory_of(item, seals)


@given(memories())
def test_a_row_whose_key_is_gone_says_so_and_keeps_everything_that_was_not_sealed(each: Memory) -> None:
    _, found = unreadable(each, FakeSeals())

    assert found.text == REDACTED
    assert (found.extracted_key, found.summary, found.metadata, found.claimed, found.event) == ("", None, {}, None, None)
    assert found.unreadable_for == "expired"
    assert (found.memory_id, found.tags, found.created_at, found.state) == (
        each.memory_id,
        each.tags,
        each.created_at,
        each.state,
    )


@given(memories())
def test_rewriting_a_row_that_cannot_be_read_keeps_what_is_sealed_in_it(each: Memory) -> None:
    seals = FakeSeals()
    item, found = unreadable(each, seals)

    rewritten = stored(items.row_item(replace(found, importance=0.25, row_version=found.row_version + 1), seals))

    assert rewritten["sealed"] == item["sealed"]
    seals.expired.clear()
    assert items.memory_of(rewritten, seals).text == each.text
    assert items.memory_of(rewritten, seals).importance == 0.25


def test_a_row_that_cannot_be_read_changes_nothing_in_the_index_and_owes_no_vector() -> None:
    _, found = unreadable(memory(1, vector=None, model=None), FakeSeals())

    assert changes_for(found) == ()
    assert not found.owes_vector


# Evidence


@given(texts, optional_texts, optional_texts, optional_moments, moments)
def test_any_evidence_is_read_back(sha: str, source: str | None, session: str | None, occurred_at: Any, recorded_at: Any) -> None:
    each = Evidence("ev_1", memory_id(1), recorded_at, (3, 9), sha, source, session, occurred_at)

    assert items.evidence_of(each.memory_id, stored(items.evidence_item("acme", each))) == each


# Keys and indexes


@given(memories())
def test_no_key_holds_anything_that_a_user_wrote(each: Memory) -> None:
    """The end user's id is part of the scope key; text, names, tags and metadata are part of no key at all."""
    seals = FakeSeals()
    plain = memory(1, text="canaryone", tags=("canarytwo",), session_id="canarythree", metadata={"canaryfour": "canaryfive"})
    row, marker = items.row_item(plain, seals), marker_item(plain, changes_for(plain), NOW, seals)
    revision = items.revision_item(Revision(plain, NOW, "canarysix", "canaryseven"), seals)
    proof = items.evidence_item("acme", evidence(session_id="canarythree"))
    owed = items.owed_item(plain)
    keys = [value for item in (row, marker, revision, proof, owed) for name, value in item.items() if name.endswith(("pk", "sk"))]

    assert not any("canary" in key for key in keys)
    # Row, list, link and marker stand under the tenant, whatever the memory holds.
    for name in ("pk", "list_pk"):
        assert each.tenant_id in items.row_item(each, seals).get(name, each.tenant_id).split("#")


def test_only_a_live_row_is_listed_and_only_one_without_a_vector_is_due() -> None:
    seals = FakeSeals()
    whole, bare = memory(1, session_id="s1"), memory(2, vector=None, model=None)
    gone = bare.forgotten(NOW)

    assert {"list_pk", "list_sk", "link_pk", "link_sk"} < items.row_item(whole, seals).keys()
    assert not {"due_pk", "due_sk"} & items.row_item(whole, seals).keys()
    assert {"list_pk", "due_pk"} < items.row_item(bare, seals).keys()
    assert not {"list_pk", "due_pk", "link_pk"} & items.row_item(gone, seals).keys()


@pytest.mark.parametrize("state", sorted(WAITING))
def test_what_waits_for_a_decision_stands_in_a_list_of_its_own_and_is_due_for_its_end_alone(state: State) -> None:
    each = memory(1, state=state, vector=None, model=None, session_id="s1")
    ending = replace(each, expires_at=NOW)
    item = items.row_item(each, FakeSeals())

    assert item["list_pk"] == f"W#{state.value}#{each.scope_key}"
    assert item["list_pk"] != items.row_item(memory(1), FakeSeals())["list_pk"]
    assert not {"due_pk", "link_pk", "owed"} & item.keys()
    assert items.row_item(ending, FakeSeals())["due_pk"].startswith("EXPIRE#")


def test_a_row_with_an_end_is_due_at_its_end_once_it_has_its_vector() -> None:
    end = NOW + timedelta(days=1)
    whole, bare = memory(1, expires_at=end), memory(2, expires_at=end, vector=None, model=None)
    given_up = memory(3, vector=None, model=None, embed_tries=5)

    assert items.row_item(whole, FakeSeals())["due_pk"].startswith("EXPIRE#")
    assert items.row_item(whole, FakeSeals())["due_sk"].startswith("2026-01-06T09:00:00.000Z#acme#")
    assert items.row_item(bare, FakeSeals())["due_pk"].startswith("EMBED#")
    assert "due_pk" not in items.row_item(given_up, FakeSeals())


def test_a_list_is_in_the_order_of_time_then_of_id() -> None:
    moments_and_ids = [(NOW, 2), (NOW, 10), (NOW + MILLISECOND, 1), (NOW + timedelta(hours=1), 0)]

    positions = [items.list_position(moment, memory_id(number)) for moment, number in moments_and_ids]

    assert positions == sorted(positions)


def test_shards_are_used_evenly_and_the_same_memory_stays_in_its_own() -> None:
    found = [items.shard_of(memory_id(number), 4) for number in range(1000)]

    assert {found.count(shard) > 200 for shard in range(4)} == {True}
    assert items.shard_of(memory_id(7), 4) == items.shard_of(memory_id(7), 4)


def test_the_rows_that_a_stream_names_are_each_named_once() -> None:
    def record(pk: str, sk: str) -> dict[str, Any]:
        return {"eventName": "MODIFY", "dynamodb": {"Keys": {"pk": {"S": pk}, "sk": {"S": sk}}}}

    records = [
        record("M#acme#mem_1", "ROW"),
        record("M#acme#mem_1", "EV#1"),
        record("M#acme#mem_1", "REV#000000001"),
        record("M#acme#mem_1", "VEC#000000001#000"),
        record("V#acme#support#live#USER#u1", "mem_1"),
        record("M#rival#mem_1", "ROW"),
        record("M#acme#mem_1", "ROW"),
    ]

    assert items.changed_rows(records) == [("acme", "mem_1"), ("rival", "mem_1")]
