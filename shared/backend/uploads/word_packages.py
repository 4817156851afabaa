"""The package that a docx is (ECMA-376, part 2): looked over before anything in it is unpacked, and unpacked within limits."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from posixpath import basename, normpath

from backend.uploads.model import ENTRIES_LIMIT, INFLATED_LIMIT_BYTES, INFLATED_RATIO, RATIO_FROM_BYTES, Reason, refused

EMBEDDED_LEFT_OUT = "Files that are embedded in the document were left out."

_ENCRYPTED = 0x1
_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK_BYTES = 65_536
_MACROS = frozenset(("vbaproject.bin", "vbadata.xml"))
_ARCHIVE = re.compile(
    r"\.(?:zip|docx|docm|xlsx|xlsm|xlsb|pptx|pptm|odt|ods|odp|epub|jar|7z|rar|gz|bz2|xz|tar|tgz)\Z", re.IGNORECASE
)
# Where word processors put the sheet behind a chart. It is left out, and never unpacked.
_EMBEDDED = "word/embeddings/"
# What the standard library raises for a package that is not as it should be.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, struct.error, IndexError, KeyError)


class WordPackage:
    """The parts of a docx.

    Raises `ValidationFailedError` for a package that is damaged, encrypted, holds macros, or would unpack too far; and with
    the reason `mislabelled` for one that is no docx.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except _BROKEN:
            raise refused(Reason.DAMAGED) from None
        entries = self._zip.infolist()
        self._entries = {entry.filename: entry for entry in entries}
        if len(entries) > ENTRIES_LIMIT:
            raise refused(Reason.ZIP_BOMB)
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise refused(Reason.ENCRYPTED)
        if sum(entry.file_size for entry in entries) > INFLATED_LIMIT_BYTES or any(map(_is_bomb, entries)):
            raise refused(Reason.ZIP_BOMB)
        if "[Content_Types].xml" not in self._entries:
            raise refused(Reason.MISLABELLED)
        if any(basename(entry.filename).lower() in _MACROS for entry in entries):
            raise refused(Reason.MACROS)
        self._left = INFLATED_LIMIT_BYTES

    @property
    def has_embedded(self) -> bool:
        """Tell whether other files are embedded in the document."""
        return any(name.startswith(_EMBEDDED) for name in self._entries)

    def has(self, name: str) -> bool:
        """Tell whether the package has this part."""
        return name in self._entries

    def part(self, name: str) -> bytes:
        """Return one part, unpacked. What the package says of its size is not believed."""
        entry = self._entries[name]
        if entry.compress_type not in _READ:
            raise refused(Reason.DAMAGED)
        chunks: list[bytes] = []
        try:
            with self._zip.open(entry) as packed:
                while chunk := packed.read(_CHUNK_BYTES):
                    self._left -= len(chunk)
                    if self._left < 0:
                        break
                    chunks.append(chunk)
        except _BROKEN:
            raise refused(Reason.DAMAGED) from None
        if self._left < 0:
            raise refused(Reason.ZIP_BOMB)
        return b"".join(chunks)


def part_name(base: str, target: str) -> str:
    """Return the part that a relation of the part `base` leads to."""
    return normpath(target if target.startswith("/") else f"{base.rpartition('/')[0]}/{target}").lstrip("/")


def _is_bomb(entry: zipfile.ZipInfo) -> bool:
    if _ARCHIVE.search(entry.filename) and not entry.filename.startswith(_EMBEDDED):
        return True
    return entry.file_size > RATIO_FROM_BYTES and entry.file_size > INFLATED_RATIO * max(entry.compress_size, 1)
