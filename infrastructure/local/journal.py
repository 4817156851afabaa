"""A journal of after-images in files: what was acknowledged since the last snapshot, so that kill -9 loses none of it.

One request is one line is one write(2), made before the answer: a transaction is in the journal whole or not at all. A line is a
JSON array of images `[table ARN, table id, partition key, sort key, item or null]`; null stands for a removal. After-images can
be replayed over a snapshot that already holds them; calls (`ADD`, conditions) could not.

The files, called segments, are numbered. A snapshot first makes a cut, which begins a new segment, and when it is on disk
the segments before the cut go. The kernel has each line when the answer leaves, so the end of every process loses nothing;
a power cut may lose the last seconds (no fsync).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pydantic_core import PydanticSerializationError, to_json

from infrastructure.local.errors import StateError

_SUFFIX = ".jsonl"


class Image(NamedTuple):
    """One item after a change; `item` is `None` when it was removed."""

    table_arn: str
    table_id: str
    partition_key: str
    sort_key: str
    item: dict[str, Any] | None


class Journal:
    """Appends images to the newest segment. Not safe for threads: the caller holds a lock."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._descriptor: int | None = None
        self._length = 0
        self.bytes_since_cut = 0

    def append(self, images: Sequence[Image]) -> None:
        """Write the images as one line. Raises `OSError` (disk full), and then no part of the line is left."""
        if self._descriptor is None:
            self.cut()
        assert self._descriptor is not None  # noqa: S101 - `cut` opened it
        line = _text(images) + b"\n"
        try:
            written = os.write(self._descriptor, line)
        except OSError:
            os.ftruncate(self._descriptor, self._length)
            raise
        if written != len(line):
            # A disk that fills up takes part of a line; a later line must not be glued to it.
            os.ftruncate(self._descriptor, self._length)
            message = f"the journal took {written} of {len(line)} bytes: is the disk full?"
            raise OSError(message)
        self._length += len(line)
        self.bytes_since_cut += len(line)

    def cut(self) -> int:
        """Begin a new segment and return its number: a snapshot taken now makes the ones before it superfluous."""
        self._directory.mkdir(parents=True, exist_ok=True)
        number = max(map(_number, self._segments()), default=0) + 1
        path = self._directory / f"{number:010d}{_SUFFIX}"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self.close()
        self._descriptor, self._length, self.bytes_since_cut = descriptor, 0, 0
        return number

    def drop_before(self, number: int) -> None:
        """Remove the segments before a cut whose snapshot is on disk."""
        for path in self._segments():
            if _number(path) < number:
                path.unlink()

    def read(self) -> Iterator[Image]:
        """Yield every image, oldest first.

        A last line without its end is what a kill leaves and was never acknowledged: it is left out. Anything else
        that cannot be read raises `StateError`.
        """
        for path in self._segments():
            with path.open("rb") as segment:
                for number, line in enumerate(segment, 1):
                    if not line.endswith(b"\n"):
                        continue
                    try:
                        images = [Image(*fields) for fields in json.loads(line.decode("utf-8", "surrogatepass"))]
                    except (ValueError, TypeError) as error:
                        message = f"Line {number} of {path} is damaged: the state cannot be brought up to date from it."
                        raise StateError(message) from error
                    yield from images

    def close(self) -> None:
        """Close the open segment, if any."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _segments(self) -> list[Path]:
        return sorted(self._directory.glob(f"*{_SUFFIX}"))


def _text(images: Sequence[Image]) -> bytes:
    try:
        # A third of the time that `json` takes.
        return to_json(images)
    except PydanticSerializationError:
        # Half of a surrogate pair: no UTF-8, but an item may hold it.
        return json.dumps(images, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")


def _number(path: Path) -> int:
    return int(path.name.removesuffix(_SUFFIX))
