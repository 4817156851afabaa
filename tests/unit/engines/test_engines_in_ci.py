"""What continuous integration does about engines: it runs them, or says last of all that it did not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FIRST = ["make setup []", "make check []", "make test-pythons []", "make test-packages []"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of the script alone, with a make that says how it was called."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    program(tmp_path / "tools" / "make", 'echo "make $* [$ENGINES_MISSING]"')
    return tmp_path


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run(tree: Path, python: str) -> tuple[int, list[str]]:
    """Run the script with a Python that answers so when it is asked what is missing; return its code and the calls of make."""
    program(tree / ".venv" / "bin" / "python", python)
    path = {"PATH": f"{tree / 'tools'}:/usr/bin:/bin"}
    done = subprocess.run([tree / ".ci" / "run"], env=path, capture_output=True, text=True, check=False, timeout=60)
    return done.returncode, [line for line in done.stdout.splitlines() if " took " not in line]


def test_engines_whose_tools_are_there_have_their_say_before_all_tests(tree: Path) -> None:
    assert run(tree, "exit 0") == (0, [*FIRST, "make test-engines []", "make test []"])


def test_engines_without_their_tools_are_left_out_and_the_last_run_is_told(tree: Path) -> None:
    assert run(tree, "echo mvn cargo; exit 1") == (0, [*FIRST, "make test [mvn cargo]"])


def test_a_question_that_fails_is_not_taken_for_tools_that_are_missing(tree: Path) -> None:
    assert run(tree, "exit 1") == (1, FIRST[:1])


@pytest.mark.parametrize("step", ["setup", "check", "test-pythons", "test-packages", "test"])
def test_a_step_that_fails_fails_the_run(tree: Path, step: str) -> None:
    program(tree / "tools" / "make", f'[ "$1" != {step} ]')
    assert run(tree, "exit 0")[0] == 1


def test_an_engine_that_cannot_be_built_fails_the_run(tree: Path) -> None:
    program(tree / "tools" / "make", '[ "$1" != test-engines ]')
    assert run(tree, "exit 0")[0] == 1


def test_tests_that_run_on_end_with_an_engine_that_fails(tree: Path) -> None:
    begun = tree / "begun"
    script = f"""case "$1" in
      test-engines) until [ -s {begun} ]; do :; done; exit 1 ;;
      test) echo $$ > {begun}; exec sleep 50 ;;
    esac"""
    program(tree / "tools" / "make", script)

    assert run(tree, "exit 0")[0] == 1

    with pytest.raises(ProcessLookupError):
        os.kill(int(begun.read_text()), 0)


def test_what_was_left_out_is_said_just_before_the_closing_line(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text("def test_one(): pass\n")
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    said = {}
    for missing in ("", "mvn cargo"):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", ".", "."]
        done = subprocess.run(
            command,
            env={"ENGINES_MISSING": missing, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        said[missing] = done.stdout.splitlines()
    assert said["mvn cargo"][-2] == "ENGINES NOT RUN: mvn cargo"
    assert " 1 passed in " in said["mvn cargo"][-1]
    assert not any("ENGINES" in line for line in said[""])
