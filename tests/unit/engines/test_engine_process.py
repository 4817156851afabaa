"""An engine is started once for each folder, said to run while it does, and ended with nothing left."""

from __future__ import annotations

import json
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infrastructure.engines.cache import EngineError
from infrastructure.engines.command import Engine, run
from infrastructure.engines.process import Launch, Running, free_port, launch, running, stop


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def served(folder: Path, port: int = 0) -> Running:
    """Start something that listens, and names the folder in its command as every engine does."""
    port = port or free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", "--directory", str(folder), str(port)]
    return launch(folder, port, Launch("The engine", command, answers, 30.0))


def failed(folder: Path, port: int = 0) -> Running:
    command = [sys.executable, "-c", "import sys; sys.exit('no memory')", str(folder)]
    return launch(folder, port, Launch("The engine", command, lambda _: False, 30.0))


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    stop(tmp_path)


def engine_at(folder: Path, *, missing: list[str] | None = None) -> Engine:
    return Engine("an.engine", "An engine.", 0, folder, lambda: missing or [], lambda: folder / "built", served)


def test_an_engine_runs_from_its_start_to_its_stop(folder: Path) -> None:
    started = served(folder)
    assert running(folder) == started
    assert answers(started.port)
    assert stop(folder)
    assert running(folder) is None
    assert not answers(started.port)
    assert not stop(folder)


def test_an_engine_that_was_killed_is_started_again_as_another(folder: Path) -> None:
    first = served(folder)
    assert stop(folder, signal.SIGKILL)
    second = served(folder, first.port)
    assert second.pid != first.pid
    assert running(folder) == second


def test_an_engine_that_ends_at_once_is_said_with_the_end_of_its_output(folder: Path) -> None:
    with pytest.raises(EngineError, match=r"The engine did not start \(code 1\)(.|\n)*no memory"):
        failed(folder)
    assert running(folder) is None
    assert not (folder / "running.json").exists()


def test_an_engine_that_never_answers_is_ended(folder: Path) -> None:
    command = [sys.executable, "-c", "import signal; signal.pause()", str(folder)]
    with pytest.raises(EngineError, match=r"code -9"):
        launch(folder, 0, Launch("The engine", command, lambda _: False, 0.0))
    assert running(folder) is None


def test_an_engine_of_a_folder_beside_is_not_taken_for_this_ones(folder: Path) -> None:
    beside = folder / "one-more"
    started = served(beside)
    try:
        said = json.dumps({"pid": started.pid, "port": started.port})
        (folder / "one").mkdir()
        (folder / "one" / "running.json").write_text(said)
        assert running(folder / "one") is None
    finally:
        stop(beside)


def test_the_commands_say_what_they_did(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = engine_at(folder)
    said = []
    for command, code in (("status", 1), ("build", 0), ("start", 0), ("status", 0), ("stop", 0), ("stop", 0), ("missing", 0)):
        assert run(engine, [command]) == code
        said.append(capsys.readouterr().out.strip())
    assert said[0] == said[5] == "No engine runs."
    assert said[1] == str(folder / "built")
    assert said[3].endswith(said[2])
    assert said[4] == "Stopped."
    assert said[6] == ""


def test_tools_that_are_missing_are_named_and_the_code_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(engine_at(folder, missing=["cargo", "cc"]), ["missing"]) == 1
    assert capsys.readouterr().out == "cargo cc\n"


def test_an_engine_that_cannot_be_built_is_said_without_a_traceback(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def build() -> Path:
        msg = "cargo failed"
        raise EngineError(msg)

    engine = Engine("an.engine", "An engine.", 0, folder, list, build, served)
    assert run(engine, ["build"]) == 1
    assert capsys.readouterr().err == "cargo failed\n"
