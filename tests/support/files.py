"""Files of a running stack, read while it goes on."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path


def bytes_beside(path: Path) -> bytes:
    """Return what the file holds and what stands beside it under a longer name; one that goes meanwhile holds nothing."""
    found = b""
    for each in sorted(path.parent.glob(f"{path.name}*")):
        with suppress(FileNotFoundError):
            found += each.read_bytes()
    return found


def files_with(folders: Sequence[Path], needle: bytes, *, any_case: bool = False) -> list[Path]:
    """Return the files of these folders, and of those in them, that hold the bytes.

    Where one goes meanwhile all are read again: what it held may stand in one that came after the folder was read.
    """
    while True:
        found: list[Path] = []
        try:
            for path in sorted(each for folder in folders for each in folder.rglob("*") if each.is_file()):
                held = path.read_bytes()
                if needle in (held.lower() if any_case else held):
                    found.append(path)
        except FileNotFoundError:
            continue
        return found
