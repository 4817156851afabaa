"""What a benchmark leaves behind: a table for the terminal, and JSON, markdown and a plot in a folder."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.plot import Bar, chart

FOLDER = Path(".local/bench")
Row = Mapping[str, str | float | None]
_PLAIN = 1000


@dataclass(frozen=True, slots=True)
class Report:
    """One run: the rows of its table (all with the same columns), what they mean, and what is drawn of them.

    `plots` are panels, each a title with its unit and bars.
    """

    name: str
    title: str
    parameters: Mapping[str, Any]
    rows: Sequence[Row]
    plots: Mapping[str, Sequence[Bar]] = field(default_factory=dict)
    notes: Sequence[str] = ()
    began: Mapping[str, Any] = field(default_factory=machine.facts)

    def write(self, folder: Path) -> Path:
        """Write NAME.json, NAME.md and NAME.svg and return the first."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps(self.record(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        path.with_suffix(".md").write_text(self.markdown(), encoding="utf-8")
        path.with_suffix(".svg").write_text(chart(self.title, self.plots), encoding="utf-8")
        return path

    def record(self) -> dict[str, Any]:
        """Return everything, for programs."""
        return {
            "benchmark": self.name,
            **self.began,
            "load_at_end": round(os.getloadavg()[0], 1),
            "parameters": dict(self.parameters),
            "rows": [dict(row) for row in self.rows],
            "notes": list(self.notes),
        }

    def markdown(self) -> str:
        """Return everything, for people."""
        began, place = self.began, self.began["machine"]
        where = f"{place['cores']} cores ({place['processor']}, {place['system']}), Python {place['python']}"
        lines = [
            f"# {self.title}",
            "",
            f"{began['date']}, {where}, commit {began['commit']}, load {began['load']}",
            "",
            f"    {began['command']}",
            "",
            *markdown_table(self.rows),
            *(["", *(f"- {note}" for note in self.notes)] if self.notes else []),
        ]
        return "\n".join(lines) + "\n"

    def text(self) -> str:
        """Return the table and the notes, for the terminal."""
        cells = _cells(self.rows)
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
        return "\n".join([*lines, *self.notes])


def markdown_table(rows: Sequence[Row]) -> list[str]:
    """Return the lines of a table; none for no rows."""
    if not rows:
        return []
    head, *body = _cells(rows)
    return [_line(head), _line(["---"] * len(head)), *map(_line, body)]


def shown(value: str | float | None) -> str:
    """Return a cell: three significant digits below a thousand, whole numbers above, a dash for nothing."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if isinstance(value, int) or abs(value) >= _PLAIN:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def add_output(parser: argparse.ArgumentParser) -> None:
    """Give a command the option that says where to write."""
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder of the JSON, markdown and SVG (%(default)s)")


def finish(report: Report, folder: Path) -> None:
    """Print the table and write the files."""
    print(report.text())
    print(f"Written: {report.write(folder)}, .md and .svg")


def _cells(rows: Sequence[Row]) -> list[list[str]]:
    columns = list(rows[0]) if rows else []
    return [columns, *([shown(row.get(column)) for column in columns] for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
