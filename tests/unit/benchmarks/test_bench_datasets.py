"""The files of others are read as they are, and what cannot be judged is left out."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.datasets import parts, read

LOCOMO: dict[str, Any] = {
    "sample_id": "conv-1",
    "conversation": {
        "speaker_a": "Ann",
        "speaker_b": "Ben",
        "session_10_date_time": "8:05 am on 9 June, 2023",
        "session_10": [{"speaker": "Ben", "dia_id": "D10:1", "text": "The boat is sold."}],
        "session_2_date_time": "1:56 pm on 8 May, 2023",
        "session_2": [
            {"speaker": "Ann", "dia_id": "D2:1", "text": "I bought a boat."},
            {"speaker": "Ben", "dia_id": "D2:2", "text": "  "},
        ],
        "session_3_date_time": "1:56 pm on 9 May, 2023",
    },
    "qa": [
        {"question": "Who bought a boat?", "answer": "Ann", "evidence": ["D2:1"], "category": 4},
        {"question": "What became of it?", "answer": "Sold", "evidence": ["D2:1; D:10:1", "D"], "category": 1},
        {"question": "Who knows?", "answer": "?", "evidence": [], "category": 3},
        {"question": "Where is the plane?", "adversarial_answer": "?", "evidence": ["D2:1"], "category": 5},
    ],
}
BEAM: dict[str, Any] = {
    "chat": "100K/1",
    "messages": [
        {"id": 0, "role": "user", "batch": 1, "time": "March-15-2024", "text": "Plan my week."},
        {"id": 1, "role": "assistant", "batch": 1, "time": None, "text": "Done."},
    ],
    "questions": [
        {"type": "temporal_reasoning", "question": "When?", "answer": "", "evidence": [0, 1]},
        {"type": "abstention", "question": "Why?", "answer": "", "evidence": []},
    ],
}
LONGMEMEVAL: dict[str, Any] = {
    "question_id": "q1",
    "question_type": "single-session-user",
    "question": "What did I plant?",
    "question_date": "2023/05/30 (Tue) 23:40",
    "answer": "A pear",
    "answer_session_ids": ["answer_1"],
    "haystack_session_ids": ["other_1", "answer_1"],
    "haystack_dates": ["2023/05/20 (Sat) 02:21", "2023/05/21 (Sun) 09:00"],
    "haystack_sessions": [
        [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": " "}],
        [
            {"role": "user", "content": "I planted a pear.", "has_answer": True},
            {"role": "assistant", "content": "Water it well.", "has_answer": False},
        ],
    ],
}


def written(folder: Path, samples: Any, name: str = "data.json") -> Path:
    path = folder / name
    raw = json.dumps(samples).encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def test_turns_of_locomo_stand_in_the_order_of_their_sessions(tmp_path: Path) -> None:
    [talk] = read(written(tmp_path, [LOCOMO]), "locomo")

    assert [(turn.turn_id, turn.speaker, turn.session) for turn in talk.turns] == [
        ("D2:1", "Ann", "session_2"),
        ("D10:1", "Ben", "session_10"),
    ]
    assert talk.turns[0].said_at == datetime(2023, 5, 8, 13, 56, tzinfo=UTC)


def test_questions_without_evidence_and_about_what_was_never_said_are_left_out(tmp_path: Path) -> None:
    [talk] = read(written(tmp_path, [LOCOMO]), "locomo")

    assert [(question.text, question.category) for question in talk.questions] == [
        ("Who bought a boat?", "single-hop"),
        ("What became of it?", "multi-hop"),
    ]


def test_evidence_is_understood_as_carelessly_as_it_is_written(tmp_path: Path) -> None:
    [talk] = read(written(tmp_path, [LOCOMO]), "locomo")

    assert talk.questions[1].evidence == {"D2:1", "D10:1"}


def test_a_packed_file_of_beam_is_read_and_a_time_holds_until_the_next(tmp_path: Path) -> None:
    [talk] = read(written(tmp_path, [BEAM], "data.json.gz"), "beam")

    assert [turn.said_at for turn in talk.turns] == [datetime(2024, 3, 15, tzinfo=UTC)] * 2
    assert [(question.category, question.evidence) for question in talk.questions] == [
        ("temporal_reasoning", frozenset({"0", "1"}))
    ]


def test_each_question_of_longmemeval_is_asked_about_a_history_of_its_own(tmp_path: Path) -> None:
    [talk] = read(written(tmp_path, [LONGMEMEVAL]), "longmemeval")

    assert [(turn.turn_id, turn.speaker, turn.session, turn.said_at) for turn in talk.turns] == [
        ("0.0", "user", "other_1", datetime(2023, 5, 20, 2, 21, tzinfo=UTC)),
        ("1.0", "user", "answer_1", datetime(2023, 5, 21, 9, tzinfo=UTC)),
        ("1.1", "assistant", "answer_1", datetime(2023, 5, 21, 9, tzinfo=UTC)),
    ]
    assert [(question.text, question.category, question.evidence) for question in talk.questions] == [
        ("What did I plant?", "single-session-user", frozenset({"1.0"}))
    ]


def test_what_a_history_of_longmemeval_cannot_answer_is_not_asked(tmp_path: Path) -> None:
    unanswerable = {**LONGMEMEVAL, "question_id": "q1_abs"}
    unmarked = {**LONGMEMEVAL, "haystack_sessions": [LONGMEMEVAL["haystack_sessions"][0]] * 2}

    assert [talk.questions for talk in read(written(tmp_path, [unanswerable, unmarked]), "longmemeval")] == [(), ()]


def test_a_message_too_long_for_a_memory_becomes_several_that_answer_for_it(tmp_path: Path) -> None:
    long = {**BEAM, "messages": [{**BEAM["messages"][0], "text": "ü" * 60_000}, BEAM["messages"][1]]}
    [talk] = read(written(tmp_path, [long]), "beam")

    assert [turn.turn_id for turn in talk.turns] == ["0", "0", "1"]
    assert "".join(turn.text for turn in talk.turns[:2]) == "ü" * 60_000


def test_parts_never_cut_a_character_in_two() -> None:
    assert list(parts("aüb", 2)) == ["a", "ü", "b"]
    assert list(parts("  ")) == []


def test_a_file_of_another_form_is_refused_without_a_word_of_it(tmp_path: Path) -> None:
    path = written(tmp_path, [{"secret": "words"}])

    with pytest.raises(ValueError, match="not a file of the form 'locomo'") as refused:
        read(path, "locomo")
    assert "words" not in str(refused.value)
