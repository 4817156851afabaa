"""Cursors: only the list they were issued for takes them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.kit.cursors import Cursors
from backend.kit.errors import InvalidCursorError

OURS = Cursors(b"the key of one tenant")
PURPOSES = st.text(max_size=30)
POSITIONS = st.dictionaries(st.text(max_size=10), st.text(max_size=40), max_size=3)
ISSUED = OURS.issue("GET /memory USER#u1", {"before": "2026-01-05T09:00:00.000Z#mem_1"})
TYPABLE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \né\0"


@given(PURPOSES, POSITIONS)
def test_a_cursor_gives_back_the_position_it_was_issued_for(purpose: str, position: dict[str, str]) -> None:
    assert OURS.read(purpose, OURS.issue(purpose, position)) == position


@given(PURPOSES, PURPOSES, POSITIONS)
def test_a_cursor_is_refused_for_every_other_purpose(purpose: str, other: str, position: dict[str, str]) -> None:
    if purpose == other:
        return
    with pytest.raises(InvalidCursorError):
        OURS.read(other, OURS.issue(purpose, position))


@given(POSITIONS, st.binary(min_size=1, max_size=40))
def test_a_cursor_of_another_tenant_is_refused(position: dict[str, str], key: bytes) -> None:
    with pytest.raises(InvalidCursorError):
        OURS.read("GET /memory", Cursors(b"another" + key).issue("GET /memory", position))


@given(st.integers(0, len(ISSUED) - 1), st.sampled_from(TYPABLE))
def test_a_cursor_with_any_character_changed_is_refused(place: int, typed: str) -> None:
    forged = ISSUED[:place] + typed + ISSUED[place + 1 :]
    if forged == ISSUED:
        return
    with pytest.raises(InvalidCursorError):
        OURS.read("GET /memory USER#u1", forged)


def test_a_cursor_with_any_bit_changed_is_refused() -> None:
    raw = base64.urlsafe_b64decode(ISSUED + "=" * (-len(ISSUED) % 4))
    for place in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[place // 8] ^= 1 << place % 8
        with pytest.raises(InvalidCursorError):
            OURS.read("GET /memory USER#u1", base64.urlsafe_b64encode(flipped).decode().rstrip("="))


@pytest.mark.parametrize("length", range(1, 20))
def test_each_cursor_has_one_spelling(length: int) -> None:
    cursor = OURS.issue("p", {"n": "x" * length})
    spelt_otherwise = [
        *(cursor[:-1] + last for last in TYPABLE if last != cursor[-1]),
        cursor + "=",
        cursor + "==",
        cursor + "\n",
        " " + cursor,
    ]

    for each in spelt_otherwise:
        with pytest.raises(InvalidCursorError):
            OURS.read("p", each)


@given(st.text(max_size=200))
def test_what_was_never_issued_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        OURS.read("GET /memory", text)


@pytest.mark.parametrize("cursor", ["", "A", "AAAA", "A" * 22, ISSUED[:-1], ISSUED + "A", ISSUED + ISSUED, "A" * 100_000])
def test_a_cut_or_lengthened_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        OURS.read("GET /memory USER#u1", cursor)


@pytest.mark.parametrize("between", ['{"a":', '\0{"a":', "\0", "s"])
def test_bytes_cannot_move_between_purpose_and_position(between: str) -> None:
    cursor = OURS.issue("list" + between, {})
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    shifted = raw[:16] + between.encode() + raw[16:]

    with pytest.raises(InvalidCursorError):
        OURS.read("list", base64.urlsafe_b64encode(shifted).decode().rstrip("="))


def test_a_refusal_names_the_parameter_and_the_cure_and_never_the_cursor() -> None:
    with pytest.raises(InvalidCursorError) as refusal:
        OURS.read("GET /memory", "stolen-words")

    (fault,) = refusal.value.faults
    assert fault.pointer == "query:cursor"
    assert "next_cursor" in fault.detail
    assert "stolen-words" not in refusal.value.detail + fault.detail
