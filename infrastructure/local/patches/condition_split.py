"""Gap: a condition of a template that takes a parameter apart with `Fn::Split` fails the deployment with a `KeyError`."""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ministack.services.cloudformation import changesets, engine, handlers, stacks

from infrastructure.local.patches.patcher import Patcher

USERS = (engine, changesets, handlers, stacks)
"""The modules that hold the function under its name."""

SPLIT = "Fn::Split"


def apply(patcher: Patcher) -> None:
    """Take the parameters apart before the conditions are decided."""
    stock = engine._evaluate_conditions

    def evaluate(template: dict[str, Any], params: dict[str, Any]) -> Any:  # noqa: ANN401 - the emulator is untyped
        conditions = template.get("Conditions", {})
        return stock({**template, "Conditions": taken_apart(conditions, params)}, params)

    for module in USERS:
        patcher.attribute(module, "_evaluate_conditions", evaluate)


def taken_apart(value: Any, params: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any part of a template
    """Return the value with every `Fn::Split` of a text or parameter as the list that it comes to."""
    if isinstance(value, list):
        return [taken_apart(each, params) for each in value]
    if not isinstance(value, dict):
        return value
    if list(value) == [SPLIT]:
        separator, source = value[SPLIT]
        text = params[source["Ref"]]["Value"] if isinstance(source, dict) else source
        return str(text).split(separator)
    return {name: taken_apart(each, params) for name, each in value.items()}
