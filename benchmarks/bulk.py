"""How many candidates a second `POST /memory/bulk-add` stores, and where the time goes: `python -m benchmarks.bulk`.

One client sends requests of fifty items (`--items 1`: of one, as an add), one after the other, to a local stack of the run's
own or a running service. Beside it: the bare way there and back, and, in this process and on the same texts, what taking them
apart and embedding them takes. The rest is writing, sealing and the function around it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random

import httpx

from backend.embedding.minilm import MiniLmEmbedder
from backend.embedding.model import Purpose
from backend.extraction.model import Utterance
from backend.extraction.pipeline import Pipeline
from backend.extraction.policy import ExtractionPolicy
from backend.kit.clock import SystemClock
from benchmarks import texts
from benchmarks.plot import Bar
from benchmarks.report import Report, add_output, finish
from benchmarks.target import add_target, target
from examples.figures import percentile

MOST_ITEMS = 50
MODEL = Path(".local/embedder")
TIMEOUT_SECONDS = 60.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bulk", description=__doc__)
    add_target(parser)
    add_output(parser)
    parser.add_argument("--requests", type=int, default=20, help="one after the other (%(default)s)")
    parser.add_argument("--items", type=int, default=MOST_ITEMS, help="of a request, 1 to 50 (%(default)s)")
    asked = parser.parse_args(arguments)
    random, items = Random(7), asked.items  # noqa: S311 - sentences, not secrets
    batches = [[texts.memory(items * batch + item, random) for item in range(items)] for batch in range(asked.requests + 1)]
    with target(asked) as service, httpx.Client(base_url=service.base_url, timeout=TIMEOUT_SECONDS) as http:
        headers = {"X-API-Key": service.api_key, "X-End-User-ID": f"bulk-{time.time_ns()}"}

        def send(batch: list[str]) -> int:
            answer = http.post("/memory/bulk-add", json={"items": [{"text": text} for text in batch]}, headers=headers)
            answer.raise_for_status()
            stored: int = answer.json()["candidates_stored"]
            return stored

        def keep(batch: list[str]) -> None:
            stored.append(send(batch))

        send(batches[0])
        stored: list[int] = []
        whole = [timed(partial(keep, batch)) for batch in batches[1:]]
        bare = [timed(partial(http.get, "/health")) for _ in batches]
    reading, embedding = alone(batches[1:])
    per_request = sum(stored) / len(stored)
    parts = {"a whole request": whole, "GET /health": bare, "taking apart, alone": reading, "embedding, alone": embedding}
    rest = percentile(whole, 50) - sum(percentile(seconds, 50) for seconds in (bare, reading, embedding))
    rows: list[dict[str, str | float | None]] = [
        {
            "what": name,
            "p50 ms": 1000 * percentile(seconds, 50),
            "p95 ms": 1000 * percentile(seconds, 95),
            "candidates/s": None if seconds is bare else per_request / percentile(seconds, 50),
        }
        for name, seconds in parts.items()
    ]
    notes = [
        f"{per_request:.1f} candidates a request of {items} items.",
        f"Writing, sealing and the function around it: about {1000 * rest:.0f} ms of the median.",
    ]
    plots = {"milliseconds": [Bar(name, 1000 * percentile(seconds, 50)) for name, seconds in parts.items()]}
    finish(Report("bulk", "Bulk-add", {"requests": asked.requests, "items": items}, rows, plots, notes), asked.out)
    return 0


def alone(batches: Sequence[Sequence[str]]) -> tuple[list[float], list[float]]:
    """Return the seconds that reading, and embedding, each of these takes in this process."""
    pipeline, policy, now = Pipeline(), ExtractionPolicy(), SystemClock().now()
    embedder = MiniLmEmbedder(MODEL)
    embedder.embed(["warm"], Purpose.DOCUMENT)
    reading, embedding = [], []
    for batch in batches:
        found: list[str] = []

        def read(batch: Sequence[str] = batch, found: list[str] = found) -> None:
            for text in batch:
                found.extend(each.text for each in pipeline.read(Utterance(text, now), policy).candidates if each.refusal is None)

        reading.append(timed(read))
        embedding.append(timed(partial(embedder.embed, found, Purpose.DOCUMENT)))
    return reading, embedding


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
