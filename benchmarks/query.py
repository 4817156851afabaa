"""What a query takes in its process, ranking and all: `python -m benchmarks.query`.

The use case behind `POST /memory/query` over the embedded index, 1,000 to 100,000 memories, k = 5, without HTTP, DynamoDB and the
making of the answer: rows come from memory, and what that takes is taken off. Each size is asked in a process of its own, which
has nothing but the file of the index. Memories are sentences of some twenty words in sessions of forty turns; vectors are random
(the scan is exact, so their values change no time of it). Beside the times of the wall: seconds of processor, and numpy's product
of all vectors of an owner with the question. `with embedding` are the same questions, each embedded by MiniLM first.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from backend.embedding.minilm import MINILM, MiniLmEmbedder
from backend.embedding.model import EmbeddingModel, Purpose, Vector
from backend.embedding.ports import Embedder
from backend.index.embedded import EmbeddedIndex
from backend.index.in_memory import InMemoryIndex
from backend.index.model import IndexDocument, IndexFilter, Tombstone
from backend.kit.clock import SystemClock, epoch_ms
from backend.memories.documents import documents_of
from backend.memories.fake import FakePolicies
from backend.memories.model import Memory, Revision
from backend.retrieval.model import Question
from backend.retrieval.service import RetrievalService
from backend.tenancy.scope import Environment, Scope, user_scope
from backend.usage.model import Usage
from benchmarks import texts
from benchmarks.machine import ROOT, resident_mb
from benchmarks.plot import Bar
from benchmarks.report import Report, add_output, finish
from benchmarks.spread import milliseconds, processor_seconds, timed

TENANT = "bench"
TURNS = 40
BATCH = 500
K = 5
SPEAKERS = ("Amara", "Bruno")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = Path(".local/embedder")
TO_REACH = (
    "To reach (2 cores), 100,000 memories, without embedding: p50/p95 5/15 ms of 100 owners and 60/90 ms of one (aim 1/3 and "
    "30/40); RSS added 200 MB; 2,300 bytes a memory. 5,000 of one owner, with embedding: 12 ms (aim 8)."
)


def scope_of(owner: int) -> Scope:
    """Return the scope of an end user."""
    return user_scope(TENANT, "bench", Environment.LIVE, f"u{owner}")


def vector_of(chance: Random) -> Vector:
    """Return a random vector of length 1."""
    parts = np.frombuffer(chance.randbytes(MINILM.dimension), dtype=np.uint8).astype("<f4") - np.float32(127.5)
    return Vector((parts / np.linalg.norm(parts)).astype("<f4").tobytes())


def memory_of(number: int, owners: int) -> Memory:
    """Return the memory with this number, the same whenever it is asked for."""
    chance = Random(number)  # noqa: S311 - sentences, not secrets
    scope = scope_of(number % owners)
    turn = number // owners
    said = BEGAN + timedelta(days=turn // TURNS, minutes=turn % TURNS)
    return Memory(
        memory_id=f"mem_{number:026d}",
        tenant_id=TENANT,
        scope_key=scope.home,
        project_id=scope.project_id,
        end_user_id=scope.end_user_id,
        text=texts.memory(number, chance),
        extracted_key=f"{number}",
        created_at=said,
        updated_at=said,
        known_from=said,
        valid_from=said,
        occurred_at=said,
        session_id=f"s{turn // TURNS}",
        speaker=SPEAKERS[turn % 2],
        vector=vector_of(chance),
        model=MINILM.identity,
    )


class Rows:
    """The table, in memory: nothing is pending, and rows are made as they are asked for."""

    def __init__(self, owners: int) -> None:
        self._owners = owners
        self.seconds = 0.0

    def pending(self, scope: Scope) -> tuple[list[IndexDocument | Tombstone], bool]:
        """Return nothing: the index holds everything."""
        del scope
        return [], False

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        """Return the rows."""
        return self.get_many_used(tenant_id, memory_ids)[0]

    def get_many_used(self, tenant_id: str, memory_ids: Sequence[str]) -> tuple[dict[str, Memory], dict[str, Usage]]:
        """Return the rows, and no usage."""
        del tenant_id
        began = time.perf_counter()
        rows = {each: memory_of(int(each.removeprefix("mem_")), self._owners) for each in memory_ids}
        self.seconds += time.perf_counter() - began
        return rows, {}

    def revisions_at(self, tenant_id: str, wanted: Iterable[tuple[str, int]]) -> list[Revision]:
        """Return nothing: no memory was ever changed."""
        del tenant_id, wanted
        return []

    def newest(self, scope: Scope, count: int) -> list[Memory]:
        """Return nothing: the index is never down here."""
        del scope, count
        return []


class Given:
    """Vectors out of the air, in no time."""

    def __init__(self) -> None:
        self._chance = Random(3)  # noqa: S311 - vectors, not secrets

    @property
    def model(self) -> EmbeddingModel:
        """Say that they are MiniLM's, or no memory would be compared with them."""
        return MINILM

    def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
        """Return a vector for each text."""
        del purpose
        return [vector_of(self._chance) for _ in texts]


def write(path: Path, memories: int, owners: int) -> None:
    """Put so many memories, of so many owners, into the index's file, as the projector does."""
    index = EmbeddedIndex(path, SystemClock())
    try:
        for start in range(0, memories, BATCH):
            numbers = range(start, min(start + BATCH, memories))
            index.write(TENANT, [each for number in numbers for each in documents_of(memory_of(number, owners))])
    finally:
        index.close()


def repeat(action: Callable[[], object], times: int) -> None:
    """Do it so often."""
    for _ in range(times):
        action()


def asked(path: Path, owners: int, queries: int, model: Path | None) -> dict[str, float]:
    """Return what queries take in this process: seconds of each and of their processor, and the memory that they added."""
    before = resident_mb()
    clock = SystemClock()
    index = EmbeddedIndex(path, clock)
    rows = Rows(owners)
    embedder: Embedder = MiniLmEmbedder(model) if model else Given()
    chance = Random(5)  # noqa: S311 - questions, not secrets
    with ThreadPoolExecutor(1) as threads:
        service = RetrievalService(
            rows=rows,
            policies=FakePolicies(),
            index=index,
            recent=InMemoryIndex,
            embedder=embedder,
            clock=clock,
            executor=threads,
        )

        def ask() -> None:
            scope = scope_of(chance.randrange(owners))
            service.query(scope, Question(texts.question(chance), K, IndexFilter(now=epoch_ms(clock.now()))))

        first = timed(ask)
        for owner in range(owners):
            service.query(scope_of(owner), Question("Where is it?", K, IndexFilter(now=epoch_ms(clock.now()))))
        times = []
        rows.seconds = 0.0
        for _ in range(queries):
            taken = rows.seconds
            times.append(timed(ask) - (rows.seconds - taken))
        making = rows.seconds
        processor = (processor_seconds(lambda: repeat(ask, queries)) - making) / queries
    index.close()
    return {
        "first query ms": 1000 * first,
        "p50 ms": milliseconds(times, 50),
        "p95 ms": milliseconds(times, 95),
        "processor ms": 1000 * processor,
        "RSS added MB": resident_mb() - before,
    }


def alone(path: Path, owners: int, queries: int, model: Path | None) -> dict[str, float]:
    """Return what `asked` does in a process of its own."""
    words = [sys.executable, "-m", "benchmarks.query", "--child", str(path), "--owners", str(owners), "--queries", str(queries)]
    said = subprocess.run([*words, "--model", str(model or "")], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    found: dict[str, float] = json.loads(said)
    return found


def measured(memories: int, owners: int, queries: int) -> dict[str, Any]:
    """Return one line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.db"
        write(path, memories, owners)
        stored = sum(each.stat().st_size for each in Path(folder).glob("index.db*")) / memories
        given, embedded = alone(path, owners, queries, None), alone(path, owners, queries, MODEL)
    chance = Random(1)  # noqa: S311 - vectors, not secrets
    matrix = np.frombuffer(b"".join(vector_of(chance) for _ in range(memories // owners)), "<f4").reshape(-1, MINILM.dimension)
    question = np.frombuffer(vector_of(chance), "<f4")
    scans = [timed(lambda: np.vecdot(matrix, question)) for _ in range(queries)]
    return {
        "memories": memories,
        "owners": owners,
        **given,
        "with embedding p50 ms": embedded["p50 ms"],
        "with embedding p95 ms": embedded["p95 ms"],
        "scan ms": milliseconds(scans, 50),
        "bytes a memory": stored,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each size with one owner and with 100, print the table, write the files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.query", description=__doc__)
    parser.add_argument("--memories", type=int, nargs="+", default=[1_000, 5_000, 10_000, 100_000], help="how many (%(default)s)")
    parser.add_argument("--owners", type=int, nargs="+", default=[1, 100], help="of how many end users (%(default)s)")
    parser.add_argument("--queries", type=int, default=200, help="questions of each kind (%(default)s)")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--model", help=argparse.SUPPRESS)
    add_output(parser)
    given = parser.parse_args(arguments)
    if given.child:
        print(json.dumps(asked(given.child, given.owners[0], given.queries, Path(given.model) if given.model else None)))
        return 0
    began = Report("query", "", {}, []).began
    rows = []
    for owners, memories in itertools.product(given.owners, given.memories):
        print(f"{memories} memories, {owners} owners ...", file=sys.stderr, flush=True)
        rows.append(measured(memories, owners, given.queries))
    names = [f"{row['memories']:,} of {row['owners']}" for row in rows]
    plots = {
        what: [Bar(name, max(row[what], 0)) for name, row in zip(names, rows, strict=True)]
        for what in ("p50 ms", "p95 ms", "with embedding p50 ms", "RSS added MB")
    }
    parameters = {name: vars(given)[name] for name in ("memories", "owners", "queries")}
    finish(Report("query", "A query in its process, ranking and all", parameters, rows, plots, [TO_REACH], began), given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
