"""What an add takes when its owner has many memories: `python -m benchmarks.growth`.

DynamoDB's calls and units are counted, not timed, as `benchmarks.capacity` counts them. The owner's memories are put into the
table as the store would have put them: in moto, which takes 15 GB for 50,000, or with `--engine dynoxide` in an engine of its
own. A transaction that is cancelled, as the first try of a fact that is known is, costs what it would have cost; that is not
counted here.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from backend.embedding.model import pack
from backend.extraction.extracted_key import extracted_key
from backend.extraction.pipeline import Pipeline
from backend.kit.clock import SystemClock
from backend.memories.items import row_item
from backend.memories.model import Memory, Said
from benchmarks import texts
from benchmarks.capacity import World, world
from benchmarks.plot import Bar
from benchmarks.report import Report, add_output, finish
from infrastructure.engines.dynoxide import process

SIZES = (10, 1_000, 50_000)
BATCH = 500
TIMES = 5
NO_TIME = timedelta()
YEAR = timedelta(days=365)
VECTOR = pack([1.0] + [0.0] * 383)


def main(arguments: Sequence[str] | None = None) -> int:
    """Count at each size, print the table, write the files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    add_output(parser)
    parser.add_argument("--sizes", type=int, nargs="+", default=list(SIZES), help="memories of the owner, ascending")
    parser.add_argument("--engine", choices=["moto", "dynoxide"], default="moto", help="what stands in for DynamoDB")
    asked = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    with _endpoint(asked.engine) as endpoint, world(endpoint) as all_of_it:
        all_of_it.read_with(Pipeline())
        held = 0
        for size in asked.sizes:
            fill(all_of_it, held, size)
            held = size
            rows += [{"memories": size, **row} for row in measured(all_of_it, size)]
    plots = {
        "write units": [Bar(f"{row['what']}, {row['memories']:,}", row["write units"]) for row in rows],
        "read units": [Bar(f"{row['what']}, {row['memories']:,}", row["read units"]) for row in rows],
    }
    finish(Report("growth", "What an add takes as its owner's memories grow", {"times": TIMES}, rows, plots), asked.out)
    return 0


@contextmanager
def _endpoint(engine: str) -> Iterator[str | None]:
    """Give the address of an engine that runs for as long as it is needed, None for the stand-in of this process."""
    if engine == "moto":
        yield None
        return
    with TemporaryDirectory() as folder:
        try:
            yield process.start(Path(folder)).url
        finally:
            process.stop(Path(folder))


def fill(world: World, held: int, size: int) -> None:
    """Put memories into the table until the owner has so many."""
    now = SystemClock().now()
    random = Random(held)  # noqa: S311 - sentences, not secrets
    batch: list[dict[str, Any]] = []
    for number in range(held, size):
        text = texts.memory(number, random)
        memory = Memory(
            memory_id=f"mem_{number:026d}",
            tenant_id=world.scope.tenant_id,
            scope_key=world.scope.home,
            project_id=world.scope.project_id,
            end_user_id=world.scope.end_user_id,
            text=text,
            extracted_key=extracted_key(text),
            created_at=now,
            updated_at=now,
            valid_from=now,
            vector=VECTOR,
            model="fake/384",
        )
        batch.append(row_item(memory, world.seals))
        if len(batch) == BATCH or number == size - 1:
            world.table.put_many(batch)
            batch.clear()


def measured(world: World, size: int) -> list[dict[str, Any]]:
    """Return what an add of each kind takes now."""
    numbers = iter(range(10**6))

    def say(text: str, age: timedelta = NO_TIME) -> None:
        said = Said(text.format(number=f"{size}-{next(numbers)}"), occurred_at=SystemClock().now() - age if age else None)
        for memory in world.memories.add(world.scope, said).memories:
            world.project(memory.memory_id)

    say("My budget is {number} euros.")
    fact = f"The parcel {size} is in the hall."
    say(fact)
    kinds = {
        "a new fact": "The parcel {number} lies in the cellar.",
        "a fact that is known": fact,
        "a contradiction": "My budget is now {number} euros.",
    }
    rows = [world.metered(name, partial(say, text), TIMES) for name, text in kinds.items()]
    long_ago = partial(say, "My budget is {number} euros.", YEAR)
    return [*rows, world.metered("a contradiction said late", long_ago, TIMES)]


if __name__ == "__main__":
    sys.exit(main())
