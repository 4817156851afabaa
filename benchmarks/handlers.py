"""What a cold start costs before the first event: `python -m benchmarks.handlers`.

Each function's handler is imported in a fresh process, as AWS Lambda does. Told are the seconds of the import, as wall clock
and as processor time (which a busy machine changes less), the modules it brought in, and the memory the process then has; the
same once the adapters that a first request needs are built, and, for functions that embed, once a first text is embedded.
Medians of several processes; the bytecode is there, as in a deployed layer. The row of the interpreter is what it costs alone.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.plot import Bar
from benchmarks.report import Report, add_output, finish
from infrastructure.template import Function, functions, load

MODEL = ROOT / ".local" / "embedder"
ROUNDS = 5
TO_REACH = "To reach (2 cores): import of an API handler 900 ms (aim 500); memory 120 MB, with the embedder 250 (aim 90, 180)."
CREDENTIALS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
TABLES = tuple(f"{table}_TABLE" for table in ("MEMORIES", "USAGE", "IDEMPOTENCY", "TENANCY", "AUDIT", "STATE"))
SETTINGS = {
    "STAGE": "local",
    "EMBEDDING_PROVIDER": "local",
    "SEARCH_ENDPOINT": "file:///nowhere/index.db",
    "AWS_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_EC2_METADATA_DISABLED": "true",
    "POWERTOOLS_TRACE_DISABLED": "true",
    "VERSION": "0",
    "LANGUAGE_MODEL": "",
    "LANGUAGE_MODEL_SECRET": "",
    "LOG_LEVEL": "INFO",
    **dict.fromkeys((*CREDENTIALS, *TABLES, "PEPPER_SECRET", "DATA_KEY", "PARKED_QUEUE", "ACCESS_QUEUE"), "none"),
}
"""What a function's environment must name. Nothing of it is called or opened: adapters connect at their first use."""
CHILD = """
import json, sys, time
before, wall, processor = len(sys.modules), time.perf_counter(), time.process_time()
if sys.argv[1]:
    __import__(sys.argv[1])
wall, processor, after = time.perf_counter() - wall, time.process_time() - processor, len(sys.modules)
from benchmarks.machine import resident_mb
found = {"wall": wall, "processor": processor, "modules": after - before, "resident": resident_mb()}
if sys.argv[1]:
    from backend import bootstrap
    container = bootstrap.container()
    started = time.perf_counter()
    adapters = container.access, container.memory_store, container.index
    adapters[1]._table.seam.client
    found |= {"adapters": time.perf_counter() - started, "resident_with_adapters": resident_mb()}
if sys.argv[2]:
    from backend.embedding.model import Purpose
    started = time.perf_counter()
    container.embedder.embed(["A first text."], Purpose.QUERY)
    found |= {"model": time.perf_counter() - started, "resident_with_model": resident_mb()}
print(json.dumps(found))
"""


def fresh(module: str, model: Path | None) -> dict[str, float]:
    """Import the module in a process of its own and return what the child found; seconds, and MB of 2^20 bytes."""
    path = os.pathsep.join(str(ROOT / each) for each in ("", "functions", "shared"))
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": path, "EMBEDDER_DIR": str(model or ""), **SETTINGS}
    child = subprocess.run(
        [sys.executable, "-c", CHILD, module, str(model or "")], capture_output=True, text=True, check=True, env=environment
    )
    found: dict[str, float] = json.loads(child.stdout)
    return found


def embeds(function: Function) -> bool:
    """Tell whether the template lets the function embed, be it always or on a condition."""
    return "'Embeds'" in repr(function.properties.get("Policies", []))


def measured(name: str, module: str, model: Path | None, rounds: int) -> dict[str, Any]:
    """Return the table's row of one function. The first process, which may have to write bytecode, does not count."""
    fresh(module, model)
    found = [fresh(module, model) for _ in range(rounds)]

    def middle(what: str) -> float | None:
        return statistics.median(each[what] for each in found) if what in found[0] else None

    def milliseconds(what: str) -> float | None:
        seconds = middle(what)
        return None if seconds is None else 1000 * seconds

    return {
        "function": name,
        "import ms": milliseconds("wall"),
        "processor ms": milliseconds("processor"),
        "modules": int(middle("modules") or 0),
        "RSS MB": middle("resident"),
        "adapters ms": milliseconds("adapters"),
        "RSS MB, adapters": middle("resident_with_adapters"),
        "model ms": milliseconds("model"),
        "RSS MB, embedder": middle("resident_with_model"),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every function of the template."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handlers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="processes a function (%(default)s)")
    parser.add_argument("--model", type=Path, default=MODEL, help="directory of the embedding model (%(default)s)")
    add_output(parser)
    asked = parser.parse_args(arguments)
    rows = [measured("(the interpreter)", "", None, asked.rounds)]
    for function in functions(load()):
        print(f"{function.name} ...", file=sys.stderr, flush=True)
        module = function.handler.rpartition(".")[0]
        rows.append(measured(function.name, module, asked.model if embeds(function) else None, asked.rounds))
    plots = {
        "import, ms": [Bar(row["function"], row["import ms"]) for row in rows],
        "resident after the import, MB": [Bar(row["function"], row["RSS MB"]) for row in rows],
    }
    report = Report("handlers", "Cold start of each function", {"rounds": asked.rounds}, rows, plots, [TO_REACH])
    finish(report, asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
