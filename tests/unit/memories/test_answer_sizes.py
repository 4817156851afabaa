"""How much one answer holds: the first parts whole, the others briefly, and a page ends where no more of them fit."""

from __future__ import annotations

import pytest

from backend.memories.answer_sizes import brief_update, fitted, how_many_fit, left_out
from backend.memories.model import carried_bytes

PARTS = [{"memory": {"id": f"m{number}", "text": '"' * 1000, "tags": ["a"]}} for number in range(10)]
ONE = carried_bytes(PARTS[0])


def test_as_many_fit_as_their_sizes_say_and_always_one() -> None:
    assert how_many_fit(PARTS, ONE * 10) == 10
    assert how_many_fit(PARTS, ONE * 10 - 1) == 9
    assert how_many_fit(PARTS, 1) == 1
    assert how_many_fit([], 1) == 0


@pytest.mark.parametrize("room", [2 * ONE, 5 * ONE, 10 * ONE - 1])
def test_what_is_told_briefly_leaves_room_for_all(room: int) -> None:
    shown = fitted(PARTS, brief_update, room)

    assert sum(map(carried_bytes, shown)) <= room
    assert [each["memory"]["id"] for each in shown] == [f"m{number}" for number in range(10)]
    whole = sum(not each["memory"].get("left_out") for each in shown)
    assert 0 < whole < 10
    assert left_out(PARTS, shown)[0].startswith(f"{10 - whole} of these")


def test_what_fits_is_told_whole_and_nothing_is_said() -> None:
    shown = fitted(PARTS, brief_update, 10 * ONE)

    assert shown == PARTS
    assert left_out(PARTS, shown) == []
