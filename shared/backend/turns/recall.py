"""From a conversation to the question that it asks of the memory."""

from __future__ import annotations

from collections.abc import Sequence

from backend.retrieval.schemas import MAX_QUERY_BYTES

ASKS = "user"
BEFORE = 2
"""So many messages before the question say what it is about: most often its own answer and what that answered."""

BEFORE_CHARACTERS = 300
"""Of each of them the end, which the question follows on."""


def question_of(messages: Sequence[tuple[str, str]]) -> str:
    """Return the last message of the role `user`, or the last of all, behind the ends of those right before it.

    Messages are (role, content). At most 8 KB of UTF-8: of a longer one the end, which asks.
    """
    asking = [number for number, (role, _) in enumerate(messages) if role == ASKS]
    at = asking[-1] if asking else len(messages) - 1
    before = [content.strip()[-BEFORE_CHARACTERS:] for _, content in messages[max(0, at - BEFORE) : at]]
    question = messages[at][1].strip()
    return _end_of("\n".join([*before, question]))


def _end_of(text: str) -> str:
    """Return as much of the end as fits, from a whole character on."""
    return text.encode()[-MAX_QUERY_BYTES:].decode(errors="ignore").strip()
