"""Gap: a statement of a batch is parsed twice, to be looked at and to be run, and its text is split into words each time.

Of the deletes that a projection ends with that was most of the processor. The words follow from the text alone, and a program
has few of them; the parameters are put in when it is parsed. What was looked at is handed on to be run, once.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from functools import lru_cache
from typing import Any

from ministack.services import _dynamodb_keywords as partiql
from ministack.services import dynamodb

from infrastructure.local.patches.patcher import Patcher

STATEMENTS_KEPT = 1024


class Parser:
    """Parses statements; one that is asked for twice in a row, with the very same parameters, is parsed once."""

    def __init__(self, stock: Any) -> None:  # noqa: ANN401 - the emulator is untyped
        self._stock = stock
        self._last: tuple[str, Any, dict[str, Any]] | None = None

    def parse(self, statement: str, parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - the emulator is untyped
        """Return the parsed statement. Raises `ValueError` for one that cannot be read."""
        last, self._last = self._last, None
        if last is not None and statement == last[0] and parameters is last[1]:
            return last[2]
        parsed: dict[str, Any] = self._stock(statement, parameters)
        if isinstance(parameters, list):
            self._last = (statement, parameters, parsed)
        return parsed


def apply(patcher: Patcher) -> None:
    """Split each text once, and parse each statement of a batch once."""
    patcher.attribute(partiql, "_tokenize", lru_cache(STATEMENTS_KEPT)(partiql._tokenize))
    patcher.attribute(dynamodb, "_parse_partiql", Parser(dynamodb._parse_partiql).parse)
