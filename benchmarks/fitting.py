"""What each feature of the ranking should count: `python -m benchmarks.fitting TALKS --beam BEAM`.

Fits the weights of `backend.retrieval.weights` on conversations of our own (`benchmarks/conversations`) and on one half of
BEAM's chats, and shows what each feature earns. The features are those that the service works out, over the embedded index
with its lists as long as they are.

Model: a softmax over the candidates of each question, whose target is spread evenly over the turns that hold the answer
(listwise; Cao et al., "Learning to rank: from pairwise approach to listwise approach", 2007), with an L2 penalty. Checked by
leaving out one conversation at a time, so that no question is judged by weights that were fitted on its own conversation.
Names of questions' categories, evidence and people take no part in any feature.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.embedding.minilm import MiniLmEmbedder
from backend.retrieval.features import Documents, columns
from backend.retrieval.weights import ALWAYS, LONG, SHORT
from benchmarks.datasets import Conversation, read
from benchmarks.handlers import MODEL
from benchmarks.report import Report, add_output, finish
from benchmarks.stores import InProcess, Prepared, embedded_texts

K = 10
BEAM_COUNTS = 5.0
"""A question of BEAM counts like so many of ours, of which there are more."""

PENALTY = 5e-4
STEPS, CLOSE = 50, 1e-9
"""Of Newton's method at most, and the slope at which it has arrived: after five or so on our data."""

HALVINGS, SUFFICIENT = 20, 1e-4
"""How often a step that leads too far is halved, and what part of the descent that the slope promises is enough."""

ROUNDS = 2
"""How often the best piece of each memory is chosen anew by the weights found so far."""

FREE = frozenset({"asks", "time", "summary_by_user", "rule", "length"})
"""What may count against a document; the others are evidence for it or nothing."""

GROUPS: Mapping[str, frozenset[str]] = {
    "meaning": frozenset({"dense", "first_dense", "dense_context", "dense_next", "dense_around"}),
    "words": frozenset({"words", "coverage", "coverage_around", "words_around", "asked_words"}),
    "around": frozenset({"dense_context", "dense_next", "dense_around", "coverage_around", "words_around", "asked_words"}),
    "roles": frozenset({"by_user", "summary_by_user", "advice_by_assistant"}),
    "wants": frozenset(name for name in ALWAYS if name.startswith("wants_")),
    "dates": frozenset({"on_day", "in_month", "soon_after"}),
}
"""What is also left out together, of all tables."""

TABLES: Mapping[str, Sequence[str]] = {"short": tuple(SHORT), "long": tuple(LONG), "always": tuple(ALWAYS)}
Weights = dict[str, float]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """One question: a row of weighable features for each candidate, which memory (turn) it is of, and which are evidence."""

    conversation: str
    category: str
    counts: float
    rows: Matrix
    turns: tuple[str, ...]
    evidence: frozenset[str]


def names() -> list[str]:
    """Return the weights' names, `table.feature`, in the order of an example's columns."""
    return [f"{table}.{feature}" for table, features in TABLES.items() for feature in features]


def examples(conversations: Sequence[Conversation], model: Path, counts: float) -> list[Example]:
    """Return the questions of the conversations with what the index finds for them."""
    embedder = Prepared(MiniLmEmbedder(model, threads=2), [text for talk in conversations for text in embedded_texts(talk.turns)])
    made: list[Example] = []
    with tempfile.TemporaryDirectory() as folder:
        store = InProcess(Path(folder) / "index.db", embedder)
        try:
            for talk in conversations:
                print(f"{talk.name}: {len(talk.turns)} memories", file=sys.stderr, flush=True)
                store.remember(talk.name, talk.turns)
                for question in talk.questions:
                    found, turn_of = store.candidates(talk.name, question.text, K)
                    documents = Documents(found.result)
                    features = columns(found.reading, found.terms, documents)
                    shares = {"short": documents.shortness, "long": 1 - documents.shortness, "always": 1.0}
                    rows = [shares[table] * features[name] for table, every in TABLES.items() for name in every]
                    turns = tuple(turn_of[hit.memory_id] for hit in documents.hits)
                    made.append(Example(talk.name, question.category, counts, np.stack(rows, axis=1), turns, question.evidence))
        finally:
            store.close()
    return made


def _best_rows(example: Example, weights: Matrix) -> NDArray[np.intp]:
    """Return the best row of each turn, the best turn first."""
    order = np.argsort(-(example.rows @ weights), kind="stable")
    first = dict.fromkeys(example.turns)
    chosen = {example.turns[row]: row for row in reversed(order.tolist())}
    rows = np.array([chosen[turn] for turn in first], dtype=np.intp)
    return rows[np.argsort(-(example.rows[rows] @ weights), kind="stable")]


def fit(some: Sequence[Example], used: NDArray[np.bool_]) -> Matrix:
    """Return the weights that explain these examples best; 0 for those that are not used."""
    may_be_negative = np.array([name.split(".")[1] in FREE for name in names()])
    weights = np.where(used & ~may_be_negative, 1.0, 0.0)
    for _ in range(ROUNDS):
        weights = _solved(some, weights, used, may_be_negative)
    return weights


def _solved(some: Sequence[Example], weights: Matrix, used: NDArray[np.bool_], may_be_negative: NDArray[np.bool_]) -> Matrix:
    """Return the weights that make the loss smallest on the best row of each memory, by Newton's method within the bounds.

    The loss is convex and the penalty makes its lowest point the only one. Bounds as in Bertsekas, "Projected Newton methods
    for optimization problems with simple constraints", 1982: a weight at 0 that the slope would push below stays there.
    """
    task = task_of(some, weights)
    loss, slope, curve = task.at(weights)
    for _ in range(STEPS):
        moved = used & (may_be_negative | (weights > 0) | (slope < 0))
        if np.abs(slope[moved]).max(initial=0.0) < CLOSE:
            break
        direction = np.zeros(len(weights))
        direction[moved] = np.linalg.solve(curve[np.ix_(moved, moved)], slope[moved])
        for halved in range(HALVINGS):
            tried = weights - 0.5**halved * direction
            tried = np.where(may_be_negative, tried, np.maximum(tried, 0.0))
            found = task.at(tried)
            if found[0] <= loss + SUFFICIENT * float(slope @ (tried - weights)):
                break
        else:
            break
        weights, (loss, slope, curve) = tried, found
    return weights


@dataclass(frozen=True, slots=True)
class Task:
    """The rows of all questions one after another: target and weight of each, where each question begins and its weight."""

    rows: Matrix
    target: Matrix
    starts: NDArray[np.intp]
    counts: Matrix
    total: float

    def at(self, weights: Matrix) -> tuple[float, Matrix, Matrix]:
        """Return the loss, its gradient and its Hessian."""
        sizes = np.diff([*self.starts, len(self.rows)])
        scores = self.rows @ weights
        scores -= np.repeat(np.maximum.reduceat(scores, self.starts), sizes)
        grown = np.exp(scores)
        sums = np.add.reduceat(grown, self.starts)
        count = np.repeat(self.counts, sizes)
        chance = grown / np.repeat(sums, sizes)
        loss = float(self.counts @ np.log(sums) - (count * self.target) @ scores) / self.total + PENALTY * float(
            weights @ weights
        )
        slope = self.rows.T @ (count * (chance - self.target)) / self.total + 2 * PENALTY * weights
        weighted = self.rows * chance[:, None]
        means = np.add.reduceat(weighted, self.starts)
        curve = ((weighted * count[:, None]).T @ self.rows - (means * self.counts[:, None]).T @ means) / self.total
        return loss, slope, curve + 2 * PENALTY * np.eye(len(weights))


def task_of(some: Sequence[Example], weights: Matrix) -> Task:
    """Return the best row, by these weights, of each memory of the questions that have evidence among their candidates."""
    rows, targets, counts, starts = [], [], [], []
    at = 0
    for example in some:
        best = _best_rows(example, weights)
        is_evidence = np.array([example.turns[row] in example.evidence for row in best.tolist()], dtype=np.float64)
        if not is_evidence.any():
            continue
        rows.append(example.rows[best])
        targets.append(is_evidence / is_evidence.sum())
        counts.append(example.counts)
        starts.append(at)
        at += len(best)
    total = sum(example.counts for example in some)
    return Task(np.concatenate(rows), np.concatenate(targets), np.array(starts, dtype=np.intp), np.array(counts), total)


def recall(example: Example, weights: Matrix, depth: int = K) -> float:
    """Return the share of the evidence among the first turns."""
    first = {example.turns[row] for row in _best_rows(example, weights)[:depth].tolist()}
    return len(first & example.evidence) / len(example.evidence)


def left_out(some: Sequence[Example], used: NDArray[np.bool_]) -> list[tuple[Example, float]]:
    """Return R@10 of each example under weights that were fitted without its conversation."""
    judged: list[tuple[Example, float]] = []
    for conversation in dict.fromkeys(example.conversation for example in some):
        weights = fit([example for example in some if example.conversation != conversation], used)
        judged += [(example, recall(example, weights)) for example in some if example.conversation == conversation]
    return judged


def means(judged: Sequence[tuple[Example, float]]) -> dict[str, float]:
    """Return the mean over our own conversations, over BEAM's, and over the categories of our own."""
    own = [(example, value) for example, value in judged if example.counts == 1]
    beam = [value for example, value in judged if example.counts != 1]
    found = {"talks": fmean(value for _, value in own)} | ({"beam": fmean(beam)} if beam else {})
    for category in sorted({example.category for example, _ in own}):
        found[category] = fmean(value for example, value in own if example.category == category)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit, print the weights and what each earns, write the files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fitting", description=__doc__)
    parser.add_argument("talks", type=Path, help="folder of conversations of our own")
    parser.add_argument("--beam", type=Path, help="BEAM's chats; every other one, from the first, is fitted on")
    parser.add_argument("--model", type=Path, default=MODEL, help="directory of the embedding model (%(default)s)")
    parser.add_argument("--ablate", action="store_true", help="also leave out each feature, and each group of them, in turn")
    add_output(parser)
    asked = parser.parse_args(arguments)
    some = examples(read(asked.talks, "talks"), asked.model, 1.0)
    if asked.beam:
        some += examples(read(asked.beam, "beam")[::2], asked.model, BEAM_COUNTS)
    rows = report_rows(some, ablate=asked.ablate)
    parameters = {"talks": asked.talks.name, "beam": bool(asked.beam), "questions": len(some)}
    finish(Report("fitting", "Weights of the ranking", parameters, rows), asked.out)
    return 0


def report_rows(some: Sequence[Example], *, ablate: bool) -> list[dict[str, Any]]:
    """Return a row for all features together, for the weights that ship, and for each: its weight and what it earns."""
    every = np.ones(len(names()), dtype=np.bool_)
    weights = fit(some, every)
    whole = left_out(some, every)
    whole_means = means(whole)
    unsure = {f"{key} ±": None for key in ("talks", "beam") if ablate and key in whole_means}
    shipped = np.array([{"short": SHORT, "long": LONG, "always": ALWAYS}[t][f] for t, f in (n.split(".") for n in names())])
    as_shipped = means([(each, recall(each, shipped)) for each in some])
    rows: list[dict[str, Any]] = [
        {"feature": "all, each conversation left out", "fitted": None, "ships": None, **whole_means, **unsure},
        {"feature": "as they ship", "fitted": None, "ships": None, **as_shipped, **unsure},
    ]
    for number, name in enumerate(names()):
        row: dict[str, Any] = {"feature": name, "fitted": float(weights[number]), "ships": float(shipped[number])}
        rows.append(row | (_change(some, whole, {name}) if ablate else dict.fromkeys(whole_means)))
    for group, features in GROUPS.items() if ablate else ():
        left = {name for name in names() if name.split(".")[1] in features}
        rows.append({"feature": f"all of {group}", "fitted": None, "ships": None} | _change(some, whole, left))
    return rows


def _change(some: Sequence[Example], whole: Sequence[tuple[Example, float]], left: Collection[str]) -> dict[str, float]:
    """Return what the means change by without these features, and the standard error of that over our own and BEAM's."""
    judged = left_out(some, np.array([name not in left for name in names()]))
    before, after = means(whole), means(judged)
    changes = [(example, now - then) for (example, now), (_, then) in zip(judged, whole, strict=True)]
    own = [change for example, change in changes if example.counts == 1]
    beam = [change for example, change in changes if example.counts != 1]
    return {key: after[key] - before[key] for key in after} | {
        f"{key} ±": stdev(values) / math.sqrt(len(values)) for key, values in (("talks", own), ("beam", beam)) if len(values) > 1
    }


if __name__ == "__main__":
    sys.exit(main())
