"""Conversations with questions and the turns that answer them.

- `talks`: a folder of our own, such as `benchmarks/conversations`, or one file of it; see the README there. A turn is a memory.

The others are read from files that are not part of this tree:

- `locomo`: LoCoMo's `locomo10.json` (github.com/snap-research/LoCoMo, CC BY-NC 4.0: for measuring only). A turn is a memory.
- `beam`: a JSON list of chats, each `{"chat", "messages": [{"id", "role", "time", "text"}], "questions": [{"type", "question",
  "evidence": [message id]}]}`, made of BEAM's chats (github.com/mohammadtavakoli78/BEAM, CC BY-SA 4.0). A message is a memory.
- `longmemeval`: LongMemEval's `longmemeval_s.json` or `_m.json` (github.com/xiaowu0162/LongMemEval, MIT). Each question has a
  history of its own, so it is a conversation of one question. A message is a memory; evidence are those marked `has_answer`.

A file that ends in .gz is unpacked. Left out are questions without evidence (those that have no answer among them), and those
that ask for what was never said: LoCoMo's category 5, LongMemEval's ids that end in `_abs`.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FORMATS = ("locomo", "beam", "longmemeval", "talks")
MAX_TEXT_BYTES = 102_400
"""What one memory takes (docs/api.md): a longer message becomes several, each of which answers for it."""

_SESSION = re.compile(r"session_(\d+)")
_TURN = re.compile(r"D:?(\d+):(\d+)")
_CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
_LOCOMO_TIME = "%I:%M %p on %d %B, %Y"
_BEAM_TIME = "%B-%d-%Y"
_LONGMEMEVAL_TIME = "%Y/%m/%d (%a) %H:%M"


@dataclass(frozen=True, slots=True)
class Turn:
    """What is remembered as one memory. `turn_id` is what evidence names; parts of one message share it."""

    turn_id: str
    text: str
    speaker: str | None
    session: str
    said_at: datetime | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its category, and the ids of the turns that hold the answer."""

    text: str
    category: str
    evidence: frozenset[str]


@dataclass(frozen=True, slots=True)
class Conversation:
    """The memories of one owner, in the order in which they were said, and what is asked about them."""

    name: str
    turns: tuple[Turn, ...]
    questions: tuple[Question, ...]


def read(path: Path, kind: str) -> list[Conversation]:
    """Return the file's conversations. Raises `OSError`, and `ValueError` for a file of another form."""
    if kind == "talks":
        return [_talk(each) for each in (sorted(path.glob("*.txt")) if path.is_dir() else [path])]
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    try:
        reader = {"locomo": _locomo, "beam": _beam, "longmemeval": _longmemeval}[kind]
        return [reader(each) for each in json.loads(raw)]
    except (KeyError, TypeError, ValueError) as error:
        message = f"{path} is not a file of the form {kind!r} ({type(error).__name__})."
        raise ValueError(message) from error


def _talk(path: Path) -> Conversation:
    turns: list[Turn] = []
    asked: list[Question] = []
    session, when = "", None
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("@"):
                _, session, said_at = line.split()
                when = datetime.fromisoformat(said_at)
            elif line.startswith("?"):
                category, question, evidence = (part.strip() for part in line[1:].split("|"))
                asked.append(Question(question, category, frozenset(evidence.split())))
            elif line:
                turn_id, rest = line.split(" ", 1)
                speaker, text = rest.split(": ", 1)
                turns.append(Turn(turn_id, text, speaker, session, when))
    except ValueError as error:
        message = f"{path} is not a file of the form 'talks' ({error})."
        raise ValueError(message) from error
    return Conversation(path.stem, tuple(turns), tuple(asked))


def _locomo(sample: dict[str, Any]) -> Conversation:
    talk = sample["conversation"]
    numbers = sorted(int(match[1]) for name in talk if (match := _SESSION.fullmatch(name)))
    turns = [
        Turn(said["dia_id"], said["text"], said["speaker"], f"session_{number}", _time(talk[f"session_{number}_date_time"]))
        for number in numbers
        for said in talk[f"session_{number}"]
        if said["text"].strip()
    ]
    known = {turn.turn_id for turn in turns}
    asked = [
        Question(each["question"], _CATEGORIES[each["category"]], frozenset(_named(each.get("evidence", ()))) & known)
        for each in sample["qa"]
        if each["category"] in _CATEGORIES
    ]
    return Conversation(sample["sample_id"], tuple(turns), tuple(question for question in asked if question.evidence))


def _beam(chat: dict[str, Any]) -> Conversation:
    turns: list[Turn] = []
    when: datetime | None = None
    for message in chat["messages"]:
        # A time stands only where it changes.
        when = _time(message["time"], _BEAM_TIME) or when
        session = f"batch_{message['batch']}"
        turns += [Turn(str(message["id"]), part, message["role"], session, when) for part in parts(message["text"])]
    known = {turn.turn_id for turn in turns}
    asked = [
        Question(each["question"], each["type"], frozenset(map(str, each["evidence"])) & known) for each in chat["questions"]
    ]
    return Conversation(chat["chat"], tuple(turns), tuple(question for question in asked if question.evidence))


def _longmemeval(asked: dict[str, Any]) -> Conversation:
    turns: list[Turn] = []
    evidence: set[str] = set()
    sessions = zip(asked["haystack_session_ids"], asked["haystack_dates"], asked["haystack_sessions"], strict=True)
    for number, (session, date, messages) in enumerate(sessions):
        when = _time(date, _LONGMEMEVAL_TIME)
        for place, message in enumerate(messages):
            said = [Turn(f"{number}.{place}", part, message["role"], session, when) for part in parts(message["content"])]
            turns += said
            if message.get("has_answer"):
                evidence.update(turn.turn_id for turn in said)
    question = Question(asked["question"], asked["question_type"], frozenset(evidence))
    is_answered = bool(evidence) and not asked["question_id"].endswith("_abs")
    return Conversation(asked["question_id"], tuple(turns), (question,) if is_answered else ())


def parts(text: str, most_bytes: int = MAX_TEXT_BYTES) -> Iterator[str]:
    """Yield the text in pieces of at most so many bytes of UTF-8; nothing for a blank one."""
    raw = text.encode("utf-8", "replace")
    while raw.strip():
        piece = raw[:most_bytes].decode("utf-8", "ignore")
        yield piece
        raw = raw[len(piece.encode()) :]


def _named(evidence: list[str]) -> Iterator[str]:
    """Yield the ids that a question names: some stand together in one string, some have a colon too many."""
    for each in evidence:
        yield from (f"D{session}:{turn}" for session, turn in _TURN.findall(each))


def _time(text: str | None, form: str = _LOCOMO_TIME) -> datetime | None:
    return datetime.strptime(text, form).replace(tzinfo=UTC) if text else None
