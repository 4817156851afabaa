"""What may be asked of metadata: an equal value, or a range of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf, nextafter
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator

from backend.index.ranges import NumberRange
from backend.kit import wire
from backend.kit.wire import Clean
from backend.memories.documents import is_filterable

_SCALAR = "Must be text, true, false, a finite number of at most 64 bits, or a range of such numbers."
_RANGE = "A range is an object with at least one of gt, gte, lt and lte; their values are finite numbers of at most 64 bits."


class Between(BaseModel):
    """A range of numbers: above, at least, below, at most."""

    # As the contract shows it. What is sent is read by `_asked`, whose errors say more.
    model_config = ConfigDict(json_schema_extra={"additionalProperties": False, "minProperties": 1})

    gt: float = Field(default_factory=float)
    gte: float = Field(default_factory=float)
    lt: float = Field(default_factory=float)
    lte: float = Field(default_factory=float)


def _asked(value: object) -> str | int | float | bool | NumberRange:
    if isinstance(value, Mapping):
        return _range(value)
    if not is_filterable(value):
        raise ValueError(_SCALAR)
    return wire.clean(value) if isinstance(value, str) else value


def _range(bounds: Mapping[str, Any]) -> NumberRange:
    if not bounds or not bounds.keys() <= Between.model_fields.keys() or not all(map(_is_number, bounds.values())):
        raise ValueError(_RANGE)
    above, least = float(bounds.get("gt", -inf)), float(bounds.get("gte", -inf))
    below, most = float(bounds.get("lt", inf)), float(bounds.get("lte", inf))
    low = max(least, nextafter(above, inf) if "gt" in bounds else -inf)
    high = min(most, nextafter(below, -inf) if "lt" in bounds else inf)
    return NumberRange(low, high)


def _is_number(value: object) -> bool:
    return is_filterable(value) and not isinstance(value, str | bool)


# A union of types would name each of them in the pointer of its error, which then points nowhere.
Asked = Annotated[Any, PlainValidator(_asked, json_schema_input_type=Clean | int | float | bool | Between)]
"""Text, true, false, a number, or a `NumberRange`."""
