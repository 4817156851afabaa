"""What a gate finds, and the written list of what is right in general and not here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ALLOWED = Path(__file__).with_name("allowed.yaml")
LONGEST_DETAIL = 300
"""Characters of what a tool says that are shown: some list every action of a service."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that a gate objects to.

    `check` is the tool's own name of the rule, `place` is what it is about (a logical id of the template, `FILE:LINE`).
    """

    check: str
    place: str
    detail: str

    def __str__(self) -> str:
        """Say it in a line."""
        return f"{self.check} {self.place}: {self.detail[:LONGEST_DETAIL]}"


@dataclass(frozen=True, slots=True)
class Allowance:
    """A check that may object to these places, and why that is right."""

    check: str
    places: tuple[str, ...]
    reason: str


class AllowedError(Exception):
    """The list of allowances is not in its form."""


def allowances(gate: str, path: Path = ALLOWED) -> list[Allowance]:
    """Return what the list allows one gate. Raises `AllowedError` for an entry without check, places or reason."""
    body: dict[str, Any] = yaml.safe_load(path.read_text()) or {}
    return [_allowance(gate, entry) for entry in body.get(gate) or []]


def judged(found: Iterable[Finding], allowed: Sequence[Allowance]) -> list[Finding]:
    """Return what is not allowed, and an `UNUSED_ALLOWANCE` for every allowed place that nothing objects to any more."""
    seen = {(each.check, each.place) for each in found}
    granted = {(each.check, place) for each in allowed for place in each.places}
    left = sorted({each for each in found if (each.check, each.place) not in granted})
    spare = sorted(granted - seen)
    unused = [Finding("UNUSED_ALLOWANCE", place, f"nothing needs {check} here any more") for check, place in spare]
    return left + unused


def _allowance(gate: str, entry: Any) -> Allowance:  # noqa: ANN401 - any YAML
    try:
        places = tuple(map(str, entry["at"]))
        check, reason = str(entry["check"]), str(entry["reason"]).strip()
    except (KeyError, TypeError) as error:
        msg = f"{gate}: an allowance needs check, at and reason: {entry!r}"
        raise AllowedError(msg) from error
    if not places or not reason or isinstance(entry["at"], str):
        msg = f"{gate}: {check} needs a list of places and a reason."
        raise AllowedError(msg)
    return Allowance(check, places, reason)
