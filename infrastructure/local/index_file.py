"""The index file of a stack that was made by an earlier release: filled anew from the table when its form has changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from backend.index.embedded_file import VERSION
from infrastructure.local.errors import DeployError, FunctionFailedError

if TYPE_CHECKING:
    from infrastructure.local.stack import Stack


def renew(stack: Stack, tell: Callable[[str], None]) -> bool:
    """Fill the index anew if its file has the form of another release; tell whether it was. Raises `DeployError`.

    The old file is moved away first and deleted last: when this is interrupted, the next call begins again.
    """
    old = stack.index.with_suffix(".old")
    if layout_of(stack.index) not in {0, VERSION}:
        for each in _files_of(stack.index):
            each.rename(each.with_name(each.name.replace(stack.index.name, old.name, 1)))
    if not old.exists():
        return False
    tell("The index of this release has another form: filling it from the table ...")
    try:
        answer = stack.invoke("RebuildIndex", {})
        while answer["after"] is not None:
            answer = stack.invoke("RebuildIndex", answer)
    except FunctionFailedError as error:
        message = f"The index could not be filled anew: {error}. Start the stack again: it begins anew."
        raise DeployError(message) from error
    for each in _files_of(old):
        each.unlink()
    return True


def layout_of(path: Path) -> int:
    """Return the number of the file's form; 0 where there is no file, or nothing in it."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as connection:
        layout: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return layout


def _files_of(path: Path) -> list[Path]:
    """Return a database and what SQLite keeps beside it, the database last: while it is there, all may be there."""
    return [each for name in ("-wal", "-shm", "") if (each := path.with_name(path.name + name)).exists()]
