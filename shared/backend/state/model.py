"""Values under keys in namespaces, as LangGraph's stores have them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backend.kit.errors import Fault, PreconditionFailedError
from backend.memories.sealed_values import Unopened
from backend.tenancy.scope import Scope

MAX_VALUE_BYTES = 350 * 1024
"""As compact JSON. An item of the table holds 400 KB, names and the seal included."""

MAX_VALUE_DEPTH = 32
MAX_LABELS = 16
MAX_LABEL_CHARACTERS = 128
PAGE_BYTES = 4 * 1024 * 1024
"""What the values of a page may come to on their way (see `carried_bytes`)."""

MOST_LOOKED_AT = 1000
"""So many items a page reads at most."""

ANY = "*"
"""Stands for any label in a pattern."""

COMPARISONS = ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte")

Namespace = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose states: those of one end user in one project."""

    tenant_id: str
    scope_key: str

    @classmethod
    def of(cls, scope: Scope) -> Owner:
        """Return the owner of the place that the scope writes to."""
        return cls(scope.tenant_id, scope.home)


@dataclass(frozen=True, slots=True)
class State:
    """A value under its key. `version` is another one after each put; `position` orders an owner's states by namespace.

    Of one that cannot be decrypted `value` is None, `unopened` says why, and its names are None where the caller did not say
    them.
    """

    namespace: Namespace | None
    key: str | None
    value: Mapping[str, Any] | None
    version: str
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    position: str = ""
    unopened: Unopened | None = None

    def is_live(self, now: datetime) -> bool:
        """Tell whether its time is not up."""
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class Page:
    """States, the position to go on behind, None at the end, and all that could not be opened on the way, shown or not."""

    states: Sequence[State]
    next_after: str | None
    unopened: Sequence[Unopened] = ()


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Namespaces, the position to go on behind, None at the end, and the states that could not be opened on the way."""

    found: Sequence[Namespace]
    next_after: str | None
    unopened: Sequence[Unopened] = ()


@dataclass(frozen=True, slots=True)
class Pattern:
    """Which namespaces are asked for: how they begin and end, label by label, and how much of them is shown."""

    prefix: Namespace = ()
    suffix: Namespace = ()
    max_depth: int | None = None

    def admits(self, namespace: Namespace) -> bool:
        """Tell whether it begins and ends as it must."""
        if max(len(self.prefix), len(self.suffix)) > len(namespace):
            return False
        begin = zip(self.prefix, namespace, strict=False)
        end = zip(reversed(self.suffix), reversed(namespace), strict=False)
        return all(label in {ANY, found} for label, found in (*begin, *end))

    @property
    def fixed(self) -> Namespace:
        """The labels that every such namespace begins with."""
        return self.prefix[: self.prefix.index(ANY)] if ANY in self.prefix else self.prefix

    def shown(self, namespace: Namespace) -> Namespace:
        """Return what is shown of it."""
        return namespace[: self.max_depth] if self.max_depth else namespace


def check_version(state: State | None, meant: frozenset[str] | None) -> None:
    """Raise `PreconditionFailedError` for another version than those that a caller means; nothing there is another one too."""
    if meant is None or (state is not None and state.version in meant):
        return
    msg = "The value is at another version than the one you mean; read it again."
    cure = f'Send the ETag that it has now, "{state.version}", or leave it out.' if state else "Leave it out: nothing is there."
    raise PreconditionFailedError(msg, faults=(Fault("header:If-Match", cure),))


def matches(value: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Tell whether the value's members are as wanted: equal, or as its comparisons say. Members that it lacks match none of them.

    1 is 1.0, as in JSON, and not true. Order is of numbers among each other and of texts among each other.
    """
    return all(name in value and _as_wanted(value[name], condition) for name, condition in wanted.items())


def is_comparison(condition: object) -> bool:
    """Tell whether a condition compares, and is no value to be equal to."""
    return isinstance(condition, Mapping) and any(str(name).startswith("$") for name in condition)


def _as_wanted(found: object, condition: object) -> bool:
    if not is_comparison(condition):
        return _equal(found, condition)
    return all(_compares(found, name, bound) for name, bound in condition.items())  # type: ignore[attr-defined]  # a mapping, as just asked


def _compares(found: object, comparison: str, bound: object) -> bool:
    if comparison in {"$eq", "$ne"}:
        return _equal(found, bound) is (comparison == "$eq")
    order = _order(found, bound)
    return order is not None and {"$gt": order > 0, "$gte": order >= 0, "$lt": order < 0, "$lte": order <= 0}[comparison]


def _order(found: object, bound: object) -> int | None:
    """Return -1, 0 or 1, None for what has no order."""
    if isinstance(found, str) and isinstance(bound, str):
        return (found > bound) - (found < bound)
    if isinstance(found, bool) or isinstance(bound, bool):
        return None
    if isinstance(found, int | float) and isinstance(bound, int | float):
        return (found > bound) - (found < bound)
    return None


def _equal(found: object, wanted: object) -> bool:
    """Compare as JSON does: Python holds true for 1, at any depth."""
    if isinstance(found, bool) or isinstance(wanted, bool):
        return found is wanted
    if isinstance(found, Mapping) and isinstance(wanted, Mapping):
        return found.keys() == wanted.keys() and all(_equal(found[name], wanted[name]) for name in found)
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_equal, found, wanted))
    return found == wanted
