"""What the service is filled with, and whom it is asked of."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.index.embedded import EmbeddedIndex
from backend.kit.clock import SystemClock
from benchmarks.filled import asked, main, turns_of
from benchmarks.query import memory_of, scope_of, write
from examples.service import Service
from tests.unit.examples.small_service import SmallService


def test_an_end_user_says_different_things_in_sessions_of_forty_turns() -> None:
    turns = turns_of(100)

    assert len({turn.text for turn in turns}) == len({turn.said_at for turn in turns}) == 100
    assert [sum(turn.session == f"s{number}" for turn in turns) for number in range(3)] == [40, 40, 20]


def test_the_others_are_in_the_index_each_its_owners(tmp_path: Path) -> None:
    write(tmp_path / "index.db", 2000, 2)

    index = EmbeddedIndex(tmp_path / "index.db", SystemClock())
    memories = [memory_of(number, 2) for number in (0, 1, 1998, 1999)]
    held = [index.versions(scope_of(int((memory.end_user_id or "")[1:])), [memory.memory_id]) for memory in memories]
    index.close()
    assert held == [{memory.memory_id: 1} for memory in memories]


def test_a_question_that_is_answered_in_part_or_short_is_counted() -> None:
    small = SmallService("key")
    small.degraded = ["index"]
    with Service("http://127.0.0.1:8080", "key", transport=small.transport) as service:
        figures = asked(service, "nobody", 3, None)

    assert (figures["degraded"], figures["short"], figures["processor ms"]) == (3, 3, None)


@pytest.mark.parametrize("wrong", [["--held", "100"], ["--few", "5000"], ["--few", "1"]])
def test_owners_that_cannot_be_are_refused_by_the_options_name(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)
    assert "--held" in capsys.readouterr().err
