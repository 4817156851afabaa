"""How fast the service answers over HTTP: `python -m benchmarks.http`, while it is up.

One client, one request after the other, over one connection that is kept open. The memories are added under an end user
made for this run and stay there. Nothing is asserted but one promise: an own write is found by the next query.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from benchmarks import texts
from benchmarks.plot import Bar
from benchmarks.report import Report, add_output
from examples import service_env
from examples.figures import percentile
from examples.service import Service, ServiceError
from examples.service_env import ServiceEnv

K = 5
WARM_UPS = 10
SETTLE_SECONDS = 60.0
SETTLED_FOR_SECONDS = 2.0
SEED = 20261
TO_REACH = {"add": "80 / 150", "query": "70 / 130"}
"""Median and 95th percentile in ms on 2 cores."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many of each, and the seconds after which no further request is begun."""

    memories: int = 1000
    requests: int = 200
    visible: int = 1000
    seconds: float = 900.0
    keyed: bool = True


@dataclass(slots=True)
class Measured:
    """Seconds by request; `visible` counts own writes that the next query found, of `written`."""

    owner: str
    health: list[float] = field(default_factory=list)
    add: list[float] = field(default_factory=list)
    query: list[float] = field(default_factory=list)
    written: int = 0
    visible: int = 0
    degraded: int = 0
    out_of_time: bool = False


class Run:
    """One run of the plan against one service. Raises `ServiceError` at the first request that is refused."""

    def __init__(
        self,
        service: Service,
        plan: Plan,
        say: Callable[[str], None],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._service = service
        self._plan = plan
        self._say = say
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + plan.seconds
        self._random = Random(SEED)  # noqa: S311 - sentences, not secrets
        self._number = 0
        self.measured = Measured(owner=f"bench-{secrets.token_hex(6)}")

    def whole(self) -> Measured:
        """Measure everything and return it."""
        found, plan = self.measured, self._plan
        self._say("Warming up.")
        self._warm_up()
        self._health(plan.requests - plan.requests // 2)
        self._say(f"Adding {plan.memories} memories.")
        for _ in self._within(plan.memories):
            found.add.append(self._add()[2])
        self._settle()
        self._say(f"Asking {plan.requests} questions.")
        for _ in self._within(plan.requests):
            answer = self._service.query(found.owner, texts.question(self._random), K)
            found.query.append(answer.seconds)
            found.degraded += bool(answer.body["degraded"])
        # Half of the bare requests come before, half after: a machine that slows down slows both.
        self._health(plan.requests // 2)
        self._say(f"Looking for {plan.visible} own writes, each at once.")
        for _ in self._within(plan.visible):
            self._look_for_own_write()
        return found

    def _warm_up(self) -> None:
        for _ in range(WARM_UPS):
            self._service.health()
            self._add(f"{self.measured.owner}-warm")
            self._service.query(f"{self.measured.owner}-warm", texts.question(self._random), K)

    def _health(self, count: int) -> None:
        for _ in self._within(count):
            self.measured.health.append(self._service.health().seconds)

    def _add(self, owner: str | None = None) -> tuple[str, str, float]:
        """Add the next memory; return its id, its text and the seconds."""
        self._number += 1
        owner = owner or self.measured.owner
        text = texts.memory(self._number, self._random)
        key = f"{owner}-{self._number}" if self._plan.keyed else None
        answer = self._service.add({"text": text, "user_id": owner, "source": "benchmark"}, key)
        return answer.body["id"], text, answer.seconds

    def _settle(self) -> None:
        """Wait until answers no longer say that the index is behind (at most a minute), and a moment for the last few."""
        end = min(self._end, self._clock() + SETTLE_SECONDS)
        while self._clock() < end:
            if not self._service.query(self.measured.owner, "Is the index up to date?", 1).body["degraded"]:
                self._sleep(SETTLED_FOR_SECONDS)
                return
            self._sleep(0.5)

    def _look_for_own_write(self) -> None:
        # Asked word for word, nothing can be more alike than the memory itself: only what is not visible yet is missed.
        memory_id, text, _ = self._add()
        found = self._service.query(self.measured.owner, text, K).body["memories"]
        self.measured.written += 1
        self.measured.visible += any(memory["id"] == memory_id for memory in found)

    def _within(self, count: int) -> Iterator[int]:
        """Count, until the time is up."""
        for number in range(count):
            if self._clock() >= self._end:
                self.measured.out_of_time = True
                return
            yield number


def figures(found: Measured) -> dict[str, dict[str, float]]:
    """Return count, median and 95th percentile in ms, and the median as a multiple of the bare request's, by kind."""
    timed = {"health": found.health, "add": found.add, "query": found.query}
    bare = percentile(found.health, 50) if found.health else None
    return {what: _figure(seconds, bare) for what, seconds in timed.items() if seconds}


def _figure(seconds: Sequence[float], bare: float | None) -> dict[str, float]:
    median = percentile(seconds, 50)
    figure = {
        "count": len(seconds),
        "p50_ms": round(median * 1000, 1),
        "p95_ms": round(percentile(seconds, 95) * 1000, 1),
    }
    return {**figure, "times_health": round(median / bare, 1)} if bare else figure


def table(found: Measured, plan: Plan) -> str:
    """Return the figures for people."""
    lines = [f"{'what':<44}{'count':>7}{'p50 ms':>9}{'p95 ms':>9}{'x health':>10}   to reach (2 cores)"]
    names = {
        "health": "GET /health",
        "add": f"POST /memory/add{' (keyed)' if plan.keyed else ''}",
        "query": f"POST /memory/query, {len(found.add)} memories, k={K}",
    }
    for what, figure in figures(found).items():
        columns = f"{figure['count']:>7}{figure['p50_ms']:>9}{figure['p95_ms']:>9}{figure.get('times_health', ''):>10}"
        lines.append(f"{names[what]:<44}{columns}   {TO_REACH.get(what, '')}".rstrip())
    if found.written:
        lines.append(f"{'own write visible to the next query':<44}{found.visible:>7} of {found.written}")
    if found.degraded:
        lines.append(f"{found.degraded} of the measured queries were answered in part only (degraded).")
    if found.out_of_time:
        lines.append(f"The {plan.seconds:.0f} s were up before the plan was done: see the counts.")
    return "\n".join(lines)


def record(found: Measured, plan: Plan, base_url: str) -> dict[str, Any]:
    """Return the figures for machines, with when and where they were measured."""
    return {
        "benchmark": "http",
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "base_url": base_url,
        "machine": {
            "cores": os.cpu_count(),
            "processor": platform.machine(),
            "system": platform.system(),
            "python": platform.python_version(),
        },
        "plan": asdict(plan),
        "figures": figures(found),
        "own_write_visible": {"written": found.written, "visible": found.visible},
        "degraded_queries": found.degraded,
        "out_of_time": found.out_of_time,
    }


def report(found: Measured, plan: Plan) -> Report:
    """Return the figures as every benchmark leaves them behind."""
    rows: list[dict[str, Any]] = [{"request": what, **figure} for what, figure in figures(found).items()]
    plots = {"p50, ms": [Bar(row["request"], row["p50_ms"]) for row in rows]}
    visible = f"Own writes found by the next query: {found.visible} of {found.written}."
    return Report("http", "One client over HTTP", asdict(plan), rows, plots, [visible])


def parser() -> argparse.ArgumentParser:
    """Return the command line's parser."""
    plan = Plan()
    whole = argparse.ArgumentParser(prog="python -m benchmarks.http", description=__doc__)
    whole.add_argument("--base-url", help="address of the service (default: the environment's, then the file's)")
    whole.add_argument("--api-key", help="key that may add and read (default: as above)")
    whole.add_argument("--env-file", type=Path, default=service_env.DEFAULT_PATH, help="address and key (%(default)s)")
    whole.add_argument("--project", help="project, for a key that is not bound to one")
    whole.add_argument("--memories", type=_count, default=plan.memories, help="memories of the owner (%(default)s)")
    whole.add_argument("--requests", type=_count, default=plan.requests, help="queries, and bare requests (%(default)s)")
    whole.add_argument("--visible", type=_count, default=plan.visible, help="own writes to look for (%(default)s)")
    whole.add_argument("--seconds", type=float, default=plan.seconds, help="begin nothing after this time (%(default)s)")
    whole.add_argument("--unkeyed", action="store_true", help="add without an Idempotency-Key")
    add_output(whole)
    return whole


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 100_000:  # noqa: PLR2004 - more is no benchmark of one client
        message = f"{number} is not between 0 and 100000"
        raise argparse.ArgumentTypeError(message)
    return number


def _address_and_key(asked: argparse.Namespace) -> ServiceEnv | None:
    """Return what is measured, None when it is not known. The file's key is never sent to another address than the file's."""
    kept = service_env.read(asked.env_file)
    base_url = asked.base_url or os.environ.get(service_env.BASE_URL) or (kept.base_url if kept else None)
    api_key = asked.api_key or os.environ.get(service_env.API_KEY)
    if kept and not api_key and base_url and base_url.rstrip("/") == kept.base_url:
        api_key = kept.api_key
    return ServiceEnv(base_url.rstrip("/"), api_key) if base_url and api_key else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table and then one line of JSON; 1 when a request failed or an own write was not found."""
    asked = parser().parse_args(arguments)
    service_at = _address_and_key(asked)
    if service_at is None:
        print(
            f"No address and key: make demo writes them to {asked.env_file}; or give --base-url and --api-key.", file=sys.stderr
        )
        return 1
    plan = Plan(asked.memories, asked.requests, asked.visible, asked.seconds, keyed=not asked.unkeyed)
    try:
        with Service(service_at.base_url, service_at.api_key, project_id=asked.project, tries=1) as service:
            found = Run(service, plan, lambda line: print(line, file=sys.stderr, flush=True)).whole()
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 1
    print(table(found, plan))
    report(found, plan).write(asked.out)
    print(json.dumps(record(found, plan, service_at.base_url)))
    return 0 if found.visible == found.written else 1


if __name__ == "__main__":
    sys.exit(main())
