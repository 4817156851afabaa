"""Between Python values and DynamoDB's typed ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def to_attribute(value: Any) -> dict[str, Any]:  # noqa: ANN401, PLR0911 - one case a type is the whole point
    """Return the typed form of str, bool, int, finite float, bytes, None, lists and string-keyed mappings. Raises `TypeError`."""
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case float() if math.isfinite(value):
            return {"N": repr(value)}
        case bytes():
            return {"B": value}
        case None:
            return {"NULL": True}
        case list() | tuple():
            return {"L": [to_attribute(each) for each in value]}
        case Mapping():
            return {"M": {str(name): to_attribute(each) for name, each in value.items()}}
    msg = f"no DynamoDB form for {type(value).__name__}"
    raise TypeError(msg)


def from_attribute(attribute: Mapping[str, Any]) -> Any:  # noqa: ANN401 - one case a type is the whole point
    """Return the Python value of a typed one."""
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return _number(value)
        case "B":
            return bytes(value)
        case "NULL":
            return None
        case "L":
            return [from_attribute(each) for each in value]
        case "M":
            return {name: from_attribute(each) for name, each in value.items()}
    msg = f"no Python form for DynamoDB type {kind}"
    raise TypeError(msg)


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the typed item. None is left out: an absent attribute costs nothing and reads back as None."""
    return {name: to_attribute(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain item."""
    return {name: from_attribute(value) for name, value in item.items()}


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)
