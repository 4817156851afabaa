"""What the rules make of labelled utterances: `python -m benchmarks.extraction`.

`benchmarks/utterances.tsv` names for each utterance the categories of what is to be kept. A third of them (by a digest of the
text) is kept apart: rules are mended by looking at the others only (`--misses` shows those). Precision and recall count
statements: one is right when an utterance has a statement of that category to keep. Beside it the speed on plain prose.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from backend.extraction.model import Category
from backend.extraction.rules import statements_in
from benchmarks.plot import Bar
from benchmarks.report import Report, add_output, finish
from benchmarks.spread import median_of, processor_seconds

UTTERANCES = Path(__file__).parent / "utterances.tsv"
SAID_AT = datetime(2026, 11, 18, 15, 30, tzinfo=UTC)
UNSURE = frozenset({"reported", "hedged"})
LEAST_SURE, MOST_UNSURE = 0.5, 0.7
KINDS = (*(each.value for each in Category), "reported", "hedged", "nothing")
PIECE = 1_000
"""Characters."""

ROUNDS = 9


@dataclass(frozen=True, slots=True)
class Utterance:
    """A text and what should be kept of it, in order."""

    text: str
    kept: tuple[str, ...]

    @property
    def is_apart(self) -> bool:
        """Tell whether it belongs to the third that nobody looks at while mending rules."""
        return sha256(self.text.encode()).digest()[0] % 3 == 0


def utterances(path: Path = UTTERANCES) -> list[Utterance]:
    """Read the labelled file. Raises `ValueError` for a line of another form."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            kinds, tab, text = line.partition("\t")
            unknown = set(kinds.split(",")) - {*KINDS, "none"}
            if not tab or unknown:
                msg = f"{line!r} is not CATEGORIES, a tab, and a text."
                raise ValueError(msg)
            found.append(Utterance(text, tuple(kind for kind in kinds.split(",") if kind != "none")))
    return found


def kept(utterance: Utterance) -> list[str]:
    """Return the kinds of what the rules keep: for an utterance that is told unsurely, whether they know that it is."""
    statements = [each for each in statements_in(utterance.text, SAID_AT) if each.refusal is None]
    unsure = next((kind for kind in utterance.kept if kind in UNSURE), None)
    if unsure:
        return [unsure if LEAST_SURE <= each.confidence <= MOST_UNSURE else each.category.value for each in statements]
    return [each.category.value for each in statements]


def scores(said: Iterable[Utterance]) -> list[dict[str, str | float | None]]:
    """Return precision and recall of each kind; `nothing` counts the utterances of which nothing is to be kept."""
    right, wanted, made = Counter[str](), Counter[str](), Counter[str]()
    for each in said:
        expected, found = Counter(each.kept or ("nothing",)), Counter(kept(each) or ["nothing"])
        right += expected & found
        wanted += expected
        made += found
    rows: list[dict[str, str | float | None]] = [_row(kind, right[kind], made[kind], wanted[kind]) for kind in KINDS]
    return [*rows, _row("all", right.total(), made.total(), wanted.total())]


def misses(said: Iterable[Utterance]) -> list[str]:
    """Return a line for each utterance that became something else."""
    lines = []
    for each in said:
        found = kept(each)
        if Counter(found) != Counter(each.kept):
            lines.append(f"{','.join(each.kept) or 'nothing'} -> {','.join(found) or 'nothing'}: {each.text}")
    return lines


def kilobytes_a_second(said: Iterable[Utterance]) -> float:
    """Return how much text a second of processor takes in, all utterances one after the other: the median of some rounds."""
    prose = " ".join(each.text for each in said)
    pieces = [prose[start : start + PIECE] for start in range(0, len(prose), PIECE)]
    seconds = median_of(ROUNDS, lambda: processor_seconds(lambda: [statements_in(piece, SAID_AT) for piece in pieces]))
    return len(prose.encode()) / 1000 / seconds


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction", description=__doc__)
    parser.add_argument("--misses", action="store_true", help="show what the rules get wrong of the part that may be looked at")
    add_output(parser)
    arguments = parser.parse_args(argv)
    said = utterances()
    seen = [each for each in said if not each.is_apart]
    if arguments.misses:
        print("\n".join(misses(seen)))
        return 0
    apart = {row["kind"]: row for row in scores(each for each in said if each.is_apart)}
    rows = [
        {**row, "apart: precision": apart[row["kind"]]["precision"], "recall, apart": apart[row["kind"]]["recall"]}
        for row in scores(seen)
    ]
    notes = [
        f"{len(seen)} utterances that may be looked at, {len(said) - len(seen)} kept apart.",
        f"{kilobytes_a_second(said):.0f} kB a processor second, one text of all of them in pieces of 1,000 characters.",
    ]
    plots = {"F1, kept apart": [Bar(str(kind), _f1(row)) for kind, row in apart.items()]}
    finish(Report("extraction", "Extraction by rules", {}, rows, plots, notes), arguments.out)
    return 0


def _row(kind: str, right: int, made: int, wanted: int) -> dict[str, str | float | None]:
    return {
        "kind": kind,
        "wanted": wanted,
        "precision": right / made if made else None,
        "recall": right / wanted if wanted else None,
    }


def _f1(row: dict[str, str | float | None]) -> float:
    precision, recall = row["precision"], row["recall"]
    if not isinstance(precision, float) or not isinstance(recall, float) or not precision + recall:
        return 0.0
    return 2 * precision * recall / (precision + recall)


if __name__ == "__main__":
    sys.exit(main())
