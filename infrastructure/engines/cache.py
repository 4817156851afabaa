"""Where built engines are kept, and whether what was fetched is what was pinned."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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


def check_digest(file: Path, expected: str) -> None:
    """Compare one file with its SHA-256. Raises `EngineError`."""
    if _digest(file) != expected:
        msg = f"{file} is not what is pinned. Remove it and build again."
        raise EngineError(msg)


@contextmanager
def one_builder(lock: Path) -> Iterator[None]:
    """Let one process build while the others wait for its result."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def run_tool(*command: str, folder: Path | None = None, settings: Mapping[str, str] | None = None) -> None:
    """Run a build's tool, in a folder and with settings in its environment. Raises `EngineError` with the end of its output."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env={**os.environ, **(settings or {})}
    )
    if done.returncode:
        msg = f"{command[0]} failed with code {done.returncode}:\n{(done.stdout + done.stderr)[-2000:]}"
        raise EngineError(msg)


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
