"""When there is no answer: `python -m benchmarks.abstention benchmarks/conversations`.

Asks the questions of each conversation of its own memories, which answer them, and every fourth question of each other one, which
nothing there answers. The names of that conversation's speakers are put into the foreign questions: a name that nobody has would
give them away, as it seldom does in life. What is looked at is `backend.composing.confidence`: how many of the own questions are
answered, and how many of the foreign ones, which is how often an answer is made up of what does not answer.

Fitted is a logistic regression over the two signals, both kinds of question weighing the same, checked by leaving out one
conversation at a time. What it prints as weights stands in `backend/composing/confidence.py`.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.composing.answering import Reader, extracted
from backend.composing.confidence import BY_MEANING, BY_WORDS, Signals
from backend.composing.model import BEST_FOUND, MOST_CITED, THRESHOLD
from backend.embedding.minilm import MiniLmEmbedder
from benchmarks.datasets import Conversation, read
from benchmarks.handlers import MODEL
from benchmarks.report import Report, add_output, finish
from benchmarks.stores import InProcess, Prepared

EVERY = 4
"""One foreign question of so many: nine conversations in ten are foreign."""

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
PENALTY = 1e-3
STEPS, STEP = 4000, 0.5
Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: of which conversation it is, whether its memories were asked, what spoke for an answer, and what it cited."""

    conversation: str
    is_own: bool
    signals: Signals
    cites_evidence: bool


def asked(conversations: Sequence[Conversation], model: Path) -> Iterator[Asked]:
    """Yield all questions with what was found for them."""
    embedder = MiniLmEmbedder(model, threads=2)
    reader = Reader(embedder)
    with tempfile.TemporaryDirectory() as folder:
        store = InProcess(
            Path(folder) / "index.db", Prepared(embedder, [turn.text for talk in conversations for turn in talk.turns])
        )
        try:
            for talk in conversations:
                store.remember(talk.name, talk.turns)
            for talk in conversations:
                print(f"{talk.name}: {len(talk.turns)} memories", file=sys.stderr, flush=True)
                for other in conversations:
                    is_own = other is talk
                    for question in other.questions[:: 1 if is_own else EVERY]:
                        text = question.text if is_own else renamed(question.text, other, talk)
                        found, turn_of = store.found(talk.name, text, BEST_FOUND)
                        evidence = reader.evidence(text, found.answers)
                        cited = extracted(text, evidence, MOST_CITED).cited
                        turns = {turn_of[each.sentence.memory.memory_id] for each in cited}
                        yield Asked(other.name, is_own, evidence.signals, bool(turns & question.evidence) and is_own)
        finally:
            store.close()


def renamed(text: str, other: Conversation, talk: Conversation) -> str:
    """Return a question of the other conversation with this one's speakers in the place of its own."""
    for theirs, ours in zip(_speakers(other), _speakers(talk), strict=False):
        text = re.sub(rf"\b{re.escape(theirs)}\b", ours, text)
    return text


def fitted(rows: Numbers, is_own: NDArray[np.bool_]) -> Numbers:
    """Return the weights: of nothing, then of each column."""
    middle, spread = rows.mean(axis=0), rows.std(axis=0)
    scaled = np.column_stack([np.ones(len(rows)), (rows - middle) / spread])
    counts = np.where(is_own, 1 / is_own.sum(), 1 / (~is_own).sum())
    weights = np.zeros(scaled.shape[1])
    for _ in range(STEPS):
        likely = 1 / (1 + np.exp(-scaled @ weights))
        weights -= STEP * (scaled.T @ (counts * (likely - is_own)) + PENALTY * np.r_[0.0, weights[1:]])
    slopes = weights[1:] / spread
    found: Numbers = np.r_[weights[0] - float(slopes @ middle), slopes]
    return found


def held_out(rows: Numbers, is_own: NDArray[np.bool_], names: Sequence[str]) -> Numbers:
    """Return each question's confidence by weights that were fitted without its conversation's questions."""
    of = np.array(names)
    found = np.zeros(len(rows))
    for name in sorted(set(names)):
        weights = fitted(rows[of != name], is_own[of != name])
        found[of == name] = 1 / (1 + np.exp(-(weights[0] + rows[of == name] @ weights[1:])))
    return found


def table(confidences: Numbers, is_own: NDArray[np.bool_], way: str) -> list[dict[str, Any]]:
    """Return for each threshold how many own and foreign questions are answered."""
    return [
        {
            "signals": way,
            "threshold": each,
            "own answered": float((confidences[is_own] >= each).mean()),
            "foreign answered": float((confidences[~is_own] >= each).mean()),
        }
        for each in THRESHOLDS
    ]


def _speakers(talk: Conversation) -> list[str]:
    return sorted({turn.speaker for turn in talk.turns if turn.speaker})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, write the files."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.abstention", description=__doc__)
    parser.add_argument("path", type=Path, help="folder of conversations (benchmarks/conversations)")
    parser.add_argument("--model", type=Path, default=MODEL, help="directory of the embedding model (%(default)s)")
    add_output(parser)
    words = parser.parse_args(arguments)
    questions = list(asked(read(words.path, "talks"), words.model))
    names = [each.conversation for each in questions]
    is_own = np.array([each.is_own for each in questions])
    both = np.array([[each.signals.cosine or 0.0, each.signals.coverage] for each in questions])
    rows = table(held_out(both, is_own, names), is_own, "meaning and words")
    rows += table(held_out(both[:, 1:], is_own, names), is_own, "words")
    good = [each.cites_evidence for each in questions if each.is_own and each.signals.confidence >= THRESHOLD]
    weights = {"meaning and words": (both, BY_MEANING), "words": (both[:, 1:], BY_WORDS)}
    notes = [
        f"Fitted on all, {name}: {np.round(fitted(columns, is_own), 2).tolist()}; in use: {list(used)}."
        for name, (columns, used) in weights.items()
    ]
    cites = f"{np.mean(good):.3f} cite a turn that holds the answer"
    notes.append(f"Of the {len(good)} own questions answered at {THRESHOLD} by the weights in use, {cites}.")
    parameters = {"own questions": int(is_own.sum()), "foreign questions": int((~is_own).sum()), "k": BEST_FOUND}
    finish(Report("abstention", "Answering and abstaining", parameters, rows, {}, notes), words.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
