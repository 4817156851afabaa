"""How many resources the template makes, in whatever way it is deployed."""

from __future__ import annotations

from collections.abc import Mapping

from infrastructure.gates import variants
from infrastructure.gates.findings import Finding
from infrastructure.gates.rendered import Json

MOST_RESOURCES = 350
"""CloudFormation takes 500; what is beyond this belongs into a function with greedy routes."""
EVERYTHING = "every-condition-true"


def gate() -> list[Finding]:
    """Return a finding for each variant that makes too many, and for all that no variant makes together."""
    return findings({EVERYTHING: variants.undecided(), **variants.templates()})


def findings(templates: Mapping[str, Json]) -> list[Finding]:
    """Return them for rendered templates by name."""
    counted = {name: len(template["Resources"]) for name, template in templates.items()}
    return [
        Finding("TOO_MANY_RESOURCES", name, f"{count} where {MOST_RESOURCES} are the most")
        for name, count in counted.items()
        if count > MOST_RESOURCES
    ]
