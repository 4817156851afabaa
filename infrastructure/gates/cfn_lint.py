"""cfn-lint on the rendered template: types, limits, names of actions. It decides conditions by itself."""

from __future__ import annotations

import json

from cfnlint.api import lint
from cfnlint.config import ManualArgs

from infrastructure.gates import variants
from infrastructure.gates.findings import Finding, allowances, judged
from infrastructure.gates.rendered import REGION, Json


def gate() -> list[Finding]:
    """Return what is not allowed."""
    return judged(findings(variants.undecided()), allowances("cfn-lint"))


def findings(template: Json) -> set[Finding]:
    """Return what cfn-lint says of a template."""
    found = lint(json.dumps(template, default=str), config=ManualArgs(regions=[REGION]))
    return {Finding(each.rule.id, "/".join(map(str, each.path or ["template"])), each.message) for each in found}
