"""Gap: a call of DynamoDB is parsed to check its role and again to be obeyed, and a transaction is written out to be measured.

The one who obeys it changes what it reads, so what the check has read goes to it and is forgotten. A transaction may be 4 MB
long: one whose body is so short that it cannot be written longer than that need not be written.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from types import ModuleType
from typing import Any

from ministack.core import iam_actions
from ministack.services import dynamodb

from infrastructure.local.patches.patcher import Patcher
from infrastructure.local.patches.role_checks import BodyReader

MOST_OF_A_BYTE = 6
"""The most characters that one byte of a body can become: `\\u00e9` stands for two, `1e15` is written with eighteen."""


class Bodies:
    """Stands in for the module `json` where calls are obeyed."""

    def __init__(self, stock: ModuleType, reader: BodyReader) -> None:
        self._stock = stock
        self._reader = reader
        self._call: Any = None
        self._length = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        """Leave the rest as it is."""
        return getattr(self._stock, name)

    def loads(self, text: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as the module's
        """Return what a text holds, for the caller to keep."""
        if not isinstance(text, bytes) or args or options:
            return self._stock.loads(text, *args, **options)
        self._call, self._length = self._reader.taken(text), len(text)
        return self._call

    def dumps(self, value: Any, *args: Any, **options: Any) -> str:  # noqa: ANN401 - as the module's
        """Return a value's text; nothing for a call whose text is wanted for its length alone, when that is no matter."""
        if value is self._call and not (args or options) and self._length * MOST_OF_A_BYTE <= dynamodb._DDB_TXN_MAX_BYTES:
            return ""
        text: str = self._stock.dumps(value, *args, **options)
        return text


def apply(patcher: Patcher) -> None:
    """Parse each body once, by the reader of the role checks, and write out only a transaction that may be too long."""
    patcher.attribute(dynamodb, "json", Bodies(dynamodb.json, iam_actions.json))
