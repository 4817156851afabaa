"""`python -m infrastructure.engines.opensearch build|start|stop|status|missing`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from infrastructure.engines.cache import EngineError
from infrastructure.engines.opensearch import process
from infrastructure.engines.opensearch.build import home, missing_tools

DEFAULT_FOLDER = Path(".local/opensearch")
DEFAULT_PORT = 9200


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m infrastructure.engines.opensearch", description="A real OpenSearch.")
    parser.add_argument("command", choices=("build", "start", "stop", "status", "missing"), help="`missing` prints absent tools")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="data, logs and configuration (%(default)s)")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="port on 127.0.0.1, 0 for a free one (%(default)s)")
    arguments = parser.parse_args(argv)
    try:
        return _do(arguments.command, arguments.folder, arguments.port)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1


def _do(command: str, folder: Path, port: int) -> int:
    if command == "build":
        print(home())
    elif command == "start":
        print(process.start(folder, port).url)
    elif command == "stop":
        print("Stopped." if process.stop(folder) else "No engine runs.")
    elif command == "missing":
        missing = missing_tools()
        print(" ".join(missing))
        return int(bool(missing))
    else:
        alive = process.running(folder.resolve())
        print(f"pid {alive.pid} on {alive.url}" if alive else "No engine runs.")
        return int(alive is None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
