"""How much the service does at once over HTTP: `python -m benchmarks.load`.

At 1, 4 and 8 clients: `GET /health`, adds, queries; then 8 clients that ask two questions for each add, for a minute. Each
client has a connection that stays open and an end user of its own, and sends its next request when it has the last answer. The
clients are threads of one process and share the machine with the service. Nothing is tried twice: every answer that is not a
2xx is an error. Ends with 1 when there was one.

On a machine that others use too, requests a second tell little. `processor ms a request` is what all processes of the local
stack used, its schedules and projections included: cores times 1,000 over it is the most that the machine can do, and other
programs move it least. `x health` is the throughput as a part of that of `GET /health` with as many clients in the same run.
"""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

from benchmarks import texts
from benchmarks.plot import Bar
from benchmarks.processes import tree_seconds
from benchmarks.report import Report, add_output, finish
from benchmarks.spread import milliseconds
from benchmarks.target import Target, add_target, target

CLIENTS = (1, 4, 8)
ADD, QUERY, HEALTH, MIXED = "add", "query", "health", "2 queries : 1 add"
K = 5
MEMORIES = 100
TIMEOUT_SECONDS = 40.0
WARM_UP_SECONDS = 5.0
TO_REACH = "To reach (2 cores), 8 clients, 2 queries to 1 add, 60 s: 0 errors, 40 requests/s (aim 120)."
Send = Callable[[str, str, Any], int]
"""Sends method, path and body (None for none) and returns the status."""


@dataclass(slots=True)
class Phase:
    """What several clients did side by side: seconds by kind of request, and the statuses that were no 2xx."""

    clients: int
    kind: str
    began: float
    ended: float = 0.0
    seconds: dict[str, list[float]] = field(default_factory=dict)
    errors: list[int] = field(default_factory=list)
    processor_seconds: float | None = None

    @property
    def requests(self) -> int:
        """How many were answered well."""
        return sum(map(len, self.seconds.values()))

    @property
    def rate(self) -> float:
        """Requests answered well a second."""
        return self.requests / (self.ended - self.began)

    @property
    def processor_ms(self) -> float | None:
        """Milliseconds of processor that the whole service used for each request, where that is known."""
        return None if self.processor_seconds is None else 1000 * self.processor_seconds / max(1, self.requests)


class Client:
    """One end user: what it sends next, and what came back."""

    def __init__(self, number: int, run: str, send: Send) -> None:
        self.user = f"bench-{run}-{number}"
        self._send = send
        self._random = Random(f"{run}-{number}")  # noqa: S311 - sentences, not secrets
        self._sent = 0

    def step(self, kind: str) -> tuple[str, float, int]:
        """Send one request of the kind; return which it was, its seconds and its status."""
        self._sent += 1
        if kind == MIXED:
            kind = ADD if self._sent % 3 == 0 else QUERY
        start = time.perf_counter()
        status = self._request(kind)
        return kind, time.perf_counter() - start, status

    def _request(self, kind: str) -> int:
        if kind == ADD:
            text = texts.memory(self._random.randrange(10**9), self._random)
            return self._send("POST", "/memory/add", {"text": text, "user_id": self.user})
        if kind == QUERY:
            return self._send("POST", "/memory/query", {"query": texts.question(self._random), "user_id": self.user, "k": K})
        return self._send("GET", "/health", None)


def sender(service: Target) -> Send:
    """Return what sends over one connection of its own. A connection that broke is opened anew; the request counts as failed."""
    address = urlsplit(service.base_url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=TIMEOUT_SECONDS)
    headers = {"X-API-Key": service.api_key, "Content-Type": "application/json"}

    def send(method: str, path: str, body: Any) -> int:  # noqa: ANN401 - any JSON
        try:
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return 0
        return answer.status

    return send


def together(clients: Sequence[Client], kind: str, go_on: Callable[[int, float], bool]) -> Phase:
    """Let the clients send side by side while `go_on(requests of this client, seconds)` holds."""
    phase = Phase(len(clients), kind, time.perf_counter())
    guard = threading.Lock()

    def work(client: Client) -> None:
        done = 0
        while go_on(done, time.perf_counter() - phase.began):
            what, seconds, status = client.step(kind)
            done += 1
            with guard:
                if 200 <= status < 300:  # noqa: PLR2004 - HTTP: what went well
                    phase.seconds.setdefault(what, []).append(seconds)
                else:
                    phase.errors.append(status)

    threads = [threading.Thread(target=work, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    phase.ended = time.perf_counter()
    return phase


def for_seconds(seconds: float) -> Callable[[int, float], bool]:
    """Go on until the time is up."""
    return lambda _, passed: passed < seconds


def table(phases: Sequence[Phase]) -> list[dict[str, Any]]:
    """Return a row for each phase and kind of request in it."""
    bare = {phase.clients: phase.rate for phase in phases if phase.kind == HEALTH}
    rows = []
    for phase in phases:
        for kind, seconds in sorted(phase.seconds.items()):
            rows.append(
                {
                    "clients": phase.clients,
                    "phase": phase.kind,
                    "request": kind,
                    "count": len(seconds),
                    "errors": len(phase.errors),
                    "all requests/s": phase.rate,
                    "x health": phase.rate / bare[phase.clients] if bare.get(phase.clients) else None,
                    "processor ms a request": phase.processor_ms,
                    "p50 ms": milliseconds(seconds, 50),
                    "p95 ms": milliseconds(seconds, 95),
                    "p99 ms": milliseconds(seconds, 99),
                }
            )
    return rows


def run(service: Target, asked: argparse.Namespace, say: Callable[[str], None]) -> list[Phase]:
    """Do all phases."""
    name = f"{time.time_ns():x}"
    clients = [Client(number, name, sender(service)) for number in range(max(asked.clients))]
    say("Warming up.")
    for kind in (HEALTH, ADD, QUERY):
        together(clients, kind, for_seconds(WARM_UP_SECONDS))
    say(f"{asked.memories} memories for each client.")
    filled = together(clients, ADD, lambda done, _: done < asked.memories)
    phases: list[Phase] = []

    def measure(some: Sequence[Client], kind: str, seconds: float) -> None:
        used = tree_seconds(service.pid) if service.pid else None
        phases.append(together(some, kind, for_seconds(seconds)))
        if service.pid and used is not None:
            phases[-1].processor_seconds = tree_seconds(service.pid) - used

    for count in asked.clients:
        for kind in (HEALTH, ADD, QUERY):
            say(f"{count} clients: {kind}, {asked.seconds:.0f} s.")
            measure(clients[:count], kind, asked.seconds)
    say(f"{len(clients)} clients: {MIXED}, {asked.mixed_seconds:.0f} s.")
    measure(clients, MIXED, asked.mixed_seconds)
    phases[-1].errors += filled.errors
    return phases


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    add_target(parser)
    parser.add_argument("--clients", type=int, nargs="+", default=list(CLIENTS), help="how many at once (%(default)s)")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each phase (%(default)s)")
    parser.add_argument("--mixed-seconds", type=float, default=60.0, help="of the mixed phase (%(default)s)")
    parser.add_argument("--memories", type=int, default=MEMORIES, help="of each end user before it begins (%(default)s)")
    add_output(parser)
    asked = parser.parse_args(arguments)
    began = Report("load", "", {}, []).began
    with target(asked) as service:
        phases = run(service, asked, lambda line: print(line, file=sys.stderr, flush=True))
    plots = {"all requests/s": [Bar(f"{each.kind}, {each.clients} clients", each.rate) for each in phases]}
    parameters = {name: vars(asked)[name] for name in ("clients", "seconds", "mixed_seconds", "memories")} | {"k": K}
    report = Report("load", "Several clients over HTTP", parameters, table(phases), plots, [TO_REACH], began)
    finish(report, asked.out)
    failed = [status for phase in phases for status in phase.errors]
    if failed:
        print(f"{len(failed)} requests failed: statuses {sorted(set(failed))} (0: no answer).", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
