"""Our own rules, in `semgrep/`: what a past fault or a rule of the design says, and no linter knows.

A line is let off by a comment, `nosemgrep: RULE - reason`. Semgrep is told to look past these, so that one which nothing
needs any more is found too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from infrastructure.gates.findings import Finding
from infrastructure.gates.programs import ROOT, ToolError, run

RULES = Path(__file__).with_name("semgrep")
LOOKED_AT = ("shared", "functions", "infrastructure")
_LET_OFF = re.compile(r"# nosemgrep: ([\w-]+)")
_FOUND_SOMETHING = 1


def gate() -> list[Finding]:
    """Return what is not let off."""
    return findings(ROOT, LOOKED_AT)


def findings(folder: Path, targets: Sequence[str]) -> list[Finding]:
    """Return what the rules say of these parts of a folder. Raises `ToolError` when there was nothing to read."""
    arguments = ["scan", "--metrics=off", "--disable-version-check", "--disable-nosem", "--no-git-ignore", "--json", "--quiet"]
    answer = run("semgrep", [*arguments, "--config", str(RULES), *targets], folder=folder, fine=(0, _FOUND_SOMETHING))
    report = json.loads(answer.out)
    if report["errors"] or not report["paths"]["scanned"]:
        msg = f"semgrep did not read everything: {report['errors'] or 'it found no file'}"
        raise ToolError(msg)
    let_off = {each for path in report["paths"]["scanned"] if path.endswith(".py") for each in let_off_in(folder, path)}
    found = {_key(each): each["extra"]["message"] for each in report["results"]}
    left = [_finding(key, message) for key, message in found.items() if key not in let_off]
    unused = [_finding(key, "nothing is found on this line any more") for key in let_off - found.keys()]
    return sorted(left + unused)


def let_off_in(folder: Path, path: str) -> set[tuple[str, str, int]]:
    """Return (rule, path, line) of each comment that lets a line off."""
    lines = (folder / path).read_text().splitlines()
    return {(found[1], path, number) for number, line in enumerate(lines, 1) if (found := _LET_OFF.search(line))}


def _key(result: dict) -> tuple[str, str, int]:  # type: ignore[type-arg]  # any JSON
    # A rule's id begins with the folders that it lies in.
    return result["check_id"].rpartition(".")[2], result["path"], result["start"]["line"]


def _finding(key: tuple[str, str, int], message: str) -> Finding:
    rule, path, line = key
    return Finding(rule, f"{path}:{line}", message)
