"""Every policy of every variant of the rendered template: known actions on resources that have them, and no wildcards.

Parliament knows AWS's actions and their resources. Wildcards are counted here, because it takes one inside an ARN for
normal: each stands on the list of what is allowed, and there may be no more than `MOST_WILDCARDS` in all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from infrastructure.gates import variants
from infrastructure.gates.findings import Finding, allowances, judged
from infrastructure.gates.programs import ToolError, run
from infrastructure.gates.rendered import Json

MOST_WILDCARDS = 5
COUNTED = frozenset({"WILDCARD_ACTION", "WILDCARD_RESOURCE"})
SCRIPT = Path(__file__).with_name("parliament_findings.py")
DOCUMENTS = ("PolicyDocument", "KeyPolicy", "AccessPolicies")
IDENTITY = "PolicyDocument"
"""Policies of this name say what their holder may do. The others say who may use the key or domain that they are of: their
resource is that one alone, whatever they call it."""


def gate() -> list[Finding]:
    """Return what is not allowed, and one finding more when there are too many wildcards."""
    found: set[Finding] = set()
    crowded: list[Finding] = []
    for variant, template in variants.templates().items():
        wild = wildcards(template)
        crowded += too_many(variant, wild)
        found |= wild | parliament(template)
    return judged(found, allowances("permissions")) + crowded


def too_many(variant: str, found: Iterable[Finding]) -> list[Finding]:
    """Return one finding when one stack would have more wildcards, allowed or not, than it may."""
    wild = {each.place for each in found if each.check in COUNTED}
    if len(wild) <= MOST_WILDCARDS:
        return []
    return [Finding("TOO_MANY_WILDCARDS", variant, f"{len(wild)} where {MOST_WILDCARDS} are the most")]


def policies(template: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield (logical id, kind, document) of every policy, those inside roles too."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        for each in [properties, *properties.get("Policies", [])]:
            for kind in DOCUMENTS:
                if kind in each:
                    yield name, kind, each[kind]


def parliament(template: Json) -> set[Finding]:
    """Return what Parliament says of the policies that say what their holder may do."""
    documents: dict[str, Json] = {}
    for number, (name, kind, document) in enumerate(policies(template)):
        if kind == IDENTITY:
            # SAM writes its own without a version, which CloudFormation takes.
            documents[f"{name}#{number}"] = {"Version": "2012-10-17", **document}
    if not documents:
        msg = "The template has no policies."
        raise ToolError(msg)
    answer = run("python", [str(SCRIPT)], text=json.dumps(documents))
    return {Finding(check, name.partition("#")[0], detail) for name, check, detail in json.loads(answer.out)}


def wildcards(template: Json) -> set[Finding]:
    """Return each action, resource and principal with a `*`."""
    found: set[Finding] = set()
    for name, kind, document in policies(template):
        for statement in listed(document["Statement"]):
            parts = {"ACTION": listed(statement.get("Action", [])), "PRINCIPAL": principals(statement)}
            if kind == IDENTITY:
                parts["RESOURCE"] = listed(statement.get("Resource", []))
            found |= {
                Finding("WILDCARD_RESOURCE", f"{name} {word}", "everything but what is named")
                for word in ("NotAction", "NotResource", "NotPrincipal")
                if word in statement
            }
            found |= {
                Finding(f"WILDCARD_{part}", f"{name} {each}", "whatever has such a name")
                for part, several in parts.items()
                for each in several
                if "*" in each
            }
    return found


def principals(statement: Mapping[str, Any]) -> list[str]:
    """Return whom a statement names."""
    named = statement.get("Principal", [])
    groups = list(named.values()) if isinstance(named, dict) else [named]
    return [str(each) for group in groups for each in listed(group)]


def listed(value: Any) -> list[Any]:  # noqa: ANN401 - IAM takes one or several
    """Return IAM's one or several as several."""
    return value if isinstance(value, list) else [value]
