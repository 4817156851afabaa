"""How fast the embedded index is: `python benchmarks/index.py [--documents 1000 10000] [--json FILE]`.

Documents of 384 dimensions and about 20 words, drawn with a fixed seed; vectors are random (a search is an exact scan, so their
values do not matter), words follow Zipf's law. One process, warm unless said. Figures are of the machine that runs it.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import statistics
import tempfile
import time
from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

from backend.embedding.model import Vector
from backend.index.embedded import EmbeddedIndex
from backend.index.model import IndexDocument, IndexFilter, IndexQuery, Tombstone
from backend.kit.clock import SystemClock
from backend.tenancy.scope import Environment, Scope, user_scope

DIMENSION = 384
MODEL = "bench/384"
WORDS = 20
VOCABULARY = [f"word{number}" for number in range(20_000)]
ZIPF = list(accumulate(1 / (rank + 1) for rank in range(len(VOCABULARY))))
BATCH = 500
SINGLES = 500
QUERIES = 100
DELETIONS = 50


def main() -> None:
    """Measure each size with one owner and with 100, and print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--documents", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    options.add_argument("--owners", type=int, nargs="+", default=[1, 100])
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    lines = [_measure(documents, owners) for documents in chosen.documents for owners in chosen.owners]
    columns = list(lines[0])
    print(" | ".join(columns))
    for line in lines:
        print(" | ".join(f"{line[column]:,.4g}" if line[column] < BATCH else f"{line[column]:,.0f}" for column in columns))
    if chosen.json:
        chosen.json.write_text(json.dumps(lines, indent=2) + "\n")


def _measure(documents: int, owners: int) -> dict[str, float]:
    chance = random.Random(1)  # noqa: S311 - test data, repeatable
    scopes = [user_scope("bench", "bench", Environment.LIVE, f"u{number}") for number in range(owners)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.db"
        index = EmbeddedIndex(path, SystemClock())
        line: dict[str, float] = {"documents": documents, "owners": owners}
        line["bulk docs/s"] = _bulk(index, scopes, documents, chance)
        line["bytes/doc"] = path.stat().st_size / documents
        index.close()
        fresh = EmbeddedIndex(path, SystemClock())
        line["open ms"] = 1000 * _timed(fresh.check)
        line["cold query ms"] = 1000 * _timed(lambda: fresh.search(scopes[0], _question(chance)))
        for scope in scopes:
            fresh.search(scope, _question(chance))
        _spread(line, "query", [_timed(_search(fresh, scopes, chance)) for _ in range(QUERIES)])
        _spread(line, "filtered", [_timed(_search(fresh, scopes, chance, ("s1",))) for _ in range(QUERIES)])
        _spread(line, "40 pending", [_timed(_search(fresh, scopes, chance, pending=40)) for _ in range(QUERIES)])
        singles = [_document(f"one{number:06}", chance.choice(scopes), chance) for number in range(SINGLES)]
        line["single adds/s"] = SINGLES / _timed(lambda: _each(fresh, singles))
        _spread(line, "query after add", [_timed(_add_then_search(fresh, scopes, chance, number)) for number in range(QUERIES)])
        graves = [Tombstone(each.scope_key, each.memory_id, 2, 1) for each in singles[:DELETIONS]]
        line["deletions/s"] = DELETIONS / _timed(lambda: _each(fresh, graves))
        line["max RSS MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        fresh.close()
    return line


def _bulk(index: EmbeddedIndex, scopes: Sequence[Scope], documents: int, chance: random.Random) -> float:
    spent = 0.0
    for first in range(0, documents, BATCH):
        size = min(BATCH, documents - first)
        batch = [_document(f"mem{first + number:08}", scopes[(first + number) % len(scopes)], chance) for number in range(size)]
        started = time.perf_counter()
        index.write("bench", batch)
        spent += time.perf_counter() - started
    return documents / spent


def _each(index: EmbeddedIndex, changes: Sequence[IndexDocument | Tombstone]) -> None:
    for change in changes:
        index.write("bench", [change])


def _search(
    index: EmbeddedIndex, scopes: Sequence[Scope], chance: random.Random, sources: tuple[str, ...] = (), pending: int = 0
) -> Callable[[], object]:
    scope, question = chance.choice(scopes), _question(chance, sources)
    overlay = [_document(f"new{number}", scope, chance) for number in range(pending)]
    return lambda: index.search(scope, question, overlay)


def _add_then_search(index: EmbeddedIndex, scopes: Sequence[Scope], chance: random.Random, number: int) -> Callable[[], object]:
    scope, question = chance.choice(scopes), _question(chance)
    index.write("bench", [_document(f"late{number}", scope, chance)])
    return lambda: index.search(scope, question)


def _document(memory_id: str, scope: Scope, chance: random.Random) -> IndexDocument:
    return IndexDocument(
        scope_key=scope.home,
        memory_id=memory_id,
        revision=1,
        chunk=0,
        row_version=1,
        stems=Counter(_words(chance, WORDS)),
        vector=_vector(chance),
        model=MODEL,
        created_at=1,
        source=f"s{chance.randrange(10)}",
        tags=("bench",),
    )


def _question(chance: random.Random, sources: tuple[str, ...] = ()) -> IndexQuery:
    return IndexQuery(_vector(chance), MODEL, tuple(_words(chance, 8)), IndexFilter(sources=sources, now=1))


def _words(chance: random.Random, count: int) -> list[str]:
    return chance.choices(VOCABULARY, cum_weights=ZIPF, k=count)


def _vector(chance: random.Random) -> Vector:
    """Return small random components; not unit length, which no timing depends on."""
    return Vector(array("f", [0.05 * (byte / 128 - 1) for byte in chance.randbytes(DIMENSION)]).tobytes())


def _spread(line: dict[str, float], name: str, seconds: Sequence[float]) -> None:
    line[f"{name} p50 ms"] = 1000 * statistics.median(seconds)
    line[f"{name} p95 ms"] = 1000 * statistics.quantiles(seconds, n=20)[-1]


def _timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
