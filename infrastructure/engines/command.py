"""The commands that every engine has: build, start, stop, status, missing."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from infrastructure.engines.cache import EngineError
from infrastructure.engines.process import Running, running, stop


@dataclass(frozen=True, slots=True)
class Engine:
    """What the commands need to know of an engine."""

    module: str
    about: str
    port: int
    folder: Path
    missing: Callable[[], list[str]]
    build: Callable[[], Path]
    start: Callable[[Path, int], Running]


def run(engine: Engine, argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {engine.module}", description=engine.about)
    parser.add_argument("command", choices=("build", "start", "stop", "status", "missing"), help="`missing` prints absent tools")
    parser.add_argument("--folder", type=Path, default=engine.folder, help="all that it keeps (%(default)s)")
    parser.add_argument("--port", type=int, default=engine.port, help="port on 127.0.0.1, 0 for a free one (%(default)s)")
    arguments = parser.parse_args(argv)
    try:
        return _do(engine, arguments.command, arguments.folder, arguments.port)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1


def _do(engine: Engine, command: str, folder: Path, port: int) -> int:
    if command == "build":
        print(engine.build())
    elif command == "start":
        print(engine.start(folder, port).url)
    elif command == "stop":
        print("Stopped." if stop(folder) else "No engine runs.")
    elif command == "missing":
        missing = engine.missing()
        print(" ".join(missing))
        return int(bool(missing))
    else:
        alive = running(folder.resolve())
        print(f"pid {alive.pid} on {alive.url}" if alive else "No engine runs.")
        return int(alive is None)
    return 0
