"""Types that the wire schemas of every feature are made of."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from backend.kit.clock import as_utc, to_rfc3339
from backend.kit.errors import Fault, MetadataTooLargeError

SURROGATE = re.compile("[\ud800-\udfff]")
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ]((?:[01]\d|2[0-3]):[0-5]\d)(?:(:[0-5]\d)(\.\d+)?)?([Zz]|[+-]\d\d:?[0-5]\d)?", re.ASCII
)
_MOST_WARNINGS = 20
# What the contract says of text; the functions below refuse the rest, in words of ours.
WITHOUT_NUL = r"^[^\u0000]*$"
NOT_BLANK = r"^[^\u0000]*[^\s\u0000\u001c-\u001f\u0085][^\u0000]*$"
"""Python takes five controls for blanks that a pattern of the contract (ECMA-262, CharacterClassEscape `s`) does not."""


def clean(text: str) -> str:
    """Refuse what no store can keep faithfully: NUL, and halves of surrogate pairs. Raises `ValueError`."""
    if "\0" in text:
        msg = "Must not hold the NUL character (U+0000); leave it out."
        raise ValueError(msg)
    if SURROGATE.search(text):
        msg = "Must not hold half of a surrogate pair; send whole Unicode characters."
        raise ValueError(msg)
    return text


def whole(value: object) -> object:
    """Return 5.0 as 5: JSON knows one kind of number, and a schema's "integer" is both. Anything else as it is."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _moment(value: object) -> datetime:
    found = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if found:
        # The standard allows small letters and any number of digits; Python's reader knows neither.
        day, minute, second, fraction, offset = (part or "" for part in found.groups())
        try:
            moment = datetime.fromisoformat(f"{day}T{minute}{second or ':00'}{fraction[:7]}{offset.upper()}")
            as_utc(moment)
        except (ValueError, OverflowError):
            # A day that no month has, or a moment outside the years 1 to 9999 in UTC. Python's words would quote the value.
            pass
        else:
            return moment
    msg = "Must be a date and time by RFC 3339, such as 2026-10-02T09:00:00Z."
    raise ValueError(msg)


Clean = Annotated[str, AfterValidator(clean), Field(json_schema_extra={"pattern": WITHOUT_NUL})]
Name = Annotated[str, Field(min_length=1, max_length=256, json_schema_extra={"pattern": WITHOUT_NUL}), AfterValidator(clean)]
Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation")
]
Whole = Annotated[int, BeforeValidator(whole)]
# An end user's id has 256 bytes at most, so no more characters; which of them are printable no pattern can say.
EndUserId = Annotated[
    Annotated[str, Field(json_schema_extra={"minLength": 1, "maxLength": 256, "pattern": WITHOUT_NUL})] | Whole,
    Field(union_mode="left_to_right", description="The end user, text or number; the same as the header X-End-User-ID."),
]


class Wire(BaseModel):
    """A request body: unknown fields are kept aside, to be named in `warnings`."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

    def warnings(self) -> list[str]:
        """Say what was read otherwise than it was sent."""
        names = sorted(self.model_extra or {})
        unknown = [f"Unknown field '{name[:64]}' was not used." for name in names[:_MOST_WARNINGS]]
        if len(names) > _MOST_WARNINGS:
            unknown.append(f"{len(names) - _MOST_WARNINGS} more unknown fields were not used.")
        return unknown + read_as_utc({name: getattr(self, name) for name in type(self).model_fields})

    def canonical(self) -> str:
        """Return the body as sent, in one form: what makes two bodies the same request."""
        return json.dumps(self.model_dump(exclude_unset=True), sort_keys=True, ensure_ascii=True, default=datetime.isoformat)


def read_as_utc(values: Mapping[str, object]) -> list[str]:
    """Return a warning for each moment, by its name, that was sent without an offset."""
    return [
        f"'{name}' has no offset and was read as UTC."
        for name, value in values.items()
        if isinstance(value, datetime) and value.tzinfo is None
    ]


def utc(moment: datetime | None) -> datetime | None:
    """Return the moment in UTC, None as None."""
    return as_utc(moment) if moment else None


def with_offset(moment: datetime | None) -> datetime | None:
    """Return the moment with the offset that it was sent with, UTC where it had none; None as None."""
    return as_utc(moment) if moment and moment.tzinfo is None else moment


def shown(moment: datetime | None) -> str | None:
    """Return the moment as answers show it."""
    return to_rfc3339(moment) if moment else None


def pointer_step(name: str) -> str:
    """Return a name as a step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def check_metadata(metadata: dict[str, Any], *, most_bytes: int, most_depth: int, pointer: str = "/metadata") -> dict[str, Any]:
    """Refuse metadata that is too large, too deep or not JSON. Raises `MetadataTooLargeError`, `ValueError`."""
    size = json_size(metadata, most_depth=most_depth)
    if size > most_bytes:
        msg = f"The metadata has {size} bytes as compact JSON; the limit is {most_bytes}."
        cure = "Keep in metadata only what you search on; put the rest into the text or into your own store."
        raise MetadataTooLargeError(msg, faults=(Fault(pointer, cure),), limit_bytes=most_bytes)
    return metadata


def json_size(value: object, *, most_depth: int) -> int:
    """Return how many bytes a value takes as compact JSON in UTF-8. Raises `ValueError` where it is no JSON or too deep."""
    if _depth(value) > most_depth:
        msg = f"Must not be nested deeper than {most_depth} levels; flatten it."
        raise ValueError(msg)
    try:
        size = len(json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(errors="surrogatepass"))
    except ValueError as error:
        msg = "Must be JSON: NaN and Infinity are not."
        raise ValueError(msg) from error
    for text in _texts(value):
        clean(text)
    return size


def check_keys(value: object, *, most: int, longest: int) -> None:
    """Raise `ValueError` where the objects in a value have too many keys together, or one that is too long, in characters."""
    keys = list(_keys(value))
    if len(keys) > most:
        msg = f"Must not have more than {most} keys in all; this has {len(keys)}."
        raise ValueError(msg)
    if any(len(each) > longest for each in keys):
        msg = f"Must not have a key of more than {longest} characters; put long words into values."
        raise ValueError(msg)


def _keys(value: object) -> Iterable[str]:
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(each)


def _depth(value: object) -> int:
    deepest, level = 0, [value]
    while level:
        containers = [each for each in level if isinstance(each, dict | list)]
        deepest += bool(containers)
        level = [child for each in containers for child in (each.values() if isinstance(each, dict) else each)]
    return deepest


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
