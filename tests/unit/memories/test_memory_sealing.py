"""What a user wrote stands nowhere in the table in the clear, and what is sealed opens in its own place alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.encryption.fake import FakeSeals
from backend.extraction.extracted_key import extracted_key
from backend.extraction.model import Claimed
from backend.memories import items, markers
from backend.memories.documents import changes_for
from backend.memories.model import REDACTED, Memory, Revision, State
from tests.unit.memories.generated import memories, stored
from tests.unit.memories.samples import NOW, memory, memory_id

SECRET = memory(
    1,
    text="canaryone lives in canarytwo",
    extracted_key=extracted_key("canaryone lives in canarytwo"),
    summary="canarythree",
    metadata={"canaryfour": "canaryfive"},
    claimed=Claimed("canarysix", "live in", "canaryseven"),
    reason="canaryeight",
    state_reason="canarynine",
)
STATES = [State.ACTIVE, State.DISPUTED, State.QUARANTINED]


def every_item(each: Memory, seals: FakeSeals) -> dict[str, dict[str, Any]]:
    """Return the row, an earlier revision of it and its marker, where it has one."""
    closed = Revision(each, NOW + timedelta(seconds=1), "ops", each.reason and "canaryten")
    found = {"row": items.row_item(each, seals), "revision": items.revision_item(closed, seals)}
    changes = changes_for(each)
    return {**found, "marker": markers.marker_item(each, changes, NOW, seals)} if changes else found


@pytest.mark.parametrize("state", STATES)
def test_nothing_that_a_user_wrote_stands_in_an_item_in_the_clear(state: State) -> None:
    for name, item in every_item(replace(SECRET, state=state), FakeSeals()).items():
        shown = repr(stored(item))

        assert "canary" not in shown, name
        assert not {"text", "summary", "metadata", "extracted_key", "claimed", "event"} & item.keys(), name


def test_a_forgotten_memory_leaves_no_word_of_it_outside_what_is_sealed() -> None:
    found = every_item(SECRET.forgotten(NOW), FakeSeals())

    assert found["marker"]["kind"] == "tombstone"
    assert not any("canary" in repr(item) for item in found.values())
    assert not {"documents", "vectors", "traits", "sealed"} & found["marker"].keys()


@given(memories())
def test_nothing_but_what_is_sealed_depends_on_what_was_said(each: Memory) -> None:
    silent = replace(
        each, text="", extracted_key="", summary=None, metadata={}, claimed=None, event=None, reason=None, state_reason=None
    )

    for item, plain in zip(every_item(each, FakeSeals()).values(), every_item(silent, FakeSeals()).values(), strict=True):
        sealed = {"sealed", "documents", "traits"}
        assert {name: item[name] for name in item.keys() - sealed} == {name: plain[name] for name in plain.keys() - sealed}
        assert all(each.text.encode() not in item[name] for name in item.keys() & sealed if len(each.text) > 3)


def test_a_row_put_in_the_place_of_another_does_not_open() -> None:
    seals = FakeSeals()
    mine, theirs = items.row_item(SECRET, seals), items.row_item(memory(2), seals)

    swapped = items.memory_of({**mine, "sealed": theirs["sealed"]}, seals)

    assert (swapped.text, swapped.unreadable_for) == (REDACTED, "damaged")


def test_a_row_under_another_memorys_key_does_not_open() -> None:
    seals = FakeSeals()
    moved = {**items.row_item(SECRET, seals), "pk": items.row_pk("acme", memory_id(2))}

    assert items.memory_of(moved, seals).text == REDACTED


def test_a_row_given_to_another_tenant_does_not_open() -> None:
    seals = FakeSeals()
    stolen = {**items.row_item(SECRET, seals), "pk": items.row_pk("rival", SECRET.memory_id), "tenant_id": "rival"}

    assert items.memory_of(stolen, seals).text == REDACTED


@given(st.permutations([1, 2, 3]))
def test_row_and_revisions_do_not_open_in_each_others_place(order: list[int]) -> None:
    """Nobody who may write to the table can bring an old wording back by copying it."""
    seals = FakeSeals()
    row = items.row_item(memory(1, revision=4), seals)
    earlier = [items.revision_item(Revision(memory(1, revision=number), NOW), seals) for number in (1, 2, 3)]

    for number, source in zip((1, 2, 3), order, strict=True):
        moved = {**earlier[number - 1], "sealed": earlier[source - 1]["sealed"]}
        assert (items.revision_of(moved, seals).memory.text == REDACTED) is (source != number)
    assert items.memory_of({**row, "sealed": earlier[0]["sealed"]}, seals).text == REDACTED
    assert items.revision_of({**earlier[0], "sealed": row["sealed"]}, seals).memory.text == REDACTED


def test_a_marker_put_in_the_place_of_another_sends_its_readers_to_the_row() -> None:
    seals = FakeSeals()
    mine, theirs = every_item(SECRET, seals)["marker"], every_item(memory(2), seals)["marker"]

    assert markers.changes_of({**mine, "documents": theirs["documents"]}, seals) is None
    assert markers.changes_of({**mine, "sk": memory_id(2)}, seals) is None


def test_reasons_come_back_as_they_were_given() -> None:
    seals = FakeSeals()
    given_for = Revision(SECRET, NOW, "ops", "canaryten")

    assert items.revision_of(items.revision_item(given_for, seals), seals) == given_for
    assert items.memory_of(items.row_item(SECRET, seals), seals) == SECRET


def test_reasons_that_were_written_in_the_clear_are_read_and_sealed_with_the_next_write() -> None:
    seals, silent = FakeSeals(), replace(SECRET, reason=None, state_reason=None)
    clear = {"reason": "canaryeight", "state_reason": "canarynine"}
    row = {**items.row_item(silent, seals), **clear}
    earlier = {**items.revision_item(Revision(silent, NOW), seals), **clear, "closed_for": "canaryten"}

    assert items.memory_of(row, seals) == SECRET
    assert items.revision_of(earlier, seals) == Revision(SECRET, NOW, None, "canaryten")
    assert "canary" not in repr(stored(items.row_item(items.memory_of(row, seals), seals)))


def test_the_same_words_never_look_the_same_twice() -> None:
    seals = FakeSeals()

    assert items.row_item(SECRET, seals)["sealed"] != items.row_item(SECRET, seals)["sealed"]
