"""Every comment that lets a line off a check says why, on that line, and names what it lets off."""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path

from infrastructure.gates.findings import Finding
from infrastructure.gates.programs import ROOT

LOOKED_AT = ("shared", "functions", "infrastructure", "layers", "examples", "benchmarks", "tests")
FEWEST_LETTERS = 4
"""A reason shorter than `HTTP` says nothing."""

# One comment may let a line off several checks; each part is a directive with its reason, or shares the next one's.
_DIRECTIVE = re.compile(
    r"#\s*(?P<what>ruff:\s*noqa|noqa|type:\s*ignore|nosec|nosemgrep|pragma:\s*no\s*cover|pragma:\s*allowlist\s+secret)"
    r"(?P<names>(?:\s*:\s*[A-Z][A-Z0-9]*(?:\s*,\s*[A-Z][A-Z0-9]*)*|\[[\w\-, ]+\]|\s*:\s*[\w-]+)?)"
    r"(?P<rest>[^#]*)"
)
_NAMED = ("noqa", "ruff", "type", "nosec", "nosemgrep")
_REASON = re.compile(r"[A-Za-z]")


def gate() -> list[Finding]:
    """Return the comments without a reason, and those that let off everything."""
    return findings(ROOT, LOOKED_AT)


def findings(root: Path, targets: Sequence[str]) -> list[Finding]:
    """Return them for the Python files of these parts of a folder."""
    paths = sorted(path for target in targets for path in (root / target).rglob("*.py"))
    return [
        Finding(check, f"{path.relative_to(root)}:{line}", detail)
        for path in paths
        for line, check, detail in faults(path.read_text())
    ]


def faults(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield (line, check, detail) of each comment of a source text that is not as it should be."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        found = list(_DIRECTIVE.finditer(token.string))
        for each in found:
            if each["what"].startswith(_NAMED) and not each["names"].strip():
                yield token.start[0], "LETS_OFF_EVERYTHING", each[0].strip()
        if found and sum(map(len, (_REASON.findall(each["rest"]) for each in found))) < FEWEST_LETTERS:
            after = token.string[found[-1].end() :]
            if len(_REASON.findall(after)) < FEWEST_LETTERS:
                yield token.start[0], "NO_REASON", token.string.strip()
