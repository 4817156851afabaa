"""`python -m infrastructure.engines.opensearch build|start|stop|status|missing`."""

from __future__ import annotations

import sys
from pathlib import Path

from infrastructure.engines.command import Engine, run
from infrastructure.engines.opensearch.build import home, missing_tools
from infrastructure.engines.opensearch.process import start

ENGINE = Engine(
    module="infrastructure.engines.opensearch",
    about="A real OpenSearch.",
    port=9200,
    folder=Path(".local/opensearch"),
    missing=missing_tools,
    build=home,
    start=start,
)

if __name__ == "__main__":
    sys.exit(run(ENGINE))
