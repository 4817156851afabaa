"""Replaces parts of the emulator, and puts them back."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from typing import Any, Self


class Patcher:
    """Remembers what it replaced, so that a test can compare the emulator with and without a patch.

    Replacing what does not exist raises `AttributeError` or `KeyError`: a patch whose place is gone must not pass unseen.
    """

    def __init__(self) -> None:
        self._undo: list[Callable[[], None]] = []

    def attribute(self, owner: Any, name: str, new: Any) -> None:  # noqa: ANN401 - the emulator is untyped
        """Set the attribute `name` of a module or class."""
        old = getattr(owner, name)
        self._undo.append(lambda: setattr(owner, name, old))
        setattr(owner, name, new)

    def item(self, mapping: MutableMapping[str, Any], key: str, new: Any) -> None:  # noqa: ANN401 - the emulator is untyped
        """Set the value at `key`."""
        old = mapping[key]
        self._undo.append(lambda: mapping.__setitem__(key, old))
        mapping[key] = new

    def undo(self) -> None:
        """Put everything back, the last replacement first."""
        while self._undo:
            self._undo.pop()()

    def __enter__(self) -> Self:
        """Return the patcher itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Put everything back."""
        self.undo()
