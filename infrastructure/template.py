"""template.yaml, read as data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).resolve().parents[1] / "template.yaml"


# libyaml reads the template in a tenth of the time; PyYAML may have been built without it.
_Quick: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Quick):  # type: ignore[misc]  # one of two, both safe
    """Reads CloudFormation's short forms (`!Ref`, `!Sub`) as their plain values."""


def _plain(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:  # noqa: ANN401 - any YAML
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]  # the only other kind of node


_Loader.add_multi_constructor("!", _plain)


@dataclass(frozen=True, slots=True)
class Function:
    """One Lambda of the template: its logical id, handler, and (method, path) routes, `$default` as ("ANY", "$default")."""

    name: str
    handler: str
    routes: tuple[tuple[str, str], ...]
    properties: dict[str, Any]


def load(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return the template."""
    with path.open() as file:
        template: dict[str, Any] = yaml.load(file, Loader=_Loader)  # noqa: S506 - a safe loader, with more tags
    return template


@cache
def ours() -> tuple[Function, ...]:
    """Return the functions of our template; it is read once."""
    return tuple(functions(load()))


def functions(template: dict[str, Any]) -> list[Function]:
    """Return the template's functions in its order."""
    return [
        Function(name, resource["Properties"]["Handler"], _routes(resource["Properties"]), resource["Properties"])
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Serverless::Function"
    ]


def _routes(properties: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    events = [event["Properties"] for event in properties.get("Events", {}).values() if event["Type"] == "HttpApi"]
    return tuple((event.get("Method", "ANY"), event.get("Path", "$default")) for event in events)
