"""Gap: a state machine written in YAML (`*.asl.yaml`) deploys, and its executions fail with "Could not parse"."""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

import json
from typing import Any

import yaml
from ministack.services.cloudformation import provisioners

from infrastructure.local.patches.patcher import Patcher


def apply(patcher: Patcher) -> None:
    """Turn a definition that is not JSON into JSON before it is stored."""
    stock = provisioners._sfn_definition

    def definition(props: dict[str, Any]) -> str:
        return as_json(stock(props))

    patcher.attribute(provisioners, "_sfn_definition", definition)


def as_json(text: str) -> str:
    """Return an Amazon States Language document as JSON; JSON comes back as it is."""
    try:
        json.loads(text)
    except ValueError:
        return json.dumps(yaml.safe_load(text))
    return text
