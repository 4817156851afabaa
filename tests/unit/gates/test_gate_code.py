"""Bandit, and the comments that let a line off."""

from __future__ import annotations

from pathlib import Path

import pytest

from infrastructure.gates import bandit, suppressions
from infrastructure.gates.programs import ToolError

# Spelt in parts: this file is looked at too.
NOQA, IGNORE, NOSEC, NOSEMGREP = "# no" + "qa", "# type: " + "ignore", "# no" + "sec", "# nosem" + "grep"
SHELL = "import subprocess\nsubprocess.run(command, shell=True, check=False)"


def written(folder: Path, text: str) -> Path:
    (folder / "shared").mkdir(exist_ok=True)
    (folder / "shared" / "code.py").write_text(text + "\n")
    return folder


def test_bandit_finds_a_command_that_a_shell_reads(tmp_path: Path) -> None:
    found = bandit.findings(written(tmp_path, SHELL), ["shared"])

    assert [(each.check, each.place) for each in found] == [("B602", "shared/code.py")]


def test_bandit_finds_nothing_in_clean_code(tmp_path: Path) -> None:
    assert bandit.findings(written(tmp_path, "answer = 6 * 7"), ["shared"]) == set()


@pytest.mark.parametrize(("rule", "left"), [("S602", 0), ("S603, S602", 0), ("S603", 1)])
def test_what_is_let_off_for_ruff_is_let_off_for_bandit_and_nothing_else_is(tmp_path: Path, rule: str, left: int) -> None:
    found = bandit.findings(written(tmp_path, f"{SHELL}  {NOQA}: {rule} - a fixed command"), ["shared"])

    assert len(found) == left


def test_a_folder_that_lets_off_a_rule_for_ruff_does_so_for_bandit(tmp_path: Path) -> None:
    call = 'import subprocess\nsubprocess.run(["/bin/true"], check=True)'
    for folder in ("infrastructure", "shared"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "code.py").write_text(call + "\n")

    assert [each.place for each in bandit.findings(tmp_path, ["infrastructure", "shared"])] == ["shared/code.py"]


@pytest.mark.parametrize("text", ["def broken(:", ""])
def test_code_that_bandit_cannot_read_is_no_clean_code(tmp_path: Path, text: str) -> None:
    with pytest.raises(ToolError):
        bandit.findings(written(tmp_path, text), ["shared"])


@pytest.mark.parametrize(
    ("comment", "checks"),
    [
        (f"{NOQA}: S602", ["NO_REASON"]),
        (f"{NOQA}: S602, S603", ["NO_REASON"]),
        (f"{NOQA}: S602 -", ["NO_REASON"]),
        (f"{IGNORE}[arg-type]", ["NO_REASON"]),
        (f"{NOSEC}: B602", ["NO_REASON"]),
        (f"{NOSEMGREP}: no-sleep", ["NO_REASON"]),
        ("# ruff: no" + "qa: E501", ["NO_REASON"]),
        ("# pragma: no" + " cover", ["NO_REASON"]),
        ("# pragma: allow" + "list secret", ["NO_REASON"]),
        (NOQA, ["LETS_OFF_EVERYTHING", "NO_REASON"]),
        (f"{NOQA} - because", ["LETS_OFF_EVERYTHING"]),
        (f"{IGNORE}  # because", ["LETS_OFF_EVERYTHING"]),
        (f"{NOQA}: S602 - the command is fixed", []),
        (f"{NOQA}: S602, S603 - the command is fixed", []),
        (f"{IGNORE}[arg-type]  # the stubs are wrong here", []),
        (f"{IGNORE}[arg-type]  {NOQA}: ANN401 - the stubs are wrong here", []),
        (f"{NOSEMGREP}: no-sleep - on purpose", []),
        ("# A comment that speaks of noq" + "a in passing.", []),
        ("# ordinary", []),
    ],
)
def test_a_comment_that_lets_a_line_off_names_the_rule_and_says_why(comment: str, checks: list[str]) -> None:
    assert [check for _, check, _ in suppressions.faults(f"x = 1  {comment}\n")] == checks


def test_what_only_stands_in_a_text_lets_nothing_off() -> None:
    assert list(suppressions.faults(f'x = "{NOQA}"\n')) == []


def test_the_file_and_line_are_told(tmp_path: Path) -> None:
    [found] = suppressions.findings(written(tmp_path, f"\nx = 1  {NOQA}: S602"), ["shared"])

    assert (found.check, found.place) == ("NO_REASON", "shared/code.py:2")
