"""Between Python values and DynamoDB's typed ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from backend.kit.dynamodb.limits import TableLimitError, significant_digits

# Developer Guide, "Supported data types": 38 digits, 1E-130 to 9.99...E+125 to either side of zero.
_MOST_DIGITS = 38
_BEYOND = 10**_MOST_DIGITS
_LOWEST_POWER = -130
_HIGHEST_POWER = 126


class PlainItem(dict[str, Any]):
    """An item that holds plain values already."""


def to_attribute(value: Any) -> dict[str, Any]:  # noqa: ANN401, PLR0911 - one case a type is the whole point
    """Return the typed form of str, bool, int, finite float, bytes, None, lists and string-keyed mappings.

    Raises `TypeError` for anything else, `TableLimitError` for a number that the service cannot hold.
    """
    match value:
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": _number_text(value)}
        case float() if math.isfinite(value):
            return {"N": _number_text(value)}
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


def from_attribute(attribute: Mapping[str, Any], binary: Callable[[Any], bytes] = bytes) -> Any:  # noqa: ANN401 - one case a type is the whole point
    """Return the Python value of a typed one, `binary` making the bytes of a binary one.

    A number without a fraction is an int, whatever it was: 1.0 reads back as 1.
    """
    ((kind, value),) = attribute.items()
    match kind:
        case "S" | "BOOL":
            return value
        case "N":
            return _number(value)
        case "B":
            return binary(value)
        case "NULL":
            return None
        case "L":
            return [from_attribute(each, binary) for each in value]
        case "M":
            return {name: from_attribute(each, binary) for name, each in value.items()}
    msg = f"no Python form for DynamoDB type {kind}"
    raise TypeError(msg)


def to_item(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the typed item. None is left out: an absent attribute costs nothing and reads back as None."""
    return {name: to_attribute(value) for name, value in values.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain item."""
    if isinstance(item, PlainItem):
        return item
    return {name: from_attribute(value) for name, value in item.items()}


def _number_text(value: float) -> str:
    if type(value) is int and -_BEYOND < value < _BEYOND:
        return str(value)
    # Subclasses (of numpy, of enum) write themselves in words of their own; an int too large for text is too large for us.
    text = repr(float(value)) if isinstance(value, float) else str(int(value)) if abs(value) < 10**_HIGHEST_POWER else "1e999"
    exact = Decimal(text)
    fits = len(significant_digits(text)) <= _MOST_DIGITS and _LOWEST_POWER <= exact.adjusted() < _HIGHEST_POWER
    if exact and not fits:
        msg = f"a number beyond {_MOST_DIGITS} digits or beyond 1E{_LOWEST_POWER} to 1E{_HIGHEST_POWER}"
        raise TableLimitError(msg)
    return text


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        exact = Decimal(text)
        return int(exact) if exact == exact.to_integral_value() else float(text)
