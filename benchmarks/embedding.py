"""How fast texts become vectors: `python -m benchmarks.embedding`.

MiniLM in this process: 16 texts of some twenty words, which are two batches of the model, done at once, 64, of which it does
more, two at a time, and one text alone; with one and two threads a batch, with weights shared between processes (as on one
machine) and packed for the processor (as on AWS Lambda). Medians of several rounds, with the processor time beside the wall
clock; beside all of it a bare product of two matrices tells what the processor gave just then.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from backend.embedding.minilm import MiniLmEmbedder
from backend.embedding.model import Purpose
from benchmarks import texts
from benchmarks.handlers import MODEL
from benchmarks.machine import resident_mb
from benchmarks.plot import Bar
from benchmarks.report import Report, add_output, finish
from benchmarks.spread import milliseconds, processor_seconds, timed

SEED = 7
ALONE = 50
SIDE = 384
TO_REACH = "To reach (2 cores), in batches: 300 texts/s (aim 600)."


def matrix_product_ms() -> float:
    """Return the ms of a product of two float32 matrices of 384 rows and columns, the median of 50: about 0.11 GFLOP."""
    left = np.ones((SIDE, SIDE), dtype=np.float32)
    return 1000 * statistics.median(timed(lambda: left @ left) for _ in range(ALONE))


def measured(embedder: MiniLmEmbedder, said: Sequence[str], batch: int, rounds: int) -> dict[str, float]:
    """Return texts a second by wall clock (median, best) and by processor second, and the latency of one text."""

    def whole() -> None:
        for start in range(0, len(said), batch):
            embedder.embed(said[start : start + batch], Purpose.DOCUMENT)

    whole()
    rates = [len(said) / timed(whole) for _ in range(rounds)]
    alone = [timed(lambda text=text: embedder.embed([text], Purpose.QUERY)) for text in itertools.islice(said, ALONE)]  # type: ignore[misc] # mypy cannot infer a lambda's default
    return {
        "texts/s": statistics.median(rates),
        "best": max(rates),
        "texts/processor s": len(said) / processor_seconds(whole),
        "one text p50 ms": milliseconds(alone, 50),
        "one text p95 ms": milliseconds(alone, 95),
        "RSS MB": resident_mb(),
        "384x384 product ms": matrix_product_ms(),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every combination."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embedding", description=__doc__)
    parser.add_argument("--model", type=Path, default=MODEL, help="directory of the embedding model (%(default)s)")
    parser.add_argument("--texts", type=int, default=192, help="texts a round (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (%(default)s)")
    add_output(parser)
    asked = parser.parse_args(arguments)
    random = Random(SEED)  # noqa: S311 - sentences, not secrets
    said = [texts.memory(number, random) for number in range(asked.texts)]
    rows: list[dict[str, Any]] = []
    for shared, threads in itertools.product((True, False), (1, 2)):
        embedder = MiniLmEmbedder(asked.model, threads=threads, share_weights=shared)
        for batch in (16, 64):
            row = {"weights": "shared" if shared else "packed", "threads": threads, "batch": batch}
            rows.append(row | measured(embedder, said, batch, asked.rounds))
    bars = [Bar(f"{row['weights']}, {row['threads']} threads, batch {row['batch']}", row["texts/s"]) for row in rows]
    parameters = {"texts": asked.texts, "rounds": asked.rounds, "model": "minilm-l6-v2-int8"}
    finish(Report("embedding", "Texts to vectors", parameters, rows, {"texts/s": bars}, [TO_REACH]), asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
