"""An add takes the same, however much its owner has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import growth


def test_the_calls_of_an_add_are_the_same_at_every_size(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert growth.main(["--sizes", "2", "60", "--out", str(tmp_path)]) == 0

    rows = json.loads((tmp_path / "growth.json").read_text())["rows"]
    by_kind = {row["what"]: {other["calls"] for other in rows if other["what"] == row["what"]} for row in rows}
    assert {kind: len(calls) for kind, calls in by_kind.items()} == dict.fromkeys(by_kind, 1)
    assert set(by_kind) == {"a new fact", "a fact that is known", "a contradiction", "a contradiction said late"}
    assert "growth.json" in capsys.readouterr().out
