"""The largest memory that may be sent fits what the table can hold, in one transaction with all that goes with it."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.embedding.model import to_unit
from backend.encryption.fake import FakeSeals
from backend.extraction.chunking import chunks
from backend.extraction.extracted_key import extracted_key
from backend.extraction.model import LONGEST_UTTERANCE
from backend.kit.dynamodb.limits import ITEM_BYTES, TRANSACTION_BYTES, TRANSACTION_ITEMS, item_bytes
from backend.kit.dynamodb.values import to_item
from backend.memories import items
from backend.memories.conflicts import MOST_HOLDERS, retired
from backend.memories.documents import changes_for, documents_of
from backend.memories.markers import MOST_BYTES, marker_item
from backend.memories.model import MAX_METADATA_BYTES, MAX_TAGS, MAX_TEXT_BYTES, Memory, Revision
from backend.tenancy.scope import Environment, user_scope
from tests.unit.memories.samples import ACME, FACT, NOW, VECTOR, memory, memory_id

MOST_STORED = 350 * 1024
MOST_CHUNKS = 205
"""Of 100 KB of one byte a character in pieces of at least half the longest."""

WIDE = to_unit([1.0] * 1536)
ALPHABETS = [
    pytest.param("abcdefghijklmnopqrstuvwxyz0123456789 ", id="Latin words"),
    pytest.param("".join(map(chr, range(0x4E00, 0x9FA0))), id="Han"),
    pytest.param("".join(map(chr, range(0xAC00, 0xD7A0))), id="Hangul"),
    pytest.param("".join(map(chr, range(0x1F300, 0x1F5FF))), id="pictures"),
    pytest.param("\ufdfa\ufdfb\ufdf2", id="ligatures that unfold into sentences"),
    pytest.param("\x01\x02\x1f", id="control characters"),
]


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


def in_pieces(each: Memory, count: int | None = None) -> Memory:
    """Return the memory cut as its text is, or into so many pieces, with a vector of 1,536 components for each."""
    size = len(each.text)
    spans = chunks(each.text)
    if count:
        spans = tuple((size * number // count, size * (number + 1) // count) for number in range(count))
    return replace(each, chunks=spans, vector=WIDE, more_vectors=(WIDE,) * (len(spans) - 1))


def sizes(found: list[dict[str, Any]]) -> list[int]:
    return [item_bytes(to_item(item)) for item in found]


@pytest.mark.parametrize("letters", ALPHABETS)
def test_the_largest_memory_fits_into_an_item_with_room_to_spare(letters: str) -> None:
    each, seals = largest(letters), FakeSeals()

    row = items.row_item(each, seals)
    marker = marker_item(each, documents_of(each), NOW, seals)

    assert item_bytes(to_item(row)) < MOST_STORED < ITEM_BYTES
    assert item_bytes(to_item(marker)) < MOST_STORED


@pytest.mark.parametrize("count", [None, MOST_CHUNKS], ids=["as it is cut", "205 pieces"])
@pytest.mark.parametrize("letters", ALPHABETS)
def test_a_document_with_long_vectors_and_what_it_replaces_fit_one_transaction(letters: str, count: int | None) -> None:
    before, seals = in_pieces(largest(letters), count), FakeSeals()
    after = replace(before, revision=2, row_version=2)
    closed = Revision(before, NOW + timedelta(days=1), "ops", "edited")
    changes = changes_for(after, [closed])

    written = sizes(
        [
            items.row_item(after, seals),
            items.revision_item(closed, seals),
            marker_item(after, changes, NOW, seals),
            items.owed_item(after),
            *items.vector_items(after),
        ]
    )

    assert max(written) < MOST_STORED
    assert sum(written) < TRANSACTION_BYTES // 2
    assert len(written) <= 8


def test_a_statement_that_ends_as_many_as_can_hold_a_claim_fits_one_transaction() -> None:
    letters, seals = "".join(map(chr, range(0x4E00, 0x9FA0))), FakeSeals()
    text = largest(letters).text[:LONGEST_UTTERANCE]
    holder = replace(largest(letters), text=text, extracted_key=extracted_key(text), vector=WIDE)
    winner = replace(holder, memory_id=memory_id(99), supersedes=tuple(memory_id(number) for number in range(MOST_HOLDERS)))

    written = [items.row_item(winner, seals), marker_item(winner, changes_for(winner), NOW, seals), items.owed_item(winner)]
    for number in range(MOST_HOLDERS):
        step = retired(replace(holder, memory_id=memory_id(number)), winner, NOW + timedelta(days=1))
        assert step.closes
        written.append(items.row_item(step.memory, seals))
        written.append(marker_item(step.memory, step.changes, NOW, seals))
        written.append(items.revision_item(step.closes, seals))
        written.append(items.owed_item(step.memory))
    guard_and_claim = 2

    assert len(written) + guard_and_claim < TRANSACTION_ITEMS
    assert sum(sizes(written)) < TRANSACTION_BYTES


def test_the_largest_documents_that_a_marker_carries_leave_room_for_their_vectors() -> None:
    assert MOST_BYTES + 4 * len(WIDE) < MOST_STORED


@settings(max_examples=25)
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=2000), st.integers(1, 60))
def test_no_text_within_the_limit_makes_an_item_too_large(piece: str, times: int) -> None:
    text = (piece * times).encode()[:MAX_TEXT_BYTES].decode(errors="ignore") or FACT
    each, seals = memory(1, ACME, text=text, extracted_key=extracted_key(text)), FakeSeals()

    assert item_bytes(to_item(items.row_item(each, seals))) < MOST_STORED
    assert item_bytes(to_item(marker_item(each, documents_of(each), NOW, seals))) < MOST_STORED
