"""How fast the index alone is, without ranking: `python -m benchmarks.index`.

Documents of 384 dimensions and about 20 words, drawn with a fixed seed; vectors are random (the embedded index scans exactly, so
their values change no time of it), words follow Zipf's law. The embedded index in one process, warm unless said;
`--engine opensearch` measures a real OpenSearch with the same documents, `--engine both` one after the other.

Filter recall: of the best `k` documents by cosine that pass a filter which one in ten documents passes, worked out here from the
vectors, the share that the index found. Beside it run what bounds it on this machine at this moment: `scan ms` is numpy's
product of all vectors of an owner with the question (what a query is a multiple of), `raw commits/s` is a bare SQLite file that
takes rows of the same size one at a time (what `adds/s` is a part of). Medians of `--queries` questions.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import sys
import tempfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from backend.embedding.model import Vector
from backend.index.embedded import EmbeddedIndex
from backend.index.model import IndexDocument, IndexFilter, IndexQuery, Tombstone
from backend.index.opensearch import OpenSearchIndex
from backend.index.opensearch_documents import Space
from backend.index.opensearch_engine import Engine, connect
from backend.index.ports import MemoryIndex
from backend.kit.clock import SystemClock
from backend.tenancy.scope import Environment, Scope, user_scope
from benchmarks.machine import peak_mb
from benchmarks.plot import Bar
from benchmarks.report import Report, add_output, finish
from benchmarks.spread import milliseconds, processor_seconds, raw_commits_per_second, timed
from infrastructure.engines.opensearch import process
from infrastructure.search.indexes import Indexes
from infrastructure.search.mapping import Size

DIMENSION = 384
MODEL = "bench/384"
TENANT = "bench"
WORDS = 20
ROW_BYTES = 2048
VOCABULARY = [f"word{number}" for number in range(20_000)]
ZIPF = list(accumulate(1 / (rank + 1) for rank in range(len(VOCABULARY))))
BATCH = 500
LIMIT = 10
SOURCES = 10
DELETIONS = 20
TO_REACH = (
    "To reach (2 cores), embedded, 100,000: query p50 5 ms of 100 owners and 40 ms of one (aim 1 and 6.5), filter recall 1.000; "
    "adds 900/s one at a time and 14,000/s in bulk (aim 3,000 and 40,000)."
)


@dataclass(frozen=True, slots=True)
class Opened:
    """An index to measure: how to open it once more as a process that starts does, and its file's size if it has a file."""

    index: MemoryIndex
    open: Callable[[], MemoryIndex]
    stored_bytes: Callable[[], int]


class Corpus:
    """Documents of some owners, made once for all engines; the vectors of each owner also as a matrix."""

    def __init__(self, documents: int, owners: int) -> None:
        self.chance = random.Random(1)  # noqa: S311 - test data, repeatable
        self.scopes = [user_scope(TENANT, "bench", Environment.LIVE, f"u{number}") for number in range(owners)]
        self.documents = [
            self.document(f"mem{number:08}", self.scopes[number % owners], source=f"s{number // owners % SOURCES}")
            for number in range(documents)
        ]

    def document(self, memory_id: str, scope: Scope, source: str = "late") -> IndexDocument:
        """Return a new document."""
        return IndexDocument(
            scope_key=scope.home,
            memory_id=memory_id,
            revision=1,
            chunk=0,
            row_version=1,
            stems=Counter(self._words(WORDS)),
            vector=self._vector(),
            model=MODEL,
            created_at=1,
            source=source,
            tags=("bench",),
        )

    def question(self, *sources: str) -> IndexQuery:
        """Return a new question, of documents of these sources only when there are any."""
        return IndexQuery(self._vector(), MODEL, tuple(self._words(8)), IndexFilter(sources=sources, now=1), LIMIT)

    def best(self, scope: Scope, question: IndexQuery) -> list[str]:
        """Return the ids of the best documents by cosine that pass the question's sources, worked out from the vectors."""
        sources = question.filter.sources
        passing = [each for each in self.documents if each.scope_key == scope.home and (not sources or each.source in sources)]
        cosines = matrix(passing) @ np.frombuffer(question.vector or b"", dtype="<f4")
        return [passing[place].memory_id for place in np.argsort(-cosines, kind="stable")[: question.limit]]

    def _words(self, count: int) -> list[str]:
        return self.chance.choices(VOCABULARY, cum_weights=ZIPF, k=count)

    def _vector(self) -> Vector:
        """Return a random vector of length 1."""
        parts = np.frombuffer(self.chance.randbytes(DIMENSION), dtype=np.uint8).astype(np.float32) - np.float32(127.5)
        return Vector(array("f", parts / np.linalg.norm(parts)).tobytes())


def matrix(documents: Sequence[IndexDocument]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Return the documents' vectors, one a row."""
    return np.frombuffer(b"".join(each.vector or b"" for each in documents), dtype="<f4").reshape(len(documents), DIMENSION)


@contextmanager
def embedded() -> Iterator[Opened]:
    """Give the embedded index over a file that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.db"
        made: list[EmbeddedIndex] = []

        def opened() -> EmbeddedIndex:
            made.append(EmbeddedIndex(path, SystemClock()))
            return made[-1]

        try:
            yield Opened(opened(), opened, lambda: sum(each.stat().st_size for each in Path(folder).glob("index.db*")))
        finally:
            for each in made:
                each.close()


@contextmanager
def opensearch(model: str = MODEL) -> Iterator[Opened]:
    """Give the adapter, for vectors of this model, over a real OpenSearch that is started for it and thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        running = process.start(Path(folder))
        try:
            engine = Engine(connect(running.url, region="us-east-1"), SystemClock())
            Indexes(engine, "bench").create(Space(model, DIMENSION), Size())

            def opened() -> OpenSearchIndex:
                return OpenSearchIndex(engine, lambda tenant: sha256(tenant.encode()).digest(), SystemClock(), name="bench")

            def stored() -> int:
                engine.call("POST", "/bench-*/_flush")
                return int(engine.call("GET", "/bench-*/_stats/store")["_all"]["total"]["store"]["size_in_bytes"])

            yield Opened(opened(), opened, stored)
        finally:
            process.stop(Path(folder))


ENGINES = {"embedded": embedded, "opensearch": opensearch}


def measured(name: str, corpus: Corpus, opened: Opened, queries: int, singles: int) -> dict[str, Any]:
    """Return one line of the table."""
    row: dict[str, Any] = {"engine": name, "memories": len(corpus.documents), "owners": len(corpus.scopes)}
    row["bulk adds/s"] = bulk_rate(opened.index, corpus.documents)
    row["bytes a memory"] = opened.stored_bytes() / len(corpus.documents)
    fresh = opened.open()
    row["open ms"] = 1000 * timed(fresh.check)
    row["first query ms"] = 1000 * timed(lambda: fresh.search(corpus.scopes[0], corpus.question()))
    for scope in corpus.scopes:
        fresh.search(scope, corpus.question())
    plain = [(corpus.chance.choice(corpus.scopes), corpus.question()) for _ in range(queries)]
    times = [timed(lambda pair=pair: fresh.search(*pair)) for pair in plain]  # type: ignore[misc] # mypy cannot infer a lambda's default
    row["query p50 ms"], row["query p95 ms"] = milliseconds(times, 50), milliseconds(times, 95)
    row["query processor ms"] = 1000 * processor_seconds(lambda: [fresh.search(*pair) for pair in plain]) / queries
    vectors = matrix([each for each in corpus.documents if each.scope_key == corpus.scopes[0].home])
    asked = np.frombuffer(corpus.question().vector or b"", dtype="<f4")
    row["scan ms"] = 1000 * statistics.median(timed(lambda: np.vecdot(vectors, asked)) for _ in range(queries))
    filtered = [(corpus.chance.choice(corpus.scopes), corpus.question("s1")) for _ in range(queries)]
    times = [timed(lambda pair=pair: fresh.search(*pair)) for pair in filtered]  # type: ignore[misc] # as above
    row["filtered p50 ms"], row["filtered p95 ms"] = milliseconds(times, 50), milliseconds(times, 95)
    row["filter recall"] = statistics.fmean(filter_recall(fresh, corpus, *pair) for pair in filtered[: queries // 4 or 1])
    row |= adds(fresh, corpus, singles)
    row["peak RSS MB"] = peak_mb() if name == "embedded" else None
    return row


def write_all(index: MemoryIndex, batches: Iterable[Sequence[IndexDocument | Tombstone]]) -> None:
    """Write one batch after the other."""
    for batch in batches:
        index.write(TENANT, batch)


def bulk_rate(index: MemoryIndex, documents: Sequence[IndexDocument]) -> float:
    """Write the documents by the batch and return how many a second."""
    batches = [documents[start : start + BATCH] for start in range(0, len(documents), BATCH)]
    return len(documents) / timed(lambda: write_all(index, batches))


def filter_recall(index: MemoryIndex, corpus: Corpus, scope: Scope, question: IndexQuery) -> float:
    """Return the share of the truly best that the index found."""
    best = corpus.best(scope, question)
    found = {hit.memory_id for hit in index.search(scope, question).hits}
    return sum(memory_id in found for memory_id in best) / len(best) if best else 1.0


def adds(index: MemoryIndex, corpus: Corpus, count: int) -> dict[str, float]:
    """Write documents and tombstones one at a time; beside it the disk's own pace, before and after."""
    some = [corpus.document(f"one{number:06}", corpus.chance.choice(corpus.scopes)) for number in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        before = raw_commits_per_second(Path(folder), ROW_BYTES, count)
        rate = count / timed(lambda: write_all(index, [[each] for each in some]))
        after = raw_commits_per_second(Path(folder), ROW_BYTES, count)
    graves = [Tombstone(each.scope_key, each.memory_id, 2, 1) for each in some[:DELETIONS]]
    return {
        "adds/s": rate,
        "raw commits/s": (before + after) / 2,
        "deletions/s": len(graves) / timed(lambda: write_all(index, [[each] for each in graves])),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure each size with one owner and with 100, print the table, write the files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.index", description=__doc__)
    parser.add_argument("--engine", choices=[*ENGINES, "both"], default="embedded", help="which (%(default)s)")
    parser.add_argument("--documents", type=int, nargs="+", default=[1_000, 10_000, 100_000], help="how many (%(default)s)")
    parser.add_argument("--owners", type=int, nargs="+", default=[1, 100], help="of how many end users (%(default)s)")
    parser.add_argument("--queries", type=int, default=100, help="questions of each kind (%(default)s)")
    parser.add_argument("--singles", type=int, default=300, help="adds one at a time (%(default)s)")
    add_output(parser)
    asked = parser.parse_args(arguments)
    engines = list(ENGINES) if asked.engine == "both" else [asked.engine]
    rows = []
    began = Report("index", "", {}, []).began
    for documents, owners in itertools.product(asked.documents, asked.owners):
        corpus = Corpus(documents, owners)
        for engine in engines:
            print(f"{engine}: {documents} memories, {owners} owners ...", file=sys.stderr, flush=True)
            with ENGINES[engine]() as opened:
                rows.append(measured(engine, corpus, opened, asked.queries, asked.singles))
    names = [f"{row['engine']}, {row['memories']:,} of {row['owners']}" for row in rows]
    plots = {
        what: [Bar(name, row[what]) for name, row in zip(names, rows, strict=True)]
        for what in ("query p50 ms", "filtered p50 ms", "bulk adds/s", "adds/s")
    }
    parameters = {name: vars(asked)[name] for name in ("engine", "documents", "owners", "queries", "singles")}
    finish(Report(f"index-{asked.engine}", "The index alone", parameters, rows, plots, [TO_REACH], began), asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
