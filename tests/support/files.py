"""Files of a running stack, read while it goes on."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def bytes_beside(path: Path) -> bytes:
    """Return what the file holds and what stands beside it under a longer name; one that goes meanwhile holds nothing."""
    found = b""
    for each in sorted(path.parent.glob(f"{path.name}*")):
        with suppress(FileNotFoundError):
            found += each.read_bytes()
    return found
