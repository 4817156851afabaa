"""From what pydantic finds wrong to the faults of a problem document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError, WrapValidator

from backend.kit.errors import Fault, MemorySyncError, ValidationFailedError

MOST_FAULTS = 20
_Model = TypeVar("_Model", bound=BaseModel)
REFUSED = "A value is not allowed; see errors."


def faults_of(errors: Sequence[Any], body: object) -> tuple[Fault, ...]:
    """Return the first twenty faults, each with the place in the body that was sent."""
    return tuple(
        Fault(pointer_to(each["loc"], body, missing=each["type"] == "missing"), cure_of(each)) for each in errors[:MOST_FAULTS]
    )


def pointer_to(location: Sequence[str | int], body: object = None, *, missing: bool = False) -> str:
    """Return where a value stands: a JSON pointer into the body, `query:NAME`, `header:NAME` or `path:NAME`.

    Pydantic's locations go on below a value, to name the types that it tried. With the body known, the pointer ends where
    the body does; one step further for a value that is missing.
    """
    place, *steps = location
    if place != "body":
        return f"{place}:{'/'.join(map(str, steps))}"
    if body is not None:
        there = _depth_in(body, steps)
        steps = steps[: there + missing]
    return "".join(f"/{escaped(step)}" for step in steps)


def escaped(step: str | int) -> str:
    """Return one step of a JSON pointer (RFC 6901, section 3)."""
    return str(step).replace("~", "~0").replace("/", "~1")


def cure_of(fault: Any) -> str:  # noqa: ANN401 - pydantic's own form
    """Return pydantic's sentence. It never quotes the input (pydantic keeps that apart), so no user's text comes back."""
    message: str = fault["msg"].removeprefix("Value error, ")
    return message[0].upper() + message[1:] + ("" if message.endswith(".") else ".")


def read_as(model: type[_Model], value: object) -> _Model:
    """Return the value as this model reads it. Raises `ValidationFailedError`, and what the model's own rules raise."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise _refused(error, value) from None


def _tried(value: object, read: Callable[[object], object]) -> object:
    try:
        return read(value)
    except MemorySyncError as error:
        return error
    except ValidationError as error:
        return _refused(error, value)


def _refused(error: ValidationError, value: object) -> ValidationFailedError:
    found = [{**each, "loc": ("body", *each["loc"])} for each in error.errors(include_url=False, include_context=False)]
    return ValidationFailedError(REFUSED, faults=faults_of(found, value))


EACH = WrapValidator(_tried)
"""For the items of a list that are done each for itself: one that cannot be read is there as its error."""


def _depth_in(value: Any, steps: Sequence[str | int]) -> int:  # noqa: ANN401 - any JSON value
    """Return how many of the steps exist in the value."""
    for depth, step in enumerate(steps):
        in_list = isinstance(value, list) and isinstance(step, int) and step < len(value)
        if not in_list and not (isinstance(value, dict) and step in value):
            return depth
        value = value[step]
    return len(steps)
