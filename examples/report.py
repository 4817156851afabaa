"""What the demo shows: progress, the table of questions, and the lines to go on with."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from examples.figures import percentile
from examples.story import EXPECTED_WITHIN, Question

WIDTH_OF_A_LOG = 130
LINES_OF_PROGRESS = 4
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what came of it: the answers best first, the expected memory's rank from 1 (None: not among them)."""

    question: Question
    answers: Sequence[Mapping[str, Any]]
    expected_id: str
    seconds: float

    @property
    def rank(self) -> int | None:
        """Where the expected memory stands."""
        return next((at for at, each in enumerate(self.answers, 1) if each["id"] == self.expected_id), None)

    @property
    def passed(self) -> bool:
        """Tell whether it stands where it must."""
        return self.rank is not None and self.rank <= EXPECTED_WITHIN

    @property
    def place(self) -> str:
        """Where it stands, in words."""
        return f"is at rank {self.rank}" if self.rank else f"is not among the first {len(self.answers)}"

    @property
    def miss(self) -> str:
        """What to say when it does not stand where it must."""
        turn = self.question.expected_turn
        return f'"{self.question.question}" expects turn {turn} in the top {EXPECTED_WITHIN}, but its memory {self.place}.'


def console() -> Console:
    """Return where to print: as wide as the terminal, or as a log that nobody resizes."""
    there = Console(highlight=False)
    return there if there.is_terminal else Console(highlight=False, width=WIDTH_OF_A_LOG)


def tracked(out: Console, items: Sequence[_T], what: str) -> Iterator[_T]:
    """Yield the items while a bar grows; a log gets a few lines instead."""
    if out.is_terminal:
        columns = (TextColumn(f"{what} "), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=out) as progress:
            yield from progress.track(items)
        return
    for done, item in enumerate(items, 1):
        yield item
        if done == len(items) or done % max(1, len(items) // LINES_OF_PROGRESS) == 0:
            out.print(f"{what}: {done} of {len(items)}")


def table(asked: Iterable[Asked]) -> Table:
    """Return each question with its best answers below it; `>` stands before the expected one."""
    shown = Table(expand=True, pad_edge=False, box=box.SIMPLE_HEAD)
    shown.add_column("", width=1)
    shown.add_column("Score", width=5, justify="right")
    shown.add_column(f"Question and its top {EXPECTED_WITHIN} answers", ratio=1, no_wrap=True, overflow="ellipsis")
    shown.add_column("ms", width=5, justify="right")
    for each in asked:
        star = "" if each.question.shares_words else " *"
        shown.add_row("", "", f"[bold]{escape(each.question.question)}[/bold]{star}", f"{each.seconds * 1000:.0f}")
        for answer in each.answers[:EXPECTED_WITHIN]:
            mark, style = (">", "green") if answer["id"] == each.expected_id else ("", None)
            shown.add_row(mark, f"{answer['score']:.2f}", escape(_said(answer)), "", style=style)
        if not each.passed:
            shown.add_row("!", "", f"The expected memory {each.place}.", "", style="red")
        shown.add_section()
    return shown


def _said(answer: Mapping[str, Any]) -> str:
    said_at = answer.get("occurred_at")
    day = f"{datetime.fromisoformat(said_at):%d %b} " if said_at else ""
    speaker = f"{answer['speaker']}: " if answer.get("speaker") else ""
    return f"{day}{speaker}" + " ".join(answer["text"].split())


def speeds(seconds: Mapping[str, Sequence[float]]) -> str:
    """Return how long each kind of request took in the middle, leaving out what was not sent."""
    return "Median: " + ", ".join(
        f"{what} {percentile(some, 50) * 1000:.0f} ms of {len(some)}" for what, some in seconds.items() if some
    )


def curl_lines(base_url: str, api_key: str) -> tuple[str, str]:
    """Return an add and a query of an end user of one's own, quoted for sh."""
    return (
        _curl(f"{base_url}/memory/add", api_key, {"user_id": "me", "text": "The key of the cellar hangs behind the blue door."}),
        _curl(f"{base_url}/memory/query", api_key, {"user_id": "me", "query": "How do I get into the basement?"}),
    )


def _curl(url: str, api_key: str, body: Mapping[str, str]) -> str:
    sent = json.dumps(body, ensure_ascii=False)
    return shlex.join(["curl", "-sS", url, "-H", f"X-API-Key: {api_key}", "-H", "Content-Type: application/json", "-d", sent])
