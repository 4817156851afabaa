"""detect-secrets on every file of the tree, against the baseline of what looks like a secret and is none.

`.venv/bin/python -m infrastructure.gates accept-secrets` writes the baseline anew, after somebody looked at what it would
take in. It holds hashes, no lines: these move.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from infrastructure.gates.findings import Finding
from infrastructure.gates.programs import OURS, ROOT, ToolError, run

BASELINE = ROOT / ".secrets.baseline"
GENERATED = frozenset({"__pycache__", "node_modules", "build", "dist"})
RESOLVED = ("requirements/*.txt", "layers/*/requirements.txt")
"""What `make lock` writes: names, versions, and thousands of digests."""

Secret = tuple[str, str, str]
"""(file, kind, hash)"""


def gate() -> list[Finding]:
    """Return what is not in the baseline, and what stands there and is nowhere any more."""
    return compared(scanned(ROOT, files(ROOT)), baseline())


def files(root: Path) -> list[str]:
    """Return every file of the tree that is not generated: what git knows or would take, else all but hidden folders."""
    # From a tarball there is no git to ask; then what is generated is left out by its name.
    told = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607 - whichever git the user has
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode == 0 and told.stdout:
        names = [name for name in told.stdout.split("\0") if name]
    else:
        found = (path.relative_to(root) for path in root.rglob("*") if path.is_file())
        names = [str(path) for path in found if not any(part.startswith(".") or part in GENERATED for part in path.parts[:-1])]
    left_out = (BASELINE.name, *RESOLVED)
    return sorted(name for name in names if not any(fnmatch(name, each) for each in left_out) and (root / name).is_file())


def scanned(root: Path, names: Sequence[str]) -> dict[Secret, int]:
    """Return what looks like a secret in these files, and in which line. Raises `ToolError` when there is no file."""
    if not names:
        msg = "There is no file to look for secrets in."
        raise ToolError(msg)
    answer = run("detect-secrets", ["scan", "--no-verify", *names], folder=root, programs=OURS)
    report: dict[str, Any] = json.loads(answer.out)
    return {
        (path, each["type"], each["hashed_secret"]): each["line_number"]
        for path, several in report["results"].items()
        for each in several
    }


def baseline(path: Path = BASELINE) -> set[Secret]:
    """Return what somebody looked at and found to be none."""
    report: dict[str, Any] = json.loads(path.read_text())
    return {(name, each["type"], each["hashed_secret"]) for name, several in report["results"].items() for each in several}


def compared(found: dict[Secret, int], known: set[Secret]) -> list[Finding]:
    """Return what is new, and what is no more."""
    cure = "if it is none: .venv/bin/python -m infrastructure.gates accept-secrets"
    new = [Finding(kind, f"{path}:{found[path, kind, mark]}", cure) for path, kind, mark in sorted(found.keys() - known)]
    lost = sorted(known - found.keys())
    gone = [Finding("UNUSED_ALLOWANCE", path, f"its {kind} is there no more: {cure}") for path, kind, _ in lost]
    return new + gone


def accept(root: Path = ROOT, path: Path = BASELINE) -> int:
    """Write the baseline anew and return how many it holds."""
    found = sorted(scanned(root, files(root)))
    results: dict[str, list[dict[str, str]]] = {}
    for name, kind, mark in found:
        results.setdefault(name, []).append({"type": kind, "hashed_secret": mark})
    path.write_text(json.dumps({"results": results}, indent=1) + "\n")
    return len(found)
