"""`python -m infrastructure.engines build|missing`: all engines."""

from __future__ import annotations

import argparse
import sys

from infrastructure.engines.cache import EngineError
from infrastructure.engines.dynoxide.__main__ import ENGINE as DYNOXIDE
from infrastructure.engines.opensearch.__main__ import ENGINE as OPENSEARCH

ENGINES = (OPENSEARCH, DYNOXIDE)


def main(argv: list[str] | None = None) -> int:
    """Run one command; return its exit code, which is 1 for `missing` when a tool is."""
    parser = argparse.ArgumentParser(prog="python -m infrastructure.engines", description="The engines of `make test-engines`.")
    parser.add_argument("command", choices=("build", "missing"), help="`missing` prints absent tools")
    command = parser.parse_args(argv).command
    if command == "missing":
        missing = [tool for engine in ENGINES for tool in engine.missing()]
        print(" ".join(missing))
        return int(bool(missing))
    try:
        for engine in ENGINES:
            print(engine.build())
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
