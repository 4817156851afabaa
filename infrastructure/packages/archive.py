"""Archives as Lambda takes them: the same files give the same bytes."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold; every entry bears it."""
MODE = stat.S_IFREG | 0o644
"""Every entry may be read by everybody: the function's user is not the one who built the archive."""
LEVEL = 6


@dataclass(frozen=True, slots=True)
class Weight:
    """What an archive weighs, in bytes, and what is in it.

    `sha256` is of the archive, `content` of the names and digests of its files: that one is also the same where another
    release of zlib packs differently.
    """

    zipped: int
    unzipped: int
    files: int
    sha256: str
    content: str


def pack(folder: Path, archive: Path) -> Weight:
    """Write the files of a folder into an archive, in the order of their names, and weigh it.

    Raises `ValueError` for a link: it would be another file on another machine.
    """
    content, unzipped, paths = hashlib.sha256(), 0, files(folder)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as target:
        for path in paths:
            name, data = path.relative_to(folder).as_posix(), path.read_bytes()
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = 3  # Unix, whatever this machine is: only then the mode counts
            entry.external_attr = MODE << 16
            target.writestr(entry, data, zipfile.ZIP_DEFLATED, LEVEL)
            content.update(f"{name}\0{hashlib.sha256(data).hexdigest()}\n".encode())
            unzipped += len(data)
    return Weight(archive.stat().st_size, unzipped, len(paths), digest(archive), content.hexdigest())


def files(folder: Path) -> list[Path]:
    """Return all files of a folder by name. Raises `ValueError` for a link."""
    found = sorted((path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()), key=lambda path: path.parts)
    links = [path for path in found if path.is_symlink()]
    if links:
        message = f"{links[0]} is a link."
        raise ValueError(message)
    return found


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
