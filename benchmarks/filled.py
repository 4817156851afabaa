"""How fast a query over HTTP is while the service holds many memories: `python -m benchmarks.filled`.

One client, one question after the other, k = 5, on a local stack of the run's own. Two end users are asked, one of `--memories`
and one of `--few`; all that is theirs is added by bulk-adds, whole texts in sessions of forty turns. They are asked before and
after the rest of `--held` memories, of other end users with a thousand each, is in the index.

Those others are written straight into the index's file, as the projector writes them, and have no rows in the table: a query
reads rows of who asks only, and the emulated table would be filled for nothing. So this says nothing of adds; a query does all
that it does. Vectors of the others are random: the scan is exact, so their values change no time of it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from benchmarks import texts
from benchmarks.datasets import Turn
from benchmarks.plot import Bar
from benchmarks.processes import tree_seconds
from benchmarks.query import BEGAN, SPEAKERS, TURNS, write
from benchmarks.report import Report, add_output, finish
from benchmarks.spread import milliseconds
from benchmarks.stores import OverHttp
from benchmarks.target import fresh_stack, new_key
from examples.service import Service

K = 5
EACH = 1000
"""Memories of each of the others."""

AT_ONCE = 500
"""Turns that are added before the index is waited for."""

WARM_UPS = 10
TO_REACH = "To reach (2 cores), 100,000 memories held, 5,000 of the owner: query p50 70 ms (aim 40)."


def said_at(number: int) -> datetime:
    """Return when a turn was said: a session a day, a turn a minute."""
    return BEGAN + timedelta(days=number // TURNS, minutes=number % TURNS)


def turns_of(memories: int) -> list[Turn]:
    """Return what an end user says, in sessions."""
    chance = Random(memories)  # noqa: S311 - sentences, not secrets
    return [
        Turn(str(number), texts.memory(number, chance), SPEAKERS[number % 2], f"s{number // TURNS}", said_at(number))
        for number in range(memories)
    ]


def asked(service: Service, user: str, requests: int, pid: int | None) -> dict[str, Any]:
    """Return what questions of one end user take, and `GET /health` beside them."""
    chance = Random(5)  # noqa: S311 - questions, not secrets
    for _ in range(WARM_UPS):
        service.query(user, texts.question(chance), K)
    bare = [service.health().seconds for _ in range(requests // 2)]
    used = tree_seconds(pid) if pid else None
    answers = [service.query(user, texts.question(chance), K) for _ in range(requests)]
    spent = tree_seconds(pid) - used if pid and used is not None else None
    bare += [service.health().seconds for _ in range(requests - requests // 2)]
    seconds = [answer.seconds for answer in answers]
    return {
        "p50 ms": milliseconds(seconds, 50),
        "p95 ms": milliseconds(seconds, 95),
        "times GET /health": milliseconds(seconds, 50) / milliseconds(bare, 50),
        "processor ms": 1000 * spent / requests if spent is not None else None,
        "degraded": sum(bool(answer.body["degraded"]) for answer in answers),
        "short": sum(len(answer.body["memories"]) < K for answer in answers),
    }


def measured(held: int, sizes: Sequence[int], requests: int) -> list[dict[str, Any]]:
    """Return a line for each end user, alone and among the others. Raises `ServiceError`, `LocalStackError`."""
    rows: list[dict[str, Any]] = []
    with fresh_stack() as stack, Service(stack.url, new_key(stack)) as service:
        running = stack.running()
        run = f"filled-{time.time_ns():x}"
        store = OverHttp(service, run)
        for size in sizes:
            say(f"Adding {size} memories of one end user.")
            turns = turns_of(size)
            for start in range(0, size, AT_ONCE):
                store.remember(str(size), turns[start : start + AT_ONCE])
        for others in (0, held - sum(sizes)):
            if others:
                say(f"Writing {others} memories of others.")
                write(stack.index, others, max(1, others // EACH))
            for size in sizes:
                figures = asked(service, f"{run}-{size}", requests, running.pid if running else None)
                rows.append({"memories held": sum(sizes) + others, "of the owner": size, "queries": requests, **figures})
    return rows


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the files; 1 when an answer was degraded or had too few memories."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.filled", description=__doc__)
    parser.add_argument("--held", type=int, default=100_000, help="memories in the index (%(default)s)")
    parser.add_argument("--memories", type=int, default=5_000, help="of them the owner's (%(default)s)")
    parser.add_argument("--few", type=int, default=100, help="of them another owner's (%(default)s)")
    parser.add_argument("--requests", type=int, default=200, help="questions of each (%(default)s)")
    add_output(parser)
    given = parser.parse_args(arguments)
    sizes = [given.memories, given.few]
    if given.held < sum(sizes) or min(sizes) < K or given.memories == given.few:
        parser.error(f"--held is at least --memories and --few together, which differ and are {K} or more.")
    began = Report("filled", "", {}, []).began
    rows = measured(given.held, sizes, given.requests)
    plots = {"p50 ms": [Bar(f"{row['of the owner']:,} of {row['memories held']:,}", row["p50 ms"]) for row in rows]}
    parameters = {name: vars(given)[name] for name in ("held", "memories", "few", "requests")} | {"k": K}
    finish(Report("filled", "A query over HTTP among many memories", parameters, rows, plots, [TO_REACH], began), given.out)
    return 1 if any(row["degraded"] or row["short"] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
