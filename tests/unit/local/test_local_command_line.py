import os
from pathlib import Path

import pytest

from infrastructure.local import __main__ as command_line
from infrastructure.local import process, state


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    return ["--state", str(tmp_path / "state"), "--template", str(tmp_path / "template.yaml")]


@pytest.mark.parametrize(("command", "code", "said"), [("status", 1, "No emulator runs."), ("down", 0, "No emulator runs.")])
def test_a_stack_that_does_not_run_is_told(
    options: list[str], capsys: pytest.CaptureFixture[str], command: str, code: int, said: str
) -> None:
    assert command_line.main([command, *options]) == code
    assert capsys.readouterr().out.strip() == said


def test_what_went_wrong_is_one_message_without_a_traceback(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "template.yaml").write_text("Resources: {}")

    assert command_line.main(["push", *options]) == 1
    assert capsys.readouterr().err.startswith("Nothing is deployed yet.")


def test_logs_prints_as_many_lines_as_asked(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state.prepare(tmp_path / "state")
    (tmp_path / "state" / "emulator.log").write_text("1\n2\n3\n")

    assert command_line.main(["logs", "--no-follow", "--lines", "2", *options]) == 0
    assert capsys.readouterr().out == "2\n3\n"


def test_reset_leaves_a_directory_alone_that_is_not_ours(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "mine").touch()

    assert command_line.main(["reset", *options]) == 1
    assert "left alone" in capsys.readouterr().err


def test_status_names_who_holds_the_state(options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state.prepare(tmp_path / "state")
    descriptor = process.hold(tmp_path / "state", process.Running(os.getpid(), 1, 2))

    # The lock is held, and nothing answers on the port.
    assert command_line.main(["status", "--port", "1", *options]) == 1
    captured = capsys.readouterr()
    assert f"pid {os.getpid()}" in captured.out
    assert "No emulator answers on port 1" in captured.err
    os.close(descriptor)


def test_every_command_explains_itself() -> None:
    help_text = command_line.parser().format_help()

    assert set(command_line.COMMANDS) == {"up", "down", "reset", "push", "status", "logs"}
    assert all(name in help_text for name in command_line.COMMANDS)
