"""Gap: DynamoDB's items are copied by `copy.deepcopy`, seven times as slow as they need be.

An item is what JSON holds, and such a value goes through `marshal` and back in C. It keeps what is shared in it shared, as
`deepcopy` does, and refuses everything that it does not know, subclasses too: that goes the old way.
"""

from __future__ import annotations

import copy
import marshal
from types import ModuleType
from typing import Any

from ministack.services import dynamodb

from infrastructure.local.patches.patcher import Patcher


class Copying:
    """Stands in for the module `copy`."""

    def __init__(self, stock: ModuleType) -> None:
        self._stock = stock

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        """Leave the rest as it is."""
        return getattr(self._stock, name)

    def deepcopy(self, value: Any) -> Any:  # noqa: ANN401 - any value
        """Return a copy that shares nothing with the value."""
        return copied(value)


def copied(value: Any) -> Any:  # noqa: ANN401 - any value
    """Return a copy that shares nothing with the value."""
    try:
        return marshal.loads(marshal.dumps(value))  # noqa: S302 - what this process itself has just written
    except ValueError:
        return copy.deepcopy(value)


def apply(patcher: Patcher) -> None:
    """Copy items in one step."""
    patcher.attribute(dynamodb, "copy", Copying(dynamodb.copy))
