"""What the product writes into its log, line by line, and what anything else writes into Python's."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from backend.kit import observability


class LogLines:
    """The lines that came while it was listening."""

    def __init__(self) -> None:
        self.ours = io.StringIO()
        self.others = io.StringIO()

    def lines(self) -> list[dict[str, Any]]:
        """Return the product's lines, each one JSON object."""
        return [json.loads(line) for line in self.ours.getvalue().splitlines()]

    def text(self) -> str:
        """Return everything that anyone wrote."""
        return self.ours.getvalue() + self.others.getvalue()


@contextmanager
def log_lines() -> Iterator[LogLines]:
    """Listen to the product's logger, and to the root logger at its lowest level, as a nosy operator might set it."""
    found = LogLines()
    powertools, root = observability.logger(), logging.getLogger()
    (handler,) = (each for each in powertools.handlers if isinstance(each, logging.StreamHandler))
    stream, level = handler.setStream(found.ours), root.level
    listener = logging.StreamHandler(found.others)
    # Our own records bubble up to here too; where Lambda's handler stands, Powertools holds them back.
    listener.addFilter(lambda record: record.name != observability.SERVICE)
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield found
    finally:
        root.setLevel(level)
        root.removeHandler(listener)
        handler.setStream(stream)
