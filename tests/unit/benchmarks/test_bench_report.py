"""A benchmark leaves figures that say where, when and how they were measured."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from benchmarks import machine, plot
from benchmarks.plot import Bar
from benchmarks.report import Report, shown

ROWS: list[dict[str, Any]] = [{"what": "add", "ms": 12.3456, "count": 20000}, {"what": "query", "ms": None, "count": 3}]
REPORT = Report("example", "An example", {"memories": 3}, ROWS, {"ms": [Bar("add", 12.3)]}, ["A note."])


def test_the_record_says_when_where_what_and_how(tmp_path: Path) -> None:
    record = json.loads(REPORT.write(tmp_path).read_text())

    assert {"date", "machine", "commit", "command", "load", "load_at_end", "parameters"} <= record.keys()
    assert record["rows"] == ROWS
    assert record["machine"]["cores"] >= 1


def test_the_three_files_stand_side_by_side(tmp_path: Path) -> None:
    REPORT.write(tmp_path / "new")

    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["example.json", "example.md", "example.svg"]


def test_the_table_for_people_has_every_row_and_note() -> None:
    lines = REPORT.text().splitlines()

    assert [line.split() for line in lines] == [
        ["what", "ms", "count"],
        ["add", "12.3", "20,000"],
        ["query", "-", "3"],
        ["A", "note."],
    ]
    assert "| add | 12.3 | 20,000 |" in REPORT.markdown().splitlines()


@pytest.mark.parametrize(
    ("value", "cell"), [(None, "-"), ("x", "x"), (7, "7"), (0.01234, "0.0123"), (1234.5, "1,234"), (999.4, "999")]
)
def test_a_cell_has_three_digits_that_tell_something(value: str | float | None, cell: str) -> None:
    assert shown(value) == cell


def test_the_plot_is_a_drawing_with_a_bar_for_each_value_and_no_markup_from_labels() -> None:
    drawing = ET.fromstring(plot.chart("A & B", {"ms": [Bar("<add>", 2), Bar("query", 4)]}))  # noqa: S314 - our own
    bars = [each for each in drawing.iter() if each.tag.endswith("rect") and each.get("x")]

    assert 2 * float(bars[0].get("width", "")) == float(bars[1].get("width", ""))
    assert "<add>" in [each.text for each in drawing.iter()]


def test_a_panel_of_zeros_can_be_drawn() -> None:
    ET.fromstring(plot.chart("None", {"errors": [Bar("a", 0)], "nothing": []}))  # noqa: S314 - our own


def test_a_commit_is_marked_when_files_differ_from_it(tmp_path: Path) -> None:
    assert machine.commit(tmp_path) == ""
    for words in (["init", "-q"], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    clean = machine.commit(tmp_path)
    (tmp_path / "file").write_text("x")
    subprocess.run(["git", "-C", str(tmp_path), "add", "file"], check=True)

    assert len(clean) >= 7
    assert machine.commit(tmp_path) == f"{clean}+"


def test_a_command_names_its_program_without_the_machines_folders() -> None:
    assert machine.command(["/opt/venv/bin/python", "-m", "benchmarks.load"]) == "python -m benchmarks.load"
