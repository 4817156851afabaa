"""How questions are routed against what they should be: `python -m benchmarks.routing`.

`benchmarks/questions.tsv` names the route of each question. A third of them (by a digest of the question) is kept apart: the
table of forms is mended by looking at the others only (`--misses` shows those).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from backend.retrieval.kinds import Route, kind_of
from benchmarks.plot import Bar
from benchmarks.report import Report, add_output, finish

QUESTIONS = Path(__file__).parent / "questions.tsv"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and how it should be answered."""

    text: str
    route: Route

    @property
    def is_apart(self) -> bool:
        """Tell whether it belongs to the third that nobody looks at while mending forms."""
        return sha256(self.text.encode()).digest()[0] % 3 == 0

    @property
    def is_right(self) -> bool:
        """Tell whether it is routed as it should be."""
        return kind_of(self.text).route is self.route


def questions(path: Path = QUESTIONS) -> list[Asked]:
    """Read the labelled file. Raises `ValueError` for a line of another form."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            route, tab, text = line.partition("\t")
            if not tab or route not in set(Route):
                msg = f"{line!r} is not ROUTE, a tab, and a question."
                raise ValueError(msg)
            found.append(Asked(text, Route(route)))
    return found


def misses(asked: Iterable[Asked]) -> list[str]:
    """Return a line for each question that goes elsewhere."""
    return [f"{each.route} -> {kind_of(each.text).route}: {each.text}" for each in asked if not each.is_right]


def scores(asked: Sequence[Asked]) -> list[dict[str, str | float | None]]:
    """Return how many questions of each route there are, and which share of them, and of what was sent there, is right."""
    right = Counter(each.route for each in asked if each.is_right)
    wanted = Counter(each.route for each in asked)
    sent = Counter(kind_of(each.text).route for each in asked)
    rows = [_row(route.value, right[route], sent[route], wanted[route]) for route in Route]
    return [*rows, _row("all", right.total(), sent.total(), wanted.total())]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.routing", description=__doc__)
    parser.add_argument("--misses", action="store_true", help="show what goes wrong of the part that may be looked at")
    add_output(parser)
    arguments = parser.parse_args(argv)
    asked = questions()
    seen, apart = [each for each in asked if not each.is_apart], [each for each in asked if each.is_apart]
    if arguments.misses:
        print("\n".join(misses(seen)))
        return 0
    of_apart = {row["route"]: row for row in scores(apart)}
    rows = [
        {**row, "wanted, apart": of_apart[row["route"]]["wanted"], "recall, apart": of_apart[row["route"]]["recall"]}
        for row in scores(seen)
    ]
    notes = [f"{len(seen)} questions that may be looked at, {len(apart)} kept apart."]
    plots = {"Recall, kept apart": [Bar(str(route), _share(row["recall"])) for route, row in of_apart.items()]}
    finish(Report("routing", "Routing of questions", {}, rows, plots, notes), arguments.out)
    return 0


def _row(route: str, right: int, sent: int, wanted: int) -> dict[str, str | float | None]:
    return {
        "route": route,
        "wanted": wanted,
        "precision": right / sent if sent else None,
        "recall": right / wanted if wanted else None,
    }


def _share(value: str | float | None) -> float:
    return value if isinstance(value, float) else 0.0


if __name__ == "__main__":
    sys.exit(main())
