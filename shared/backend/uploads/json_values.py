"""JSON: `path: value` lines; lists of entries that hold a text become a paragraph each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from backend.uploads.encoding import decode
from backend.uploads.layout import Lines
from backend.uploads.model import Draft, Reason, refused

LEFT_OUT = "Members of the entries other than their text and who said it were left out."
SHORTENED = "Long names of members were shortened."

_TEXTS = ("text", "content", "memory")
_SPEAKERS = ("speaker", "role", "author", "name")
_NAME_CHARACTERS = 500
_PATH_CHARACTERS = 4_000
_DEEPEST = 200
"""Levels of values inside each other. Python's reader has a limit of its own, which depends on who calls it."""


class _Members(tuple[tuple[str, Any], ...]):
    """An object, with every member that was written: also those of one name."""

    __slots__ = ()


def read_json(content: bytes, charset: str | None, limit_bytes: int) -> Draft:
    """Return the values as lines. Figures stay as they were written. Raises `ValidationFailedError` for what is not JSON."""
    text, warnings = decode(content, charset)
    try:
        value = json.loads(text, object_pairs_hook=_Members, parse_int=str, parse_float=str, parse_constant=str)
    except RecursionError:
        raise refused(Reason.TOO_DEEP) from None
    except ValueError:
        # The cause quotes the file, so it goes no further.
        raise refused(Reason.DAMAGED) from None
    writer = _Writer(limit_bytes)
    writer.write(value)
    return Draft(writer.lines.text(), warnings=(*warnings, *writer.warnings))


class _Writer:
    """Walks a value without recursion and writes its lines."""

    def __init__(self, limit_bytes: int) -> None:
        self.lines = Lines(limit_bytes)
        self._noticed: dict[str, None] = {}
        self._separator = "\n"

    @property
    def warnings(self) -> tuple[str, ...]:
        return tuple(self._noticed)

    def write(self, value: object) -> None:
        """Write the whole value."""
        # Objects of the outermost list stand apart from each other and need no number.
        if isinstance(value, list) and not _are_entries(value) and not all(_is_single(each) for each in value):
            for each in value:
                self._separator = "\n\n"
                self._walk(each)
        elif isinstance(value, list) and not _are_entries(value):
            for each in value:
                self._paragraph(_single(each))
        else:
            self._walk(value)

    def _walk(self, value: object) -> None:
        left: list[Iterator[tuple[str, object]]] = [iter((("", value),))]
        while left:
            found = next(left[-1], None)
            if found is None:
                left.pop()
                continue
            path, each = found
            if len(path) > _PATH_CHARACTERS or len(left) > _DEEPEST:
                raise refused(Reason.TOO_DEEP)
            if isinstance(each, _Members):
                left.append(self._members(path, each))
            elif isinstance(each, list) and _are_entries(each):
                for entry in each:
                    self._entry(entry)
            elif isinstance(each, list) and all(_is_single(item) for item in each):
                self._line(path, ", ".join(filter(None, map(_single, each))))
            elif isinstance(each, list):
                left.append(_items(path, each))
            else:
                self._line(path, _single(each))

    def _members(self, path: str, members: _Members) -> Iterator[tuple[str, object]]:
        for name, value in members:
            known = name
            if len(name) > _NAME_CHARACTERS:
                known = name[:_NAME_CHARACTERS] + "\u2026"
                self._noticed[SHORTENED] = None
            yield (f"{path}.{known}" if path else known), value

    def _line(self, path: str, text: str) -> None:
        if text:
            self.lines.add(f"{path}: {text}" if path else text, self._separator)
            self._separator = "\n"

    def _paragraph(self, text: str) -> None:
        if text:
            self.lines.add(text, "\n\n")
            self._separator = "\n\n"

    def _entry(self, entry: _Members) -> None:
        texts = {name: str(text).strip() for name, text in entry if _has_text(text)}
        key = next(name for name in _TEXTS if name in texts)
        speaker = next((name for name in _SPEAKERS if name in texts), None)
        if {name for name, _ in entry} - {key, speaker}:
            self._noticed[LEFT_OUT] = None
        self._paragraph(f"{texts[speaker]}: {texts[key]}" if speaker else texts[key])


def _items(path: str, values: list[Any]) -> Iterator[tuple[str, object]]:
    for number, value in enumerate(values):
        yield f"{path}[{number}]", value


def _are_entries(values: list[Any]) -> bool:
    """Tell whether these are objects with a text each: memories, messages, notes."""
    return bool(values) and all(
        isinstance(each, _Members) and any(name in _TEXTS and _has_text(text) for name, text in each) for each in values
    )


def _has_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_single(value: object) -> bool:
    return not isinstance(value, (list, _Members))


def _single(value: object) -> str:
    """Return a value that holds no others; nothing for null and blank."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()
