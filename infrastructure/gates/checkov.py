"""Checkov's built-in rules on every variant of the rendered template: encryption, backups, dead letters, wide permissions."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infrastructure.gates import variants
from infrastructure.gates.findings import Finding, allowances, judged
from infrastructure.gates.programs import ToolError, run
from infrastructure.gates.rendered import Json

FOUND_SOMETHING = 1


def gate() -> list[Finding]:
    """Return what is not allowed."""
    return judged(findings(variants.templates()), allowances("checkov"))


def findings(templates: Mapping[str, Json]) -> set[Finding]:
    """Return what Checkov says of these templates, by logical id."""
    with tempfile.TemporaryDirectory(prefix="templates-") as folder:
        files = [_written(Path(folder) / f"{name}.json", body) for name, body in templates.items()]
        arguments = ["--skip-download", "--framework", "cloudformation", "--compact", "--quiet", "-o", "json"]
        answer = run("checkov", [*arguments, *(part for file in files for part in ("-f", str(file)))], fine=(0, FOUND_SOMETHING))
    report: Any = json.loads(answer.out)
    # A report for each framework that found something to look at; nothing else than ours was asked for.
    found: set[Finding] = set()
    looked_at = 0
    for each in report if isinstance(report, list) else [report]:
        looked_at += each.get("summary", each)["resource_count"]
        if each.get("summary", {}).get("parsing_errors"):
            msg = "Checkov could not read a template."
            raise ToolError(msg)
        found |= {_finding(check) for check in each.get("results", {}).get("failed_checks", [])}
    if not looked_at:
        msg = "Checkov looked at no resource."
        raise ToolError(msg)
    return found


def _written(path: Path, body: Json) -> Path:
    # Indented, because a finding of Checkov is made of lines.
    path.write_text(json.dumps(body, indent=1, default=str))
    return path


def _finding(check: Mapping[str, Any]) -> Finding:
    return Finding(check["check_id"], check["resource"].rpartition(".")[2], check["check_name"])
