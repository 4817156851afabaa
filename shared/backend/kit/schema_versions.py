"""Which items this release may read: those of a form that it knows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from backend.kit.errors import NewerReleaseError

ItemT = TypeVar("ItemT", bound=Mapping[str, Any])


def known(item: ItemT, version: int) -> ItemT:
    """Return the item, if its `schema_version` is at most this one; what names none is of the first.

    Raises `NewerReleaseError`: read as if its form were known it would be told wrongly, and written back it would lose something.
    """
    if item.get("schema_version", 1) > version:
        msg = "An item was written by a newer release of this service than the one that answered."
        raise NewerReleaseError(msg)
    return item
