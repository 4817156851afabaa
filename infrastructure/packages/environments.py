"""The environments that can be deployed: the profiles of samconfig.toml."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infrastructure.packages.errors import DeployError
from infrastructure.template import TEMPLATE

CONFIG = TEMPLATE.with_name("samconfig.toml")
ONE_MACHINE = "local"
DEFAULT_ARCHITECTURE = "arm64"


@dataclass(frozen=True, slots=True)
class Environment:
    """One profile: what is deployed, where, with which parameters, and what it insists on.

    `region` is empty when the profile leaves it to the AWS configuration. `needs` names parameters that must not be
    empty. `protected` stacks cannot be deleted before somebody lifts the protection.
    """

    name: str
    stack: str
    region: str
    profile: str | None
    parameters: Mapping[str, str]
    needs: tuple[str, ...]
    protected: bool

    @property
    def architecture(self) -> str:
        """The processor that its functions run on."""
        return self.parameters.get("Architecture", DEFAULT_ARCHITECTURE)

    def missing(self, parameters: Mapping[str, str]) -> list[str]:
        """Return the parameters that this environment insists on and that are empty."""
        return [name for name in self.needs if not parameters.get(name)]


def read(name: str, config: Path = CONFIG) -> Environment:
    """Read a profile. Raises `DeployError` for one that is not there, and for that of one machine."""
    profiles: dict[str, Any] = tomllib.loads(config.read_text())
    names = sorted(each for each, value in profiles.items() if isinstance(value, dict) and each != ONE_MACHINE)
    if name not in names:
        message = f"{config.name} has no environment {name!r} for AWS; it has {', '.join(names)}."
        raise DeployError(message)
    deploy = profiles[name]["deploy"]["parameters"]
    own = profiles[name].get("memorysync", {}).get("parameters", {})
    return Environment(
        name=name,
        stack=deploy["stack_name"],
        region=deploy.get("region", ""),
        profile=deploy.get("profile"),
        parameters=pairs(deploy.get("parameter_overrides", [])),
        needs=tuple(own.get("needs", [])),
        protected=bool(own.get("termination_protection", False)),
    )


def pairs(overrides: str | Iterable[str]) -> dict[str, str]:
    """Return parameters by name, out of `["Name=value"]` or, as the SAM CLI saves them, `Name="value" Name="value"`.

    Raises `DeployError` for what is no such pair.
    """
    words = shlex.split(overrides) if isinstance(overrides, str) else list(overrides)
    odd = [word for word in words if "=" not in word]
    if odd:
        message = f"{odd[0]!r} is no parameter: write Name=value."
        raise DeployError(message)
    return dict(word.split("=", 1) for word in words)


def override(name: str, value: str) -> str:
    """Return a parameter as `sam deploy` takes it. In quotes, without which it refuses an empty value and cuts at a space."""
    escaped = value.replace('"', '\\"')
    return f'{name}="{escaped}"'
