"""Bandit on the product and on what builds it.

Ruff's `S` rules are Bandit's under another name, `B311` is `S311`. A line that is let off there, with its reason, is let off
here too, and so is a folder by `per-file-ignores`: one fault, one reason.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

from infrastructure.gates.findings import Finding, allowances, judged
from infrastructure.gates.programs import ROOT, ToolError, run

LOOKED_AT = ("shared", "functions", "infrastructure", "layers", "examples", "benchmarks")
_FOUND_SOMETHING = 1
_LET_OFF = re.compile(r"# noqa: ([A-Z0-9, ]+)")


def gate() -> list[Finding]:
    """Return what is not allowed; the list names files, because lines move."""
    return judged(findings(ROOT, LOOKED_AT), allowances("bandit"))


def findings(folder: Path, targets: Sequence[str]) -> set[Finding]:
    """Return what Bandit says of these parts of a folder. Raises `ToolError` when a file could not be read."""
    settings = ["--configfile", str(ROOT / "pyproject.toml")]
    answer = run(
        "bandit", ["--quiet", "--recursive", "--format", "json", *settings, *targets], folder=folder, fine=(0, _FOUND_SOMETHING)
    )
    report: Any = json.loads(answer.out)
    if report["errors"] or not report["metrics"]["_totals"]["loc"]:
        msg = f"bandit did not read everything: {report['errors'] or 'it found no file'}"
        raise ToolError(msg)
    return {_finding(each) for each in report["results"] if not _is_let_off(folder, each)}


@cache
def let_off() -> dict[str, list[str]]:
    """Return which of Ruff's rules are let off in which files."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: dict[str, list[str]] = settings["tool"]["ruff"]["lint"]["per-file-ignores"]
    return found


def _is_let_off(folder: Path, result: dict[str, Any]) -> bool:
    same = "S" + result["test_id"][1:]
    if any(fnmatch(Path(result["filename"]).as_posix(), pattern) and same in rules for pattern, rules in let_off().items()):
        return True
    lines = (folder / result["filename"]).read_text().splitlines()
    told = (_LET_OFF.search(lines[number - 1]) for number in result["line_range"])
    return any(found and same in found[1].replace(" ", "").split(",") for found in told)


def _finding(result: dict[str, Any]) -> Finding:
    path = Path(result["filename"]).as_posix()
    return Finding(result["test_id"], path, f"line {result['line_number']}: {result['issue_text']}")
