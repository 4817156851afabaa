"""What is written to the table is what is read from it."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.embedding.model import pack
from backend.index.model import Tombstone
from backend.kit.dynamodb.limits import ITEM_BYTES, item_bytes
from backend.kit.dynamodb.values import from_item, to_item
from backend.memories import items
from backend.memories.documents import change_for, document_of
from backend.memories.extracted_key import extracted_key
from backend.memories.model import MAX_METADATA_BYTES, MAX_TAGS, MAX_TEXT_BYTES, Evidence, Memory, State
from backend.tenancy.scope import Environment, user_scope
from tests.unit.memories.samples import ACME, FACT, MODEL, NOW, VECTOR, evidence, memory, memory_id

MOST_STORED = 350 * 1024
MILLISECOND = timedelta(milliseconds=1)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
optional_texts = st.none() | texts
moments = st.integers(0, 4_000_000_000_000).map(lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + ms * MILLISECOND)
optional_moments = st.none() | moments
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
json_objects = st.dictionaries(
    texts,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)),
    max_size=4,
)
vectors = st.none() | st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=8).map(pack)
fractions = st.integers(0, 1_000_000).map(lambda millionths: millionths / 1_000_000)


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    scope = user_scope(
        draw(st.sampled_from(["acme", "a.b_c-d"])), draw(st.sampled_from([None, "support"])), Environment.TEST, draw(texts)
    )
    text = draw(texts)
    vector = draw(vectors)
    return Memory(
        memory_id=memory_id(draw(st.integers(0, 10**26 - 1))),
        tenant_id=scope.tenant_id,
        scope_key=scope.home,
        project_id=scope.project_id,
        end_user_id=scope.end_user_id,
        text=text,
        extracted_key=extracted_key(text),
        created_at=draw(moments),
        updated_at=draw(moments),
        valid_from=draw(moments),
        valid_until=draw(optional_moments),
        occurred_at=draw(optional_moments),
        expires_at=draw(optional_moments),
        source=draw(optional_texts),
        event_type=draw(optional_texts),
        tags=tuple(draw(st.lists(texts, max_size=3, unique=True))),
        importance=draw(fractions),
        metadata=draw(json_objects),
        session_id=draw(optional_texts),
        speaker=draw(optional_texts),
        role=draw(optional_texts),
        category=draw(texts),
        memory_type=draw(texts),
        confidence=draw(fractions),
        tier=draw(st.sampled_from(["hot", "warm", "cold"])),
        state=draw(st.sampled_from(State)),
        is_summary=draw(st.booleans()),
        summary=draw(optional_texts),
        vector=vector,
        model=MODEL if vector else None,
        revision=draw(st.integers(1, 10**9)),
        row_version=draw(st.integers(1, 10**9)),
        forgotten_at=draw(optional_moments),
    )


def stored(item: dict[str, Any]) -> dict[str, Any]:
    """Return the item as the table gives it back."""
    return from_item(to_item(item))


@given(memories())
def test_any_memory_is_read_back_from_its_row(each: Memory) -> None:
    assert items.memory_of(stored(items.row_item(each))) == each


@given(memories(), moments)
def test_any_change_is_read_back_from_its_marker(each: Memory, written_at: datetime) -> None:
    change = change_for(each)
    marker = stored(items.marker_item(each, change, written_at))

    assert items.change_of(marker) == change
    assert items.due_target(marker["due_sk"]) == (each.tenant_id, each.memory_id)
    assert (marker["sk"], marker["row_version"]) == (each.memory_id, each.row_version)


@given(texts, optional_texts, optional_texts, optional_moments, moments)
def test_any_evidence_is_read_back(
    sha: str, source: str | None, session: str | None, occurred_at: datetime | None, recorded_at: datetime
) -> None:
    each = Evidence("ev_1", memory_id(1), recorded_at, (3, 9), sha, source, session, occurred_at)

    assert items.evidence_of(each.memory_id, stored(items.evidence_item("acme", each))) == each


@given(memories())
def test_no_key_holds_anything_that_a_user_wrote(each: Memory) -> None:
    """The end user's id is part of the scope key; text, names, tags and metadata are part of no key at all."""
    plain = memory(1, text="canaryone", tags=("canarytwo",), session_id="canarythree", metadata={"canaryfour": "canaryfive"})
    row, marker = items.row_item(plain), items.marker_item(plain, document_of(plain), NOW)
    proof = items.evidence_item("acme", evidence(session_id="canarythree"))
    keys = [value for item in (row, marker, proof) for name, value in item.items() if name.endswith(("pk", "sk"))]

    assert not any("canary" in key for key in keys)
    # Row, list, link and marker stand under the tenant, whatever the memory holds.
    for name in ("pk", "list_pk"):
        assert each.tenant_id in items.row_item(each).get(name, each.tenant_id).split("#")


def test_only_a_live_row_is_listed_and_only_one_without_a_vector_is_due() -> None:
    whole, bare = memory(1, session_id="s1"), memory(2, vector=None, model=None)
    gone = bare.forgotten(NOW)

    assert {"list_pk", "list_sk", "link_pk", "link_sk"} < items.row_item(whole).keys()
    assert not {"due_pk", "due_sk"} & items.row_item(whole).keys()
    assert {"list_pk", "due_pk"} < items.row_item(bare).keys()
    assert not {"list_pk", "due_pk", "link_pk"} & items.row_item(gone).keys()


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
        record("M#rival#mem_1", "ROW"),
        record("M#acme#mem_1", "ROW"),
    ]

    assert items.changed_rows(records) == [("acme", "mem_1"), ("rival", "mem_1")]


def largest(letters: str) -> Memory:
    """Return the largest memory that may be sent, of these letters."""
    chance = random.Random(letters)  # noqa: S311 - any text will do, the same each time
    width = len(letters[0].encode())

    def text(size: int) -> str:
        return "".join(chance.choices(letters, k=size // width))

    everything = text(MAX_TEXT_BYTES)
    return memory(
        1,
        user_scope("acme", "support", Environment.LIVE, text(256)),
        text=everything,
        extracted_key=extracted_key(everything),
        tags=tuple(text(128 * width) for _ in range(MAX_TAGS)),
        metadata={f"{number}": text(250) for number in range(MAX_METADATA_BYTES // 260)},
        source=text(256 * width),
        event_type=text(256 * width),
        session_id=text(256 * width),
        speaker=text(128 * width),
        vector=VECTOR * 256,
    )


@pytest.mark.parametrize(
    "letters",
    [
        pytest.param("abcdefghijklmnopqrstuvwxyz0123456789 ", id="Latin words"),
        pytest.param("".join(map(chr, range(0x4E00, 0x9FA0))), id="Han"),
        pytest.param("".join(map(chr, range(0xAC00, 0xD7A0))), id="Hangul"),
        pytest.param("".join(map(chr, range(0x1F300, 0x1F5FF))), id="pictures"),
        pytest.param("\ufdfa\ufdfb\ufdf2", id="ligatures that unfold into sentences"),
        pytest.param("\x01\x02\x1f", id="control characters"),
    ],
)
def test_the_largest_memory_fits_into_an_item_with_room_to_spare(letters: str) -> None:
    each = largest(letters)

    row = items.row_item(each)
    marker = items.marker_item(each, document_of(each), NOW)

    assert item_bytes(to_item(row)) < MOST_STORED < ITEM_BYTES
    assert item_bytes(to_item(marker)) < MOST_STORED


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=2000), st.integers(1, 60))
def test_no_text_within_the_limit_makes_an_item_too_large(piece: str, times: int) -> None:
    text = (piece * times).encode()[:MAX_TEXT_BYTES].decode(errors="ignore") or FACT
    each = memory(1, ACME, text=text, extracted_key=extracted_key(text))

    assert item_bytes(to_item(items.row_item(each))) < MOST_STORED
    assert item_bytes(to_item(items.marker_item(each, document_of(each), NOW))) < MOST_STORED


def test_a_tombstone_holds_nothing_of_the_memory_but_its_id() -> None:
    gone = memory(1, text="canary").forgotten(NOW)

    marker = items.marker_item(gone, change_for(gone), NOW)

    assert isinstance(items.change_of(stored(marker)), Tombstone)
    assert "canary" not in repr(marker)
