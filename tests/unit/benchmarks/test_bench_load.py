"""The load benchmark sends the mix that it names, and counts what fails."""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.load import ADD, HEALTH, MIXED, QUERY, Client, Phase, sender, table, together
from benchmarks.processes import tree_seconds
from benchmarks.target import Target


class Service:
    """Answers what it is told to, and keeps what was sent."""

    def __init__(self, answer: Callable[[str], int] = lambda _: 200) -> None:
        self.sent: list[tuple[str, str, Any]] = []
        self._answer = answer
        self._guard = threading.Lock()

    def send(self, method: str, path: str, body: Any) -> int:
        with self._guard:
            self.sent.append((method, path, body))
        return self._answer(path)


def times(count: int) -> Callable[[int, float], bool]:
    return lambda done, _: done < count


def test_the_mix_is_two_questions_to_each_add() -> None:
    service = Service()
    phase = together([Client(number, "run", service.send) for number in range(3)], MIXED, times(9))

    assert Counter(path for _, path, _ in service.sent) == {"/memory/query": 18, "/memory/add": 9}
    assert {kind: len(seconds) for kind, seconds in phase.seconds.items()} == {QUERY: 18, ADD: 9}


def test_every_client_has_an_end_user_of_its_own() -> None:
    service = Service()
    together([Client(number, "run", service.send) for number in range(4)], ADD, times(2))

    assert len({body["user_id"] for _, _, body in service.sent}) == 4


def test_what_is_refused_or_breaks_off_is_an_error_and_no_figure() -> None:
    service = Service(lambda path: 503 if path == "/memory/add" else 0)
    phase = together([Client(0, "run", service.send)], MIXED, times(3))

    assert (phase.requests, sorted(phase.errors)) == (0, [0, 0, 503])


def test_nobody_there_is_an_error_and_not_an_exception() -> None:
    assert sender(Target("http://127.0.0.1:9", "key"))("GET", "/health", None) == 0


def test_throughput_is_told_beside_that_of_the_bare_request() -> None:
    bare = Phase(8, HEALTH, 0.0, 1.0, {HEALTH: [0.01] * 100})
    asked = Phase(8, QUERY, 0.0, 2.0, {QUERY: [0.02] * 50}, [500])
    _, row = table([bare, asked])

    assert (row["all requests/s"], row["x health"], row["errors"]) == (25.0, 0.25, 1)


def process(folder: Path, pid: int, parent: int, ticks: tuple[int, int, int, int]) -> None:
    (folder / str(pid)).mkdir()
    fields = ["S", str(parent), *["0"] * 9, *map(str, ticks), "0"]
    (folder / str(pid) / "stat").write_text(f"{pid} (a (name) of two) {' '.join(fields)}")


def test_the_processor_time_of_a_service_is_that_of_all_it_started_and_of_nobody_else(tmp_path: Path) -> None:
    second = os.sysconf("SC_CLK_TCK")
    process(tmp_path, 10, 1, (second, second, 0, 0))
    process(tmp_path, 11, 10, (second, 0, 0, second))
    process(tmp_path, 12, 11, (0, second, 0, 0))
    process(tmp_path, 13, 1, (50 * second, 0, 0, 0))
    (tmp_path / "14").mkdir()

    assert tree_seconds(10, tmp_path) == 5.0
    assert tree_seconds(99, tmp_path) == 0.0
