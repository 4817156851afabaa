"""Where built engines are kept, and whether what was fetched is what was pinned."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_BLOCK = 1 << 20


class EngineError(Exception):
    """An engine cannot be built or started; the message says why and what to do."""


def cache_directory() -> Path:
    """Return MEMORYSYNC_ENGINES_DIR, or a folder under the account's cache."""
    given = os.environ.get("MEMORYSYNC_ENGINES_DIR")
    return Path(given) if given else Path.home() / ".cache" / "memorysync" / "engines"


def check_digests(folder: Path, listing: Path) -> None:
    """Compare every file of the folder with a list as `sha256sum` writes it.

    Raises `EngineError` naming what differs, what is missing and what nobody asked for.
    """
    lines = [line.split() for line in listing.read_text().splitlines() if line]
    expected = {name: digest for digest, name in lines}
    found = {path.name: _digest(path) for path in folder.iterdir()}
    wrong = sorted(name for name in expected.keys() | found.keys() if expected.get(name) != found.get(name))
    if wrong:
        msg = f"These files in {folder} are not what {listing.name} pins: {', '.join(wrong)}. Remove the folder and build again."
        raise EngineError(msg)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
