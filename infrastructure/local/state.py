"""The state directory: made, checked, stamped with the versions that can read it, and its leavings cleared."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from infrastructure.local.errors import StateError
from infrastructure.local.versions import EMULATOR_VERSION

FORMAT = 1
"""Grows when what the state directory holds changes so that an older or newer tree cannot read it."""
ROOM_BYTES = 64 * 1024 * 1024
"""Below this much free space starting is refused: a stack that cannot save is worse than none."""

_STAMP = "version.json"
_NEVER = 4_102_444_800.0
"""The year 2100, in seconds: when the SAM CLI last asked the network for a newer version of itself, as far as it knows."""


def prepare(directory: Path) -> None:
    """Make the directory ready for a start. Raises `StateError` when it cannot be used."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _check_version(directory)
        _check_room(directory)
        for name in ("tmp", "sam"):
            shutil.rmtree(directory / name, ignore_errors=True)
        for name in ("emulator", "s3", "tmp", "sam"):
            (directory / name).mkdir(exist_ok=True)
        (directory / "sam" / "metadata.json").write_text(json.dumps({"lastVersionCheck": _NEVER, "telemetryEnabled": False}))
        (directory / _STAMP).write_text(json.dumps(_stamp()))
    except OSError as error:
        message = f"The state directory {directory} cannot be written: {error.strerror}. Choose another with --state."
        raise StateError(message) from error


def check_ours(directory: Path) -> None:
    """Raise `StateError` for a directory that holds something and was not made by `prepare`."""
    if any(directory.iterdir()) and not (directory / _STAMP).exists():
        message = f"{directory} was not made by the local stack: it is left alone."
        raise StateError(message)


def _stamp() -> dict[str, object]:
    return {"format": FORMAT, "emulator": EMULATOR_VERSION}


def _check_version(directory: Path) -> None:
    check_ours(directory)
    try:
        found = json.loads((directory / _STAMP).read_text())
    except FileNotFoundError:
        return
    except ValueError:
        found = None
    if found != _stamp():
        message = (
            f"The state in {directory} was made by another version ({found}; this one is {_stamp()}). "
            "Forget it with `python -m infrastructure.local reset`, or choose another with --state."
        )
        raise StateError(message)


def _check_room(directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    if free < ROOM_BYTES:
        message = f"The disk of {directory} is full: {free // 2**20} MB are free and {ROOM_BYTES // 2**20} MB are needed."
        raise StateError(message)
