"""Whether what is asked for comes back: `python -m benchmarks.recall --format locomo PATH`.

Each turn of a conversation is one memory of one owner; each question is asked once, and what is looked at is how many of the
turns that hold its answer are among the first k (`benchmarks.ranking`). No language model takes part. The data is read from the
path that is given and never kept: see `benchmarks.datasets` for formats and licences.

In process it measures the use cases over the embedded index, or over a real OpenSearch (`--engine`), with the vectors made in
batches; with `--http` the deployed service, word for word as a client would use it, its local stack over the OpenSearch that
`OPENSEARCH_URL` names, if it names one. All are the ranking as it is, so they should agree; nothing here is tuned.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from backend.embedding.minilm import MINILM, MiniLmEmbedder
from backend.index.ports import MemoryIndex
from backend.retrieval.model import Weights
from benchmarks.datasets import FORMATS, Conversation, read
from benchmarks.handlers import MODEL
from benchmarks.index import embedded, opensearch
from benchmarks.plot import Bar
from benchmarks.ranking import DEPTHS, scores
from benchmarks.report import Report, add_output, finish
from benchmarks.spread import milliseconds
from benchmarks.stores import InProcess, OverHttp, Prepared, Store, embedded_texts
from benchmarks.target import add_target, target
from examples.service import Service

ALL = "(all)"
K = max(DEPTHS)

Judged = tuple[str, list[str], frozenset[str]]
"""A question's category, what was found, and its evidence."""


def judged(store: Store, conversations: Sequence[Conversation]) -> tuple[list[Judged], list[float]]:
    """Let the store remember everything, ask everything, and return what came of it and the seconds of each question."""
    answers: list[Judged] = []
    seconds: list[float] = []
    for talk in conversations:
        print(f"{talk.name}: {len(talk.turns)} memories, {len(talk.questions)} questions", file=sys.stderr, flush=True)
        store.remember(talk.name, talk.turns)
        for question in talk.questions:
            start = time.perf_counter()
            found = store.ask(talk.name, question.text, K)
            seconds.append(time.perf_counter() - start)
            answers.append((question.category, found, question.evidence))
    return answers, seconds


def table(answers: Sequence[Judged]) -> list[dict[str, Any]]:
    """Return a row for all questions and one for each category."""
    rows: list[dict[str, Any]] = []
    for category in [ALL, *sorted({each for each, _, _ in answers})]:
        some = [(found, evidence) for each, found, evidence in answers if category in {ALL, each}]
        rows.append({"category": category, "questions": len(some), **scores(some)})
    return rows


def weight(text: str) -> tuple[str, float]:
    """Read `cluster=0.1`. Raises `ValueError`."""
    name, _, value = text.partition("=")
    if name not in {each.name for each in fields(Weights)}:
        raise ValueError(name)
    return name, float(value)


def in_process(
    conversations: Sequence[Conversation], index: MemoryIndex, model: Path, weights: Weights | None = None, *, infer: bool = False
) -> tuple[list[Judged], list[float]]:
    """Measure the use cases in this process. Questions are embedded while they are asked, as they are in the service."""
    embedder = Prepared(MiniLmEmbedder(model, threads=2), [text for talk in conversations for text in embedded_texts(talk.turns)])
    return judged(InProcess(index, embedder, weights=weights, infer=infer), conversations)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recall", description=__doc__)
    parser.add_argument("path", type=Path, help="file of conversations and questions")
    parser.add_argument("--format", choices=FORMATS, required=True, help="its form")
    parser.add_argument("--http", action="store_true", help="over HTTP")
    parser.add_argument(
        "--engine", choices=["embedded", "opensearch"], default="embedded", help="in process: over which index (%(default)s)"
    )
    parser.add_argument("--infer", action="store_true", help="store the facts that rules extract from each turn, not the turn")
    parser.add_argument("--held-out", action="store_true", help="of BEAM: only the chats that the ranking was not fitted on")
    parser.add_argument("--weights", type=weight, nargs="+", default=[], metavar="FACTOR=WEIGHT", help="instead of the defaults")
    parser.add_argument("--conversations", type=int, help="how many of the file, from its beginning (default: all)")
    parser.add_argument("--model", type=Path, default=MODEL, help="directory of the embedding model (%(default)s)")
    add_target(parser)
    add_output(parser)
    asked = parser.parse_args(arguments)
    if asked.http and asked.engine != "embedded":
        parser.error("--engine is for a run in process.")
    conversations = read(asked.path, asked.format)[1 if asked.held_out else 0 :: 2 if asked.held_out else 1]
    conversations = [talk for talk in conversations if talk.questions][: asked.conversations]
    if asked.http:
        with target(asked) as at, Service(at.base_url, at.api_key) as service:
            store = OverHttp(service, f"recall-{time.time_ns():x}", dict(asked.weights), infer=asked.infer)
            answers, seconds = judged(store, conversations)
    else:
        weights = replace(Weights(), **dict(asked.weights))
        with embedded() if asked.engine == "embedded" else opensearch(MINILM.identity) as opened:
            answers, seconds = in_process(conversations, opened.index, asked.model, weights, infer=asked.infer)
    part = "-held-out" if asked.held_out else ""
    way = "http" if asked.http else "in-process"
    way += ("-opensearch" if asked.engine == "opensearch" else "") + ("-infer" if asked.infer else "")
    parameters = {
        "format": asked.format,
        "way": way,
        "k": K,
        "weights": dict(asked.weights),
        "conversations": len(conversations),
        "memories": sum(len(talk.turns) for talk in conversations),
    }
    middle, slow = milliseconds(seconds, 50), milliseconds(seconds, 95)
    notes = [f"A question took {middle:.1f} ms at the median, {slow:.1f} ms at the 95th percentile."]
    rows = table(answers)
    plots = {name: [Bar(row["category"], row[name]) for row in rows] for name in ("R@10", "nDCG@10")}
    title = f"Evidence recall, {asked.format}, {way}"
    finish(Report(f"recall-{asked.format}-{way}{part}", title, parameters, rows, plots, notes), asked.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
