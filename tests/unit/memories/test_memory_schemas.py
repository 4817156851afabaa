"""What `POST /memory/add` takes, and how it refuses the rest: the right error, at the right place, with a cure."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from backend.kit.errors import MetadataTooLargeError, PayloadTooLargeError, ValidationFailedError
from backend.kit.faults import pointer_to
from backend.memories.model import MAX_METADATA_BYTES, MAX_METADATA_DEPTH, MAX_TAGS, MAX_TEXT_BYTES, Said
from backend.memories.schemas import (
    ADD_EXAMPLE,
    AddPreview,
    MemoryAdd,
    MemoryAdded,
    MemoryForgotten,
    MemoryPage,
    MemoryRead,
    MemoryView,
)
from tests.unit.memories.samples import NOW, memory


def read(**body: Any) -> MemoryAdd:
    """Read a body as it comes over the wire."""
    return MemoryAdd.model_validate(json.loads(json.dumps(body)))


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


def metadata_of(size: int) -> dict[str, str]:
    """Return metadata that is exactly so many bytes as compact JSON."""
    return {"a": "x" * (size - len('{"a":""}'))}


INVALID: dict[str, tuple[dict[str, Any], str]] = {
    "text is a number": ({"text": 5}, "/text"),
    "text with NUL": ({"text": "a\0b"}, "/text"),
    "text with half of a surrogate pair": ({"text": "a\ud800"}, "/text"),
    "content with NUL": ({"content": "a\0b"}, "/content"),
    "source is empty": ({"source": ""}, "/source"),
    "source is too long": ({"source": "x" * 257}, "/source"),
    "source with NUL": ({"source": "\0"}, "/source"),
    "event type is a list": ({"event_type": []}, "/event_type"),
    "tags is text": ({"tags": "a"}, "/tags"),
    "a tag is a number": ({"tags": ["a", 1]}, "/tags/1"),
    "a tag is empty": ({"tags": [""]}, "/tags/0"),
    "a tag is too long": ({"tags": ["x" * 129]}, "/tags/0"),
    "too many tags": ({"tags": [str(number) for number in range(MAX_TAGS + 1)]}, "/tags"),
    "importance over 1": ({"importance": 1.01}, "/importance"),
    "importance under 0": ({"importance": -0.01}, "/importance"),
    "importance as text": ({"importance": "1"}, "/importance"),
    "importance is no number": ({"importance": float("nan")}, "/importance"),
    "session is empty": ({"session_id": ""}, "/session_id"),
    "metadata is a list": ({"metadata": []}, "/metadata"),
    "metadata too deep": ({"metadata": nested(MAX_METADATA_DEPTH + 1)}, "/metadata"),
    "metadata 50 deep": ({"metadata": nested(50)}, "/metadata"),
    "metadata with NaN": ({"metadata": {"a": float("nan")}}, "/metadata"),
    "metadata with NUL": ({"metadata": {"a": ["\0"]}}, "/metadata"),
    "metadata name with half of a surrogate pair": ({"metadata": {"a": {"\udfff": 1}}}, "/metadata"),
    "no time to live": ({"ttl_minutes": 0}, "/ttl_minutes"),
    "time to live of a fraction": ({"ttl_minutes": 1.5}, "/ttl_minutes"),
    "time to live over ten years": ({"ttl_minutes": 5_256_001}, "/ttl_minutes"),
    "deduplicate as text": ({"deduplicate": "yes"}, "/deduplicate"),
    "a moment as a number": ({"occurred_at": 1}, "/occurred_at"),
    "a moment without a time": ({"occurred_at": "2026-10-02"}, "/occurred_at"),
    "a moment that does not exist": ({"valid_from": "2026-02-30T00:00:00Z"}, "/valid_from"),
    "a moment before the calendar": ({"occurred_at": "0001-01-01T00:00:00+05:00"}, "/occurred_at"),
    "a moment after the calendar": ({"valid_until": "9999-12-31T23:59:59-05:00"}, "/valid_until"),
    "speaker is too long": ({"speaker": "x" * 129}, "/speaker"),
    "role is too long": ({"role": "x" * 33}, "/role"),
    "client reference is empty": ({"client_ref": ""}, "/client_ref"),
    "client reference is too long": ({"client_ref": "x" * 256}, "/client_ref"),
    "dry run as a number": ({"dry_run": 1}, "/dry_run"),
}


@pytest.mark.parametrize(("change", "pointer"), INVALID.values(), ids=INVALID)
def test_a_value_that_is_not_allowed_is_named(change: dict[str, Any], pointer: str) -> None:
    body = change if "content" in change else {"text": "a fact", **change}

    with pytest.raises(ValidationError) as refused:
        read(**body)

    assert {pointer_to(("body", *fault["loc"])) for fault in refused.value.errors()} == {pointer}


TOGETHER: dict[str, tuple[dict[str, Any], str]] = {
    "nothing": ({}, "/text"),
    "null": ({"text": None}, "/text"),
    "empty text": ({"text": ""}, "/text"),
    "blank text": ({"text": " \t\n\u00a0"}, "/text"),
    "blank content": ({"content": "  "}, "/content"),
    "text and content that differ": ({"text": "a", "content": "b"}, "/content"),
    "an end before the beginning": (
        {"text": "a", "valid_from": "2026-01-01T00:00:00+02:00", "valid_until": "2025-12-31T22:00:00Z"},
        "/valid_until",
    ),
}


@pytest.mark.parametrize(("body", "pointer"), TOGETHER.values(), ids=TOGETHER)
def test_values_that_are_wrong_together_name_the_one_to_change(body: dict[str, Any], pointer: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        read(**body)

    (fault,) = refused.value.faults
    assert fault.pointer == pointer
    assert pointer.removeprefix("/") in fault.detail


@pytest.mark.parametrize("name", ["text", "content"])
@pytest.mark.parametrize("character", ["x", "é", "語"])
def test_a_text_may_have_100_kb_and_not_a_byte_more(name: str, character: str) -> None:
    width = len(character.encode())
    whole = character * (MAX_TEXT_BYTES // width) + "x" * (MAX_TEXT_BYTES % width)

    assert read(**{name: whole}).said().text == whole
    with pytest.raises(PayloadTooLargeError) as refused:
        read(**{name: whole + "x"})

    assert refused.value.faults[0].pointer == f"/{name}"
    assert refused.value.facts == {"limit_bytes": MAX_TEXT_BYTES}
    assert whole not in str(refused.value)


def test_metadata_may_have_16_kb_and_not_a_byte_more() -> None:
    assert read(text="a", metadata=metadata_of(MAX_METADATA_BYTES)).said().metadata == metadata_of(MAX_METADATA_BYTES)
    many = {str(number): number for number in range(10_000)}

    for metadata in (metadata_of(MAX_METADATA_BYTES + 1), many):
        with pytest.raises(MetadataTooLargeError) as refused:
            read(text="a", metadata=metadata)
        assert refused.value.faults[0].pointer == "/metadata"


def test_metadata_may_be_16_levels_deep() -> None:
    assert read(text="a", metadata=nested(MAX_METADATA_DEPTH)).metadata == nested(MAX_METADATA_DEPTH)


def test_content_is_another_name_for_text() -> None:
    assert read(content="a fact").said() == read(text="a fact").said() == read(text="a fact", content="a fact").said()


def test_everything_that_is_sent_is_remembered_with_the_text() -> None:
    said = read(
        text=" a fact ",
        source="chat",
        event_type="note",
        tags=["b", "a", "b"],
        importance=1,
        session_id="s1",
        metadata={"n": 1},
        ttl_minutes=5,
        deduplicate=False,
        occurred_at="2026-10-02T11:00:00+02:00",
        valid_from="2026-10-02t09:00:00.123456789z",
        valid_until="2026-10-03T09:00:00",
        speaker="Ana",
        role="user",
    ).said()

    moment = datetime(2026, 10, 2, 9, tzinfo=UTC)
    assert said == Said(
        text=" a fact ",
        source="chat",
        event_type="note",
        tags=("b", "a"),
        importance=1.0,
        metadata={"n": 1},
        session_id="s1",
        speaker="Ana",
        role="user",
        occurred_at=moment,
        valid_from=moment + timedelta(microseconds=123_456),
        valid_until=moment + timedelta(days=1),
        ttl_minutes=5,
        deduplicate=False,
    )


def test_what_is_not_sent_is_as_documented() -> None:
    assert read(text="a").said() == Said("a", importance=0.5, deduplicate=True)


@pytest.mark.parametrize(("sent", "kept"), [(1e-200, 0.0), (0.1234567, 0.123457), (1, 1.0), (0, 0.0)])
def test_importance_is_kept_to_a_millionth(sent: float, kept: float) -> None:
    assert read(text="a", importance=sent).said().importance == kept


def test_unknown_fields_and_moments_without_an_offset_are_pointed_out() -> None:
    body = read(text="a", color="red", occurred_at="2026-10-02T09:00:00", valid_from="2026-10-02T09:00:00Z")

    assert body.warnings() == ["Unknown field 'color' was not used.", "'occurred_at' has no offset and was read as UTC."]


def test_the_same_body_is_one_request_in_whatever_order_and_another_body_another() -> None:
    one, same = read(text="a", tags=["x"], user_id=7), read(user_id=7, tags=["x"], text="a")

    assert one.canonical() == same.canonical()
    others = [read(text="a"), read(text="a", tags=["y"], user_id=7), read(text="a", tags=["x"], user_id="7")]
    assert len({one.canonical(), *(each.canonical() for each in others)}) == 4


def test_an_unknown_field_of_any_shape_does_no_harm() -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]

    for value in (deep, "\ud800", {"\udfff": 1}, 10**400):
        assert read(text="a", extra=value).canonical() != read(text="a").canonical()


def test_the_documented_example_is_valid() -> None:
    assert read(**ADD_EXAMPLE).warnings() == []


# What is answered


def test_a_memory_is_shown_with_every_documented_field() -> None:
    each = memory(1, occurred_at=NOW, metadata={"a": 1}, tags=("x",))

    shown = MemoryView.fields_of(each)

    assert set(shown) == set(MemoryView.model_fields)
    assert MemoryView(**shown).model_dump() == shown
    assert (shown["id"], shown["scope"], shown["vector_state"]) == (each.memory_id, "USER", "ready")
    assert (shown["created_at"], shown["valid_until"]) == ("2026-01-05T09:00:00.000Z", None)
    assert not {"vector", "scope_key", "tenant_id", "extracted_key"} & set(shown)


@pytest.mark.parametrize("answer", [MemoryAdded, MemoryRead, MemoryPage, MemoryForgotten, AddPreview])
def test_every_answer_names_its_request(answer: Any) -> None:
    assert "request_id" in answer.model_fields
