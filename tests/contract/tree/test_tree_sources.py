"""What every source file keeps to."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
FOLDERS = ("benchmarks", "docs", "examples", "functions", "infrastructure", "layers", "requirements", "shared", "tests", ".ci")
WRITTEN = {".in", ".json", ".md", ".mk", ".py", ".toml", ".txt", ".yaml", ""}
GENERATED = {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".aws-sam", ".local"}
MOST_LINES = 400
# Spelt in parts: this file is read too.
LATER = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "Not" + "ImplementedError")) + r")\b")
MACHINE = re.compile(r"(?<![\w.$})~-])/(?:work|root|home|Users)/[\w.]")
# A function of the stack's own sample application that is slow on purpose: a subject of tests, not a test.
SLOW_ON_PURPOSE = {Path("tests/integration/local/app/functions/api/probe.py")}


def files() -> list[Path]:
    """Return what people wrote, from the root of the tree and from its folders."""
    found = [path for path in ROOT.iterdir() if path.is_file()]
    found += [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")]
    return sorted(
        path.relative_to(ROOT)
        for path in found
        if path.is_file() and path.suffix in WRITTEN and not GENERATED & set(path.relative_to(ROOT).parts)
    )


def sources() -> list[Path]:
    return [path for path in files() if path.suffix == ".py"]


def having(pattern: re.Pattern[str]) -> set[str]:
    """Return `FILE:LINE` of each line that the pattern matches."""
    return {
        f"{path}:{number}"
        for path in files()
        for number, line in enumerate((ROOT / path).read_text().splitlines(), 1)
        if pattern.search(line)
    }


def named_in(path: Path) -> set[str]:
    """Return the dotted names that a source file imports or uses: `time.sleep`, `unittest.mock`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{node.value.id}.{node.attr}")
    return names


def test_there_are_sources_to_look_at() -> None:
    assert {Path("functions/api/status.py"), Path("shared/backend/bootstrap.py")} <= set(sources())


def test_a_source_file_can_be_read_in_one_sitting() -> None:
    lengths = {str(path): len((ROOT / path).read_text().splitlines()) for path in sources()}

    assert {path: length for path, length in lengths.items() if length > MOST_LINES} == {}


def test_nothing_is_left_for_later() -> None:
    assert having(LATER) == set()


def test_no_path_of_one_machine_is_written_down() -> None:
    assert having(MACHINE) == set()


@pytest.mark.parametrize("name", ["time.sleep", "unittest.mock"])
def test_no_test_waits_on_the_clock_of_the_wall_or_replaces_our_code_by_mocks(name: str) -> None:
    tests = {path for path in sources() if path.parts[0] == "tests"} - SLOW_ON_PURPOSE

    assert {path for path in tests if name in named_in(path)} == set()
    assert {path for path in SLOW_ON_PURPOSE if "time.sleep" not in named_in(path)} == set()


def test_what_is_slow_on_purpose_and_what_is_written_in_parts_would_be_seen() -> None:
    assert LATER.search("# TO" + "DO: later")
    assert MACHINE.search('open("/ho' + 'me/somebody/file")')
    assert not MACHINE.search("https://example.org/ho" + "me/page")
