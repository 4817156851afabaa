"""The conversation and the questions that the demo is made of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
EXPECTED_WITHIN = 3
"""Among how many of the first answers the expected memory must be."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What one of the two said. `occurred_at` is by RFC 3339."""

    id: str
    speaker: str
    session_id: str
    occurred_at: str
    text: str

    @property
    def said(self) -> str:
        """The turn as search reads its words: `Speaker: text`."""
        return f"{self.speaker}: {self.text}"


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the id of the turn that answers it, and whether the two share a content word."""

    id: str
    question: str
    expected_turn: str
    shares_words: bool


@dataclass(frozen=True, slots=True)
class Story:
    """A conversation, whose memory it becomes (`user_id`), and what is asked about it."""

    title: str
    user_id: str
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]


def load(folder: Path = FOLDER) -> Story:
    """Read conversation.json and questions.json."""
    conversation = json.loads((folder / "conversation.json").read_text(encoding="utf-8"))
    asked = json.loads((folder / "questions.json").read_text(encoding="utf-8"))
    return Story(
        title=conversation["title"],
        user_id=conversation["user_id"],
        turns=tuple(Turn(**turn) for turn in conversation["turns"]),
        questions=tuple(Question(**question) for question in asked["questions"]),
    )
