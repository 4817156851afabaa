"""`python -m infrastructure.engines.dynoxide build|start|stop|status|missing`."""

from __future__ import annotations

import sys
from pathlib import Path

from infrastructure.engines.command import Engine, run
from infrastructure.engines.dynoxide.build import missing_tools, program
from infrastructure.engines.dynoxide.process import start

ENGINE = Engine(
    module="infrastructure.engines.dynoxide",
    about="A strict DynamoDB.",
    port=8000,
    folder=Path(".local/dynoxide"),
    missing=missing_tools,
    build=program,
    start=start,
)

if __name__ == "__main__":
    sys.exit(run(ENGINE))
