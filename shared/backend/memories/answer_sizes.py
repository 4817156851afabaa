"""Answers that fit: Lambda cuts at 6 MB, and what is cut is the gateway's 500, though the work is done."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from backend.memories.model import carried_bytes

ANSWER_BYTES = 5 * 1024 * 1024
"""What the parts of an answer may come to together (see `carried_bytes`)."""

Part = Mapping[str, Any]
_LEFT_OUT: Part = {"text": "", "summary": None, "metadata": {}, "tags": [], "left_out": True}


def how_many_fit(parts: Sequence[Part], room: int = ANSWER_BYTES) -> int:
    """Return how many of the first parts one answer holds: at least one, if there is one."""
    for number, part in enumerate(parts):
        room -= carried_bytes(part)
        if room < 0:
            return max(1, number)
    return len(parts)


def fitted(parts: Sequence[Part], briefly: Callable[[Part], Part], room: int = ANSWER_BYTES) -> list[Part]:
    """Return the parts, the first of them whole as long as all together fit, the others briefly."""
    sizes = [carried_bytes(each) for each in parts]
    if sum(sizes) <= room:
        return list(parts)
    brief = [briefly(each) for each in parts]
    small = [carried_bytes(each) for each in brief]
    room -= sum(small)
    shown = []
    for whole, part, size, least in zip(parts, brief, sizes, small, strict=True):
        is_whole = size - least <= room
        room -= size - least if is_whole else 0
        shown.append(whole if is_whole else part)
    return shown


def brief_memory(memory: Part) -> Part:
    """Return a memory's members without what its owner wrote, and a member that says so."""
    return {**memory, **_LEFT_OUT}


def brief_update(item: Part) -> Part:
    """Return what is told of one change, with its memory brief."""
    return {**item, "memory": brief_memory(item["memory"])} if "memory" in item else item


def brief_addition(item: Part) -> Part:
    """Return what is told of one thing to remember, with its memory brief and no candidates."""
    if "result" not in item:
        return item
    outcomes = [{name: each[name] for name in ("candidate", "outcome", "memory_id", "rule")} for each in item["outcomes"]]
    result = brief_memory(item["result"]) if "id" in item["result"] else {**item["result"], "left_out": True}
    return {**item, "outcomes": outcomes, "result": {**result, "outcomes": outcomes}}


def brief_waiting(item: Part) -> Part:
    """Return a memory that waits, with the memories that it contradicts brief."""
    return {**item, "conflicts_with": [brief_memory(each) for each in item["conflicts_with"]]}


def left_out(whole: Sequence[Part], shown: Sequence[Part]) -> list[str]:
    """Return the warning that some parts are told briefly."""
    count = sum(one is not other for one, other in zip(whole, shown, strict=True))
    said = f"{count} of these would make the answer too large and are shown without what was sent ('left_out'): read them by id."
    return [said] if count else []
